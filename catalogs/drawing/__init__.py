"""Draws the sample catalogue's pack shots: one file per product family, modelled and lit in Blender's Cycles."""
