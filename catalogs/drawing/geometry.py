"""Curves and outlines as arrays: no Blender, no pixels. Lengths are in scene units, about ten centimetres each."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def fillet(corners: Sequence[tuple[float, ...]], *, closed: bool = False, segments: int = 10) -> Points:
    """Round a polyline of (x, y, radius) corners by quadratic arcs; a radius of 0 keeps the corner sharp.

    Straight runs get support points near their ends, so that smooth shading does not bleed from the arcs.
    """
    points: list[Points] = []
    count = len(corners)
    for index, (x, y, radius) in enumerate(corners):
        here = np.array([x, y])
        if radius == 0 or (not closed and index in (0, count - 1)):
            points.append(here)
            continue
        before = np.array(corners[index - 1][:2]) - here
        after = np.array(corners[(index + 1) % count][:2]) - here
        start = here + before / np.linalg.norm(before) * min(radius, float(np.linalg.norm(before)) / 2)
        end = here + after / np.linalg.norm(after) * min(radius, float(np.linalg.norm(after)) / 2)
        for t in np.linspace(0, 1, segments + 1):
            points.append((1 - t) ** 2 * start + 2 * t * (1 - t) * here + t**2 * end)
    return _support(np.array(points), closed=closed)


def _support(points: Points, *, closed: bool) -> Points:
    """Add points just inside both ends and in the middle of every long run."""
    rolled = np.roll(points, -1, axis=0)
    pairs = list(zip(points, rolled, strict=True)) if closed else list(pairwise(points))
    lengths = [float(np.linalg.norm(b - a)) for a, b in pairs]
    limit = 0.08 * sum(lengths) / 4
    out: list[Points] = []
    for (a, b), length in zip(pairs, lengths, strict=True):
        if length < 1e-7:
            continue
        out.append(a)
        if length > limit:
            out.extend(a + (b - a) * t for t in (0.03, 0.25, 0.5, 0.75, 0.97))
    if not closed:
        out.append(points[-1])
    return np.array(out)


def rounded_rectangle(width: float, height: float, radius: float) -> Points:
    """The outline of a rounded rectangle around the origin, anticlockwise."""
    x, y = width / 2, height / 2
    return fillet([(-x, -y, radius), (x, -y, radius), (x, y, radius), (-x, y, radius)], closed=True, segments=14)


def superellipse(width: float, height: float, power: float, steps: int = 96) -> Points:
    """The outline |x/a|^p + |y/b|^p = 1 around the origin: an ellipse at 2, nearly a box at 8."""
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** (2 / power) * width / 2
    y = np.sign(sin) * np.abs(sin) ** (2 / power) * height / 2
    return np.column_stack([x, y])


def spline(points: Sequence[tuple[float, ...]], steps: int = 64, *, closed: bool = False) -> Points:
    """A Catmull-Rom curve through the points (any dimension), `steps` samples evenly spaced by length."""
    knots = np.array(points, dtype=float)
    if closed:
        knots = np.vstack([knots[-1:], knots, knots[:2]])
    else:
        knots = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0, 1, 24, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots[:-3], knots[1:-2], knots[2:-1], knots[3:], strict=True):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    curve = np.vstack([*pieces, knots[-2:-1]])
    return resample(curve, steps, closed=closed)


def resample(curve: Points, steps: int, *, closed: bool = False) -> Points:
    """`steps` points evenly spaced along a polyline; a closed one does not repeat its first point."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = np.linspace(0, length[-1], steps, endpoint=not closed)
    return np.column_stack([np.interp(wanted, length, curve[:, axis]) for axis in range(curve.shape[1])])


def interpolate(stations: Sequence[tuple[float, float]], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth height y(x) through (x, y) stations, read at `at`; no overshoot worth seeing between close stations."""
    dense = spline(list(stations), 400)
    return np.interp(at, dense[:, 0], dense[:, 1])


def rise(width: float, depth: float, corners: Sequence[tuple[float, float]], radius: float) -> Points:
    """A tower's profile for a block, as (x scale, y scale, z), from rounded (distance from the axis, z) corners."""
    short = min(width, depth) / 2
    line = fillet([(r, z, 0 if r == 0 else radius) for r, z in corners])
    inset = short - line[:, 0]
    scale_x, scale_y = 1 - inset * 2 / width, 1 - inset * 2 / depth
    return np.column_stack([np.maximum(scale_x, 1e-3), np.maximum(scale_y, 1e-3), line[:, 1]])
