"""CIELAB and CIEDE2000 under the name that the checks know."""

from tasks.colour_difference import Lab, delta_e_2000, lab, tint_difference

__all__ = ["Lab", "delta_e_2000", "lab", "tint_difference"]
