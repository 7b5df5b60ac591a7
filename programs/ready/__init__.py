"""Ready-made programmes as documents."""
