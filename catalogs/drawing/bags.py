"""A leather shoulder bag and a folded plaid scarf."""

from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalogs.drawing.geometry import Points, fillet, rounded_rectangle, spline, superellipse
from catalogs.drawing.materials import Look, bump, decal, printed, srgb, surface
from catalogs.drawing.meshes import block, grid_mesh, move, patch, subdivide, sweep, thicken, tower, tube
from catalogs.drawing.prints import font, save, sheet, text

TAN = Look(srgb("#9c5a34"), roughness=0.42, coat=0.12)
GOLD = Look(srgb("#d8b06c"), roughness=0.2, metallic=1.0)


def handbag(work: Path) -> None:
    """A saddle bag: soft body, stitched flap with a clasp, and a thin strap arching over an open hole."""
    leather = _hide(surface("leather", TAN))
    profile = np.array(
        [
            (0.02, 0.02, 0),
            (0.9, 0.8, 0.0),
            (0.98, 0.95, 0.03),
            (1, 1, 0.12),
            (1.0, 1.0, 0.35),
            (0.97, 0.9, 0.9),
            (0.92, 0.66, 1.4),
            (0.9, 0.58, 1.55),
            (0.86, 0.5, 1.6),
            (0.02, 0.02, 1.6),
        ]
    )
    dense = spline([tuple(row) for row in profile], 80)
    tower("body", rounded_rectangle(2.4, 0.86, 0.3), dense, leather)
    flap = printed("flap", TAN, Look((1, 1, 1), roughness=0.6), _stitches(work), raised=0.006)
    thicken(grid_mesh("flap", _flap(), _hide(flap), wrap_u=False), 0.05, inward=False)
    gold = surface("gold", GOLD)
    move(block("plate", (0.34, 0.05, 0.22), 0.02, gold), to=(0, -0.5, 0.64), turn=(-5, 0, 0))
    move(block("lock", (0.07, 0.1, 0.16), 0.03, gold), to=(0, -0.55, 0.64), turn=(-5, 0, 0))
    sign = decal("sign", Look((1, 1, 1), roughness=0.25, metallic=0.9), _bag_sign(work))
    move(patch("sign", (0.9, 0.3), sign), to=(0, -0.476, 1.03), turn=(-9, 0, 0))
    for side in (-1, 1):
        circle = [(side * 1.12, 0.11 * np.cos(a), 1.56 + 0.11 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)[:-1]]
        tube("ring", np.array(circle), 0.022, gold, closed=True)
        tab = spline([(side * 1.05, 0, 1.2), (side * 1.12, 0, 1.42), (side * 1.13, 0, 1.5)], 20)
        sweep("tab", tab, superellipse(0.05, 0.2, 4), leather)
    arch = [
        (-1.13, 0, 1.62),
        (-1.14, 0, 2.1),
        (-1.02, 0, 2.75),
        (-0.62, 0, 3.25),
        (0, 0, 3.42),
        (0.62, 0, 3.25),
        (1.02, 0, 2.75),
        (1.14, 0, 2.1),
        (1.13, 0, 1.62),
    ]
    sweep("strap", spline(arch, 200), superellipse(0.045, 0.15, 4), leather)
    for side in (-1, 1):
        move(block("buckle", (0.07, 0.19, 0.1), 0.02, gold), to=(side * 1.14, 0, 1.95))


def _hide(material: bpy.types.Material) -> bpy.types.Material:
    bump(material, "VORONOI", scale=34, strength=0.28, distance=0.008)
    return bump(material, "NOISE", scale=5, strength=0.14, distance=0.03)


def _flap() -> Points:
    """From behind the top over the edge and down the front; the lower corners drawn in to a round end."""
    spine = spline(
        [(0.3, 1.2), (0.3, 1.5), (0.22, 1.64), (0, 1.67), (-0.24, 1.64), (-0.33, 1.5), (-0.4, 1.1), (-0.475, 0.5)], 80
    )
    length = np.linspace(0, 1, 80)
    rows = []
    for share in length:
        across = np.linspace(-1, 1, 61)
        reach = share * (1 - 0.3 * np.abs(across) ** 4)
        y = np.interp(reach, length, spine[:, 0])
        z = np.interp(reach, length, spine[:, 1])
        half = 1.1 + 0.05 * share
        rows.append(np.column_stack([across * half, y, z]))
    return np.array(rows[::-1])


def _stitches(work: Path) -> Path:
    """Dashes just inside the flap's edge; the picture's bottom is the flap's front end."""
    page, pen = sheet(2200, 1900, (232, 196, 150, 0))
    thread = (232, 196, 150, 255)
    edge = fillet([(60, 0, 0), (60, 1835, 60), (2140, 1835, 60), (2140, 0, 0)])
    path = spline([tuple(p) for p in edge], 3000)
    for start in range(0, 2980, 26):
        pen.line([tuple(p) for p in path[start : start + 16]], fill=thread, width=13)
    return save(page, work, "stitches")


