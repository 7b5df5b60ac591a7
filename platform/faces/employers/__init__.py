"""The face that employers and insurers see: only what is declared and what is published."""
