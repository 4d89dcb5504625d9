"""The approval page: where a person decides on the pictures that the checks could not."""
