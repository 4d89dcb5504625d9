"""Write manifest and report, read back."""
