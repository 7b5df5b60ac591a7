"""The demo: a whole collective living through its months on the product's own engine, jobs and stores."""
