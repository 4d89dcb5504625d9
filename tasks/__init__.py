"""Nouns and verbs of the picture pipeline: the noun packages are plain Python, the verb files are Prefect tasks."""
