"""A wooden stacking toy."""

from pathlib import Path

import bpy

from catalogs.drawing.geometry import fillet
from catalogs.drawing.materials import Look, grain, srgb, surface
from catalogs.drawing.meshes import ball, lathe, move


def stacker(_: Path) -> None:
    """A beech foot, four painted rings and a rabbit's head."""
    beech = _wood("beech", "#d9b384", "#b98850")
    lathe("foot", fillet([(0, 0, 0), (0.92, 0, 0.06), (0.92, 0.2, 0.1), (0, 0.2, 0)]), beech)
    height = 0.2
    for color, radius in (("#d98f7a", 0.84), ("#e8c27a", 0.74), ("#8fb59a", 0.64), ("#7f9fbd", 0.54)):
        ring = fillet([(0.2, 0, 0), (radius, 0, 0.17), (radius, 0.36, 0.17), (0.2, 0.36, 0)], segments=16)
        ring[:, 1] += height
        lathe("ring", ring, _wood("paint", color, color, blend=0.86))
        height += 0.362
    head = (0.0, 0.0, height + 0.36)
    move(ball("head", (0.47, 0.45, 0.42), beech), to=head)
    dark = surface("eye", Look(srgb("#2a211b"), roughness=0.2))
    pink = surface("cheek", Look(srgb("#e0917f"), roughness=0.6))
    pale = _wood("inner", "#e7a793", "#dd9a86")
    for side in (-1, 1):
        move(ball("ear", (0.125, 0.09, 0.42), beech), to=(side * 0.2, 0.04, head[2] + 0.68), turn=(4, side * 9, 0))
        move(ball("lining", (0.07, 0.06, 0.3), pale), to=(side * 0.205, -0.015, head[2] + 0.68), turn=(4, side * 9, 0))
        move(ball("eye", (0.043, 0.03, 0.05), dark), to=(side * 0.16, -0.42, head[2] + 0.06))
        move(ball("cheek", (0.07, 0.02, 0.05), pink), to=(side * 0.255, -0.372, head[2] - 0.07))
    move(ball("nose", (0.04, 0.035, 0.03), pink), to=(0, -0.452, head[2] - 0.03))


def _wood(name: str, light: str, dark: str, *, blend: float = 0.0) -> bpy.types.Material:
    """Wood with its grain upright; paint (blend near 1) lets a little of the grain through."""
    look = Look(srgb(light), roughness=0.46 - 0.06 * blend, coat=0.12)
    tone = tuple(c * (1 - 0.25 * blend) for c in srgb(dark))
    return grain(surface(name, look), scale=3.0, color=(tone[0], tone[1], tone[2]), stretch=(6.0, 6.0, 0.7))
