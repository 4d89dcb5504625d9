"""Judge masters by their findings."""