def _bag_sign(work: Path) -> Path:
    page, pen = sheet(900, 300, (222, 184, 120, 0))
    ink = (222, 184, 120, 255)
    text(pen, (450, 110), "素隐", font(104, serif=True, bold=True), ink, spacing=0.4)
    text(pen, (450, 220), "SUYIN", font(48, serif=True), ink, spacing=0.5)
    return save(page, work, "sign")


def scarf(work: Path) -> None:
    """A wool scarf folded in four, its fringed end hanging over the front."""
    cloth = printed(
        "cloth", Look(srgb("#a33a32")), Look((1, 1, 1), roughness=0.95, sheen=0.5), _plaid(work), scale=(1, 1, 1)
    )
    bump(cloth, "WEAVE", scale=26, strength=0.5, stretch=(1, 1, 1), distance=0.012)
    bump(cloth, "NOISE", scale=22, strength=0.25, distance=0.02)
    path = _folds()
    rng = np.random.default_rng(7)
    rows = []
    for index, (y, z) in enumerate(path):
        across = np.linspace(-1.15, 1.15, 90)
        share = index / len(path)
        wave = 0.018 * np.sin(across * 3.1 + share * 9) + 0.012 * np.sin(across * 7.3 - share * 17)
        rows.append(
            np.column_stack(
                [
                    across * (1 + 0.012 * np.sin(share * 21)) + 0.02 * np.sin(share * 13),
                    np.full(90, y) + wave,
                    z + wave * 0.7,
                ]
            )
        )
    sheet_of_wool = thicken(grid_mesh("cloth", np.array(rows), cloth, wrap_u=False), 0.1)
    sheet_of_wool.modifiers["thicken"].offset = 0
    subdivide(sheet_of_wool, 1)
    yarns = [surface("yarn", Look(srgb(c), roughness=0.95, sheen=0.5)) for c in ("#96332c", "#e6d9c3", "#2f3b4c")]
    end = np.array(rows[-1])
    for number, x in enumerate(np.linspace(-1.11, 1.11, 58)):
        top = np.array([np.interp(x, end[:, 0], end[:, 1]), np.interp(x, end[:, 0], end[:, 2])])
        lean, reach = rng.normal(0, 0.02, 2), 0.2 + rng.uniform(-0.02, 0.02)
        strand = spline(
            [
                (x, top[0], top[1] + 0.03),
                (x + lean[0] / 2, top[0] - 0.01, top[1] - reach / 2),
                (x + lean[0], top[0] + lean[1], top[1] - reach),
            ],
            14,
        )
        tube("fringe", strand, 0.017, yarns[_yarn(number)])


def _yarn(number: int) -> int:
    return (0, 0, 0, 1, 0, 0, 2, 0)[number % 8]


def _folds() -> Points:
    """Side view (y, z) of four layers; the last comes over the top and falls down the front."""
    corners = [(0.85, 0.06, 0.0)]
    for layer in range(3):
        z = 0.06 + layer * 0.19
        y = -0.85 if layer % 2 == 0 else 0.85
        corners += [(y, z, 0.09), (y, z + 0.19, 0.09)]
    corners += [(-0.98, 0.64, 0.14), (-1.02, 0.24, 0)]
    return spline([tuple(p) for p in fillet([(x, z, r) for x, z, r in corners])], 260)


def _plaid(work: Path) -> Path:
    """Once across the scarf by its whole length: red ground, navy and cream bands crossing."""
    wide, high = 1200, 4000
    across, along = np.arange(wide)[None, :, None], np.arange(high)[:, None, None]
    red, navy, cream = (np.array(c, dtype=float) for c in ((158, 52, 44), (44, 56, 74), (232, 220, 198)))

    def bands(at: NDArray[np.int64], period: int) -> NDArray[np.float64]:
        phase = at % period / period
        tone = np.where(phase < 0.3, navy, red)
        tone = np.where((phase > 0.62) & (phase < 0.67), cream, tone)
        return np.where((phase > 0.12) & (phase < 0.17), cream, tone)

    mixed = 0.5 * bands(across, 300) + 0.5 * bands(along, 300)
    twill = 1 + 0.07 * np.sin((across + along) * 0.9)
    page = np.dstack([np.clip(mixed * twill, 0, 255), np.full((high, wide), 255.0)]).astype(np.uint8)
    return save(Image.fromarray(page, "RGBA"), work, "plaid")
