"""What to make: catalogues, and the script that draws the sample one."""
