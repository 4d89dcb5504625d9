"""Checks with values, and the verdict they add up to."""
