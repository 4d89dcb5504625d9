"""Published weights: which repositories a set is made of, fetching, pinning, verifying and converting them."""
