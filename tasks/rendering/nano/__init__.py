"""kolors-nano: a draft model trained on scenes that this package draws, in the Kolors classes and layout."""
