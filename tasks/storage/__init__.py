"""Object stores: a local folder or S3, one contract."""
