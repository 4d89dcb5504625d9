"""A running shoe: lofted upper over a foamed midsole, overlays printed on the sides, laces across the tongue."""

from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from catalogs.drawing.geometry import Points, interpolate, resample, spline, superellipse
from catalogs.drawing.materials import Look, bump, printed, srgb, surface
from catalogs.drawing.meshes import grid_mesh, lathe, move, sweep
from catalogs.drawing.prints import font, save, sheet, text

# half the width of the sole, the heights of the ridge and of the collar, all along the length (heel -1.4, toe 1.4)
HALF_WIDTH = [(-1.42, 0.38), (-0.9, 0.4), (-0.4, 0.37), (0.0, 0.38), (0.5, 0.46), (0.85, 0.49), (1.42, 0.47)]
RIDGE = [(-0.3, 1.28), (0.0, 1.12), (0.3, 0.95), (0.6, 0.8), (0.85, 0.7), (1.05, 0.61), (1.2, 0.5), (1.3, 0.42)]
COLLAR = [(-1.27, 1.36), (-1.15, 1.24), (-0.95, 1.09), (-0.7, 1.06), (-0.5, 1.14), (-0.3, 1.28)]
COLLAR_WIDTH = [(-1.27, 0.0), (-1.22, 0.11), (-1.05, 0.21), (-0.8, 0.24), (-0.5, 0.21), (-0.3, 0.17)]
THROAT_END, THROAT_START = 0.62, -0.3


def sneaker(work: Path) -> None:
    """The right shoe, seen from its outer side."""
    rim = _rim()
    foam = bump(surface("foam", Look(srgb("#e2dfd6"), roughness=0.5)), "NOISE", scale=60, strength=0.08, distance=0.006)
    _sole(
        "midsole",
        rim,
        [
            (0.02, 0.06),
            (0.93, 0.06),
            (1.0, 0.08),
            (1.03, 0.125),
            (1.012, 0.155),
            (1.028, 0.185),
            (1.005, 0.24),
            (0.95, 0.262),
            (0.02, 0.262),
        ],
        foam,
    )
    rubber = bump(surface("rubber", Look(srgb("#b98a54"), roughness=0.6)), "WAVE", scale=9, strength=0.5, distance=0.02)
    _sole("outsole", rim, [(0.02, 0.0), (0.94, 0.0), (0.985, 0.012), (1.0, 0.05), (0.98, 0.08), (0.02, 0.08)], rubber)
    knit = printed(
        "knit",
        Look(srgb("#d9dbd8"), roughness=0.9, sheen=0.3),
        Look((1, 1, 1), roughness=0.62),
        _overlays(work),
        coordinates="Object",
        scale=(1 / 2.9, 1, 1 / 1.6),
        rotation=(-90, 0, 0),
        offset=(0.5, 0.0, 0),
        raised=0.012,
    )
    bump(knit, "VORONOI", scale=72, strength=0.5, distance=0.01)
    top = _top(rim)
    grid_mesh("upper", _upper(rim, top), knit, wrap_u=True)
    lining = bump(surface("lining", Look(srgb("#23384a"), roughness=0.95, sheen=0.4)), "NOISE", scale=60, strength=0.2)
    _collar(top, lining)
    _tongue(lining)
    _laces()


def _rim() -> Points:
    """The sole's outline from the heel along the outer side to the toe and back, (x, y), bent a little inwards."""
    x = 1.42 * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 160))
    heel = np.sqrt(np.clip(1 - (np.clip(-0.98 - x, 0, 1) / 0.44) ** 2, 0, 1))
    toe = np.sqrt(np.clip(1 - (np.clip(x - 0.66, 0, 1) / 0.76) ** 2, 0, 1))
    half = interpolate(HALF_WIDTH, x) * heel * toe
    outline = np.vstack([np.column_stack([x, -half]), np.column_stack([x, half])[-2:0:-1]])
    outline = resample(np.vstack([outline, outline[:1]]), 300, closed=True)
    outline[:, 1] += 0.06 * np.clip(outline[:, 0], 0, 2) ** 2
    return outline


