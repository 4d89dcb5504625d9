"""What was made and where it is: keys, ledger, manifest, labels, report."""
