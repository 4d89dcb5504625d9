"""Render a shard of jobs into stored masters."""