def _spring(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the sole lifts off the ground: at the toe, and a touch at the heel."""
    return 0.17 * np.clip((x - 0.55) / 0.85, 0, 1) ** 2 + 0.05 * np.clip((-1.0 - x) / 0.4, 0, 1) ** 2


def _thick(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The midsole is thicker under the heel."""
    return 1.0 + 0.34 * np.clip((0.3 - x) / 1.2, 0, 1)


def _sole(name: str, rim: Points, profile: list[tuple[float, float]], material: bpy.types.Material) -> None:
    line = spline(profile, 90)
    rows = []
    for share, z in line:
        x, y = rim[:, 0] * (1 - (1 - share) * 0.32), rim[:, 1] * share  # as far in at the ends as at the sides
        rows.append(np.column_stack([x, y, z * _thick(rim[:, 0]) + _spring(rim[:, 0])]))
    grid_mesh(name, np.array(rows), material, wrap_u=True)


def _top(rim: Points) -> Points:
    """Where each point of the rim ends above: on the collar, along the throat, or on the ridge over the toes."""
    x, side = rim[:, 0], np.sign(rim[:, 1] - 0.06 * np.clip(rim[:, 0], 0, 2) ** 2)
    stations = [
        (-1.42, -1.27),
        (-1.2, -1.16),
        (-0.8, -0.82),
        (-0.3, -0.3),
        (0.3, 0.28),
        (0.62, 0.58),
        (1.0, 0.84),
        (1.42, 1.08),
    ]
    tx = interpolate(stations, x)
    throat = 0.17 * np.clip((0.72 - tx) / 0.5, 0, 1) ** 0.7
    half = np.where(tx < THROAT_START, np.maximum(interpolate(COLLAR_WIDTH, tx), 0), throat)
    z = np.where(tx < THROAT_START, interpolate(COLLAR, tx), interpolate(RIDGE, tx))
    return np.column_stack([tx, side * half + 0.06 * np.clip(tx, 0, 2) ** 2, z])


def _upper(rim: Points, top: Points) -> Points:
    """Quadratic arcs from the rim to the top, bulging where a foot does."""
    foot = np.column_stack([rim * [0.99, 0.97], 0.22 * _thick(rim[:, 0]) + _spring(rim[:, 0])])
    front = np.clip((rim[:, 0] - 0.3) / 0.9, 0, 1)[:, None]
    middle = np.column_stack([rim * [1.0, 1.0], foot[:, 2] + (top[:, 2] - foot[:, 2]) * (0.62 + 0.3 * front[:, 0])])
    middle[:, :2] += (top[:, :2] - rim) * (0.18 - 0.12 * front)
    rows = [(1 - t) ** 2 * foot + 2 * t * (1 - t) * middle + t**2 * top for t in np.linspace(0, 1, 60)]
    inward = top.copy()
    inward[:, 1] *= 0.86
    inward[:, 2] -= 0.03
    deep = inward.copy()
    deep[:, 2] -= 0.3
    return np.array([*rows, inward, deep])


def _collar(top: Points, lining: bpy.types.Material) -> None:
    """A padded roll along the opening, and a dark sock inside it."""
    behind = top[top[:, 0] < THROAT_START + 0.02]
    angle = np.arctan2(behind[:, 1], behind[:, 0] + 0.75)
    ordered = behind[np.argsort(np.mod(angle, 2 * np.pi))]
    path = spline([tuple(p) for p in ordered[::6]], 140)
    path[:, 2] -= 0.03
    sweep("collar", path, superellipse(0.1, 0.12, 2), lining, up=(0, 0, 1))
    ring = np.array([[p * [1, 0.9, 1] + [0, 0, -depth] for p in path] for depth in (0.0, 0.3, 0.6)])
    grid_mesh("sock", ring, lining, wrap_u=True)
    floor = ring[-1].copy()
    grid_mesh("insole", np.array([floor, np.tile(floor.mean(axis=0), (len(floor), 1))]), lining, wrap_u=True)


def _tongue(lining: bpy.types.Material) -> None:
    spine = spline([(0.66, 0.02, 0.72), (0.3, 0, 0.93), (0.0, 0, 1.11), (-0.28, 0, 1.3), (-0.42, 0, 1.47)], 60)
    section = superellipse(0.38, 0.1, 2.6, 48)
    section[:, 1] -= 0.9 * section[:, 0] ** 2
    sweep("tongue", spine, section, lining, up=(0, 0, 1))


def _laces() -> None:
    """Six flat runs across the throat, every one over its own pair of eyelets."""
    cotton = bump(
        surface("lace", Look(srgb("#f3f1ec"), roughness=0.9)), "WEAVE", scale=60, strength=0.5, distance=0.006
    )
    steel = surface("eyelet", Look(srgb("#c3c6ca"), roughness=0.3, metallic=1.0))
    for number, x in enumerate(np.linspace(-0.2, 0.52, 6)):
        z = float(interpolate(RIDGE, np.array([x]))[0])
        half = 0.16 * min((0.72 - x) / 0.5, 1) ** 0.7 + 0.07
        slant = 0.05 if number % 2 else -0.05
        path = spline(
            [
                (x - slant, -half, z - 0.06),
                (x - slant / 2, -half * 0.6, z + 0.045),
                (x, 0, z + 0.075),
                (x + slant / 2, half * 0.6, z + 0.045),
                (x + slant, half, z - 0.06),
            ],
            40,
        )
        sweep("lace", path, superellipse(0.1, 0.035, 2.5, 32), cotton, up=(0.5, 0, 1))
        for side in (-1, 1):
            hole = lathe("eyelet", np.array([(0.02, 0.0), (0.032, 0.012), (0.045, 0.0)]), steel, steps=32)
            move(hole, to=(x + side * slant, side * (half + 0.005), z - 0.055), turn=(-side * 58, -25, 0))


def _overlays(work: Path) -> Path:
    """Side view, 2.9 long by 1.6 high at 1000 pixels a unit: guards, eyestay and the mark, with stitching."""
    page, pen = sheet(2900, 1600)
    navy, accent, pale, thread = (38, 66, 88, 255), (222, 112, 62, 255), (244, 242, 236, 255), (214, 222, 226, 255)

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [tuple(p) for p in spline([(1450 + x * 1000, 1600 - z * 1000) for x, z in points], 160)]

    def stitch(points: list[tuple[float, float]]) -> None:
        line = [tuple(p) for p in spline(at(points), 900)]
        for start in range(0, 895, 14):
            pen.line(line[start : start + 8], fill=thread, width=7)

    toe = [(0.72, 0.0), (0.8, 0.36), (1.0, 0.52), (1.2, 0.6), (1.5, 0.75)]
    pen.polygon([*at(toe), (2900, 1600)], fill=navy)
    stitch([(0.76, 0.3), (0.83, 0.39), (1.01, 0.49), (1.2, 0.565), (1.5, 0.7)])
    heel = [(-1.6, 1.6), (-1.1, 1.3), (-0.96, 0.9), (-0.82, 0.55), (-0.6, 0.3), (-0.5, 0.1)]
    pen.polygon([(0, 1600), *at(heel)], fill=navy)
    stitch([(-1.4, 1.55), (-1.15, 1.26), (-1.01, 0.88), (-0.87, 0.53), (-0.66, 0.3)])
    stay = [(-0.42, 1.5), (-0.36, 1.1), (-0.1, 0.93), (0.2, 0.77), (0.5, 0.62), (0.72, 0.6), (0.78, 0.8)]
    pen.polygon([*at(stay), (2200, 100), (1000, 0)], fill=navy)
    stitch([(-0.33, 1.2), (-0.3, 1.12), (-0.08, 0.97), (0.22, 0.81), (0.5, 0.665), (0.68, 0.65)])
    for drop, width, ink in ((0.0, 74, accent), (0.15, 34, navy)):
        ridge = at(
            [(-0.66, 0.5 - drop), (-0.3, 0.84 - drop), (-0.06, 0.6 - drop), (0.16, 0.74 - drop), (0.6, 0.44 - drop)]
        )
        pen.line(ridge, fill=ink, width=width, joint="curve")
    text(pen, (1450 - 1130, 1600 - 760), "逐岚", font(96, bold=True), pale)
    return save(page, work, "overlays")
