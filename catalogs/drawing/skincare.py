"""A serum bottle with a dropper, a lipstick with its cap, and a perfume flacon."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from catalogs.drawing.geometry import fillet, rise, rounded_rectangle
from catalogs.drawing.materials import Look, decal, printed, srgb, surface, window
from catalogs.drawing.meshes import lathe, move, patch, tower
from catalogs.drawing.prints import font, save, sheet, text

GOLD = Look(srgb("#d9b377"), roughness=0.22, metallic=1.0)
CLEAR = Look((1.0, 1.0, 1.0), roughness=0.0, transmission=1.0, ior=1.45)


def serum(work: Path) -> None:
    """A green glass bottle, gold collar, white rubber bulb, paper label."""
    glass = Look(srgb("#4f9c86"), roughness=0.03, transmission=1.0, ior=1.5)
    label = printed(
        "label", glass, Look((1, 1, 1), roughness=0.55), _serum_label(work), **window((0.285, 0.715), (0.1, 0.735))
    )
    body = fillet([(0, 0, 0), (0.5, 0, 0.09), (0.5, 1.52, 0.3), (0.2, 1.62, 0.06), (0.2, 1.78, 0)])
    lathe("bottle", body, label)
    serum_body = fillet([(0, 0.09, 0), (0.445, 0.09, 0.06), (0.445, 1.2, 0.01), (0, 1.2, 0)])
    lathe("liquid", serum_body, surface("liquid", Look(srgb("#bfe3c8"), roughness=0.0, transmission=1.0, ior=1.36)))
    gold = surface("gold", GOLD)
    collar = fillet([(0.0, 1.665, 0), (0.265, 1.665, 0.02), (0.265, 2.0, 0.03), (0.0, 2.0, 0)])
    lathe("collar", collar, gold)
    rubber = surface("rubber", Look(srgb("#22302c"), roughness=0.45))
    bulb = fillet(
        [(0.0, 1.99, 0), (0.2, 1.99, 0.02), (0.185, 2.12, 0.05), (0.168, 2.5, 0.1), (0.14, 2.69, 0.12), (0, 2.69, 0)]
    )
    lathe("bulb", bulb, rubber)


def _serum_label(work: Path) -> Path:
    page, pen = sheet(1350, 1170, (238, 234, 222, 255))
    green, soft = (28, 74, 62, 255), (58, 92, 80, 255)
    pen.ellipse((625, 90, 725, 190), outline=green, width=6)
    pen.arc((640, 128, 710, 215), 200, 340, fill=green, width=6)
    text(pen, (675, 300), "青屿", font(150, serif=True, bold=True), green, spacing=0.24)
    text(pen, (675, 415), "QINGYU BOTANICS", font(44), soft, spacing=0.2)
    pen.line((475, 490, 875, 490), fill=green, width=4)
    text(pen, (675, 585), "积雪草舒缓精华液", font(92, bold=True), green, spacing=0.06)
    text(pen, (675, 690), "CICA SOOTHING SERUM", font(48), soft, spacing=0.12)
    text(pen, (675, 850), "舒缓泛红 · 修护屏障", font(58), green, spacing=0.08)
    text(pen, (675, 1040), "净含量 30 ml / 1.0 fl.oz", font(46), soft, spacing=0.05)
    return save(page, work, "serum")


def lipstick(_: Path) -> None:
    """An open lipstick with its cap standing beside it."""
    shell = surface("shell", Look(srgb("#15110f"), roughness=0.16, coat=0.6))
    gold = surface("gold", GOLD)
    lathe("base", fillet([(0, 0, 0), (0.4, 0, 0.03), (0.4, 0.92, 0.04), (0, 0.92, 0)]), shell)
    lathe("ring", fillet([(0, 0.9, 0), (0.405, 0.9, 0.015), (0.405, 1.0, 0.015), (0, 1.0, 0)]), gold)
    lathe(
        "inner",
        fillet([(0, 1.0, 0), (0.335, 1.0, 0.02), (0.335, 1.62, 0.03), (0.27, 1.62, 0.02), (0.27, 1.5, 0)]),
        gold,
    )
    _bullet()
    cap = fillet([(0, 0, 0), (0.425, 0, 0.03), (0.425, 1.5, 0.06), (0, 1.5, 0)])
    move(lathe("cap", cap, shell), to=(1.12, 0.3, 0))
    band = fillet([(0.42, 0.12, 0), (0.432, 0.12, 0.01), (0.432, 0.2, 0.01), (0.42, 0.2, 0)])
    move(lathe("band", band, gold), to=(1.12, 0.3, 0))


def _bullet() -> None:
    """The stick: a round-topped cylinder cut by a slanted plane, the cut's edge kept soft."""
    profile = fillet([(0, 1.45, 0), (0.262, 1.45, 0), (0.262, 2.42, 0.1), (0.0, 2.46, 0)], segments=20)
    dense = np.vstack([np.linspace(a, b, 6, endpoint=False) for a, b in pairwise(profile)])
    paint = surface("stick", Look(srgb("#b3202c"), roughness=0.3, coat=0.25, subsurface=0.1))
    thing = lathe("stick", dense, paint)
    for vertex in thing.data.vertices:
        x, y, z = vertex.co
        plane = 2.2 + 0.78 * (x * 0.8 - y * 0.6)
        gap = z - plane
        vertex.co.z = plane + 0.5 * (gap - np.sqrt(gap * gap + 0.0012))


def perfume(work: Path) -> None:
    """A heavy square flacon, pale rose water inside, a lacquered cap."""
    outline = rounded_rectangle(1.5, 0.78, 0.14)
    tower(
        "flacon", outline, rise(1.5, 0.78, [(0, 0), (0.39, 0), (0.39, 1.75), (0, 1.75)], 0.12), surface("glass", CLEAR)
    )
    inside = surface("water", Look(srgb("#f0b79a"), roughness=0.0, transmission=1.0, ior=1.2))
    hollow = rise(1.24, 0.52, [(0, 0.24), (0.26, 0.24), (0.26, 1.5), (0, 1.5)], 0.06)
    tower("water", rounded_rectangle(1.24, 0.52, 0.1), hollow, inside)
    ink = decal("print", Look((1, 1, 1), roughness=0.4), _perfume_print(work))
    move(patch("print", (1.2, 1.4), ink), to=(0, -0.394, 0.88))
    gold = surface("collar", GOLD)
    lathe("neck", fillet([(0, 1.74, 0), (0.24, 1.74, 0.01), (0.24, 1.92, 0.02), (0, 1.92, 0)]), gold)
    cap = surface("cap", Look(srgb("#2b211c"), roughness=0.25, coat=0.5))
    lathe("cap", fillet([(0, 1.9, 0), (0.36, 1.9, 0.04), (0.36, 2.42, 0.08), (0, 2.42, 0)]), cap)


def _perfume_print(work: Path) -> Path:
    page, pen = sheet(900, 1050, (58, 42, 32, 0))
    ink = (58, 42, 32, 255)
    text(pen, (450, 470), "山月", font(120, serif=True, bold=True), ink, spacing=0.3)
    text(pen, (450, 570), "SHANYUE", font(34), ink, spacing=0.5)
    pen.line((390, 625, 510, 625), fill=ink, width=3)
    text(pen, (450, 685), "雨后白茶", font(52, serif=True), ink, spacing=0.25)
    text(pen, (450, 765), "EAU DE PARFUM · 50ml", font(28), ink, spacing=0.18)
    return save(page, work, "perfume")
