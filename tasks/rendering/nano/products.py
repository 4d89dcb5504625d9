"""Stand-ins for products: shaded shapes with a silhouette, so that the model learns to go on around what is kept."""

from typing import NamedTuple

import cv2
import numpy as np

from tasks.rendering.nano.paint import Field, blank, blur, ellipse, grid, over, polygon, screen


class Placed(NamedTuple):
    """A product on an empty frame: its paint, its matte 0..1, and the height of its base (share from the top)."""

    paint: Field
    alpha: Field
    base: float


def place_product(rng: np.random.Generator, height: int, width: int) -> Placed:
    """Draw one random product standing near the middle of the lower third."""
    base, middle = rng.uniform(0.80, 0.90), 0.5 + rng.normal(0, 0.035)
    tall = rng.uniform(0.30, 0.66)
    wide = min(tall * rng.uniform(0.28, 1.25), 0.66) * height / width
    alpha = _silhouette(rng, height, width, middle=middle, base=base, wide=wide, tall=tall)
    return Placed(_shade(rng, alpha, middle=middle, wide=wide), alpha, base)


def _silhouette(
    rng: np.random.Generator, height: int, width: int, *, middle: float, base: float, wide: float, tall: float
) -> Field:
    kind = int(rng.integers(6))
    top, half = base - tall, wide / 2
    if kind == 0:  # bottle: body, neck, cap
        shoulder = top + tall * rng.uniform(0.22, 0.4)
        neck = half * rng.uniform(0.3, 0.6)
        shape = _rounded(height, width, (middle - half, shoulder, middle + half, base), 0.3)
        return np.maximum(shape, _rounded(height, width, (middle - neck, top, middle + neck, shoulder + 0.05), 0.15))
    if kind == 1:  # box or device
        return _rounded(height, width, (middle - half, top, middle + half, base), rng.uniform(0.02, 0.25))
    if kind == 2:  # cup with a handle
        foot = half * rng.uniform(0.6, 1)
        shape = polygon(
            height, width, [(middle - half, top), (middle + half, top), (middle + foot, base), (middle - foot, base)]
        )
        ring = ellipse(height, width, centre=(middle + half, (top + base) / 2), radius=(half * 0.5, tall * 0.3))
        hole = ellipse(height, width, centre=(middle + half, (top + base) / 2), radius=(half * 0.32, tall * 0.2))
        return np.asarray(np.maximum(shape, np.clip(ring - hole, 0, 1)), np.float32)
    if kind == 3:  # bag: body and strap
        body = top + tall * 0.35
        shape = polygon(
            height,
            width,
            [(middle - half * 0.8, body), (middle + half * 0.8, body), (middle + half, base), (middle - half, base)],
        )
        strap = ellipse(height, width, centre=(middle, body), radius=(half * 0.5, tall * 0.35))
        hole = ellipse(height, width, centre=(middle, body), radius=(half * 0.4, tall * 0.28))
        return np.asarray(np.maximum(shape, np.clip(strap - hole, 0, 1)), np.float32)
    if kind == 4:  # shoe or blob: a random smooth outline, flat below
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        reach = 1 + 0.22 * np.sin(2 * turn + rng.uniform(0, 6)) + 0.12 * np.sin(3 * turn + rng.uniform(0, 6))
        low = tall * 0.5
        points = [
            (middle + half * r * np.cos(t), min(base - low / 2 + low * 0.62 * r * np.sin(t), base))
            for t, r in zip(turn, reach, strict=True)
        ]
        return polygon(height, width, points)
    return ellipse(height, width, centre=(middle, base - tall * 0.4), radius=(min(half, tall * 0.5), tall * 0.4))


def _rounded(height: int, width: int, box: tuple[float, float, float, float], corner: float) -> Field:
    left, top, right, bottom = box
    radius = corner * min((right - left) * width, (bottom - top) * height) / 2
    mask = np.zeros((height, width), np.uint8)
    inner = np.array([[left * width + radius, top * height + radius], [right * width - radius, top * height + radius],
                      [right * width - radius, bottom * height - radius], [left * width + radius, bottom * height - radius]])  # fmt: skip
    cv2.fillPoly(mask, [np.round(inner).astype(np.int32)], 255, cv2.LINE_AA)
    if radius >= 1:
        size = 2 * int(radius) + 1
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return mask.astype(np.float32) / 255


def _shade(rng: np.random.Generator, alpha: Field, *, middle: float, wide: float) -> Field:
    """A random colour, rounded by light from one side, with a band or a label at times."""
    height, width = alpha.shape
    y, x = grid(height, width)
    tint = rng.random(3) ** 0.7
    if rng.random() < 0.4:
        tint = np.full(3, rng.uniform(0.08, 0.97)) + rng.normal(0, 0.02, 3)
    across = np.clip((x - middle) / max(wide, 0.05), -0.6, 0.6)
    lit = 0.82 + 0.28 * np.cos(2.4 * (across + 0.2)) - 0.1 * (y - 0.5)
    paint = np.clip(blank(height, width, (1, 1, 1)) * tint.astype(np.float32) * lit[..., None], 0, 1).astype(np.float32)
    if rng.random() < 0.6:
        start = rng.uniform(0.3, 0.65)
        band = ((y > start) & (y < start + rng.uniform(0.05, 0.2))).astype(np.float32)
        paint = over(paint, np.clip(rng.random(3), 0, 1).astype(np.float32) * lit[..., None], 0.9 * band)
    shine = np.exp(-(((across + 0.25) / 0.06) ** 2)).astype(np.float32)
    return screen(paint, (1, 1, 1), rng.uniform(0, 0.4) * shine)


def ground_shadow(rng: np.random.Generator, picture: Field, placed: Placed, *, side: float) -> Field:
    """A faint contact shadow and a cast one, away from the light; the renderer adds the strong ones itself."""
    height, width = placed.alpha.shape
    row = int(placed.base * height)
    foot = placed.alpha[max(row - height // 20, 0) : row].max(0) if row > 1 else placed.alpha.max(0)
    columns = np.flatnonzero(foot > 0.5)
    if columns.size == 0:
        return picture
    centre, half = (columns[0] + columns[-1]) / 2 / width, (columns[-1] - columns[0]) / 2 / width + 0.01
    contact = ellipse(height, width, centre=(centre, placed.base), radius=(half * 1.04, 0.016))
    cast = ellipse(height, width, centre=(centre - side * half * 0.8, placed.base + 0.008), radius=(half * 1.5, 0.035))
    unit = min(height, width) / 100
    picture = over(picture, tuple(0.12 * picture[min(row, height - 1)].mean(0)), 0.42 * blur(contact, 1.5 * unit))
    return over(picture, tuple(0.2 * picture[min(row, height - 1)].mean(0)), 0.22 * blur(cast, 3.5 * unit))
