"""Make renditions of stored masters."""
