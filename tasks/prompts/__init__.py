"""The prompt template language: load, layer, expand, explain, lint."""
