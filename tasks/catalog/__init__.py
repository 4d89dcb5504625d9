"""What to make: products, the brief, and reading both from files that people wrote."""
