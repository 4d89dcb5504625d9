"""Brushes: float32 pictures (height, width, 3) in 0..1, and grey fields (height, width)."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[Any]  # float32, at times float64 on the way
Rgb = tuple[float, float, float]


def colour(red: int, green: int, blue: int) -> Rgb:
    """A colour from 0..255 numbers."""
    return red / 255, green / 255, blue / 255


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """`first` at share 0, `second` at share 1."""
    a, b = np.asarray(first), np.asarray(second)
    r, g, bl = a + (b - a) * share
    return float(r), float(g), float(bl)


def vary(rng: np.random.Generator, base: Rgb, amount: float = 0.03) -> Rgb:
    """`base` a little lighter or darker and a little off in hue."""
    shift = rng.normal(0, amount) + rng.normal(0, amount * 0.4, 3)
    r, g, b = np.clip(np.asarray(base) + shift, 0.01, 1)
    return float(r), float(g), float(b)


def blank(height: int, width: int, fill: Rgb) -> Field:
    return np.broadcast_to(np.asarray(fill, np.float32), (height, width, 3)).copy()


def grid(height: int, width: int) -> tuple[Field, Field]:
    """(y, x) as shares of the height and of the width, at pixel centres."""
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    return np.broadcast_to(y[:, None], (height, width)), np.broadcast_to(x[None, :], (height, width))


def smoothstep(low: float, high: float, value: Field) -> Field:
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def noise(rng: np.random.Generator, height: int, width: int, *, cells: tuple[float, float], octaves: int = 4) -> Field:
    """Smooth fractal noise in about 0..1, mean 0.5; `cells` is (rows, columns) of the coarsest octave."""
    total = np.zeros((height, width), np.float32)
    weight, rows, columns = 1.0, cells[0], cells[1]
    for _ in range(octaves):
        size = (max(round(columns), 1) + 2, max(round(rows), 1) + 2)
        if size[0] > width or size[1] > height:
            break
        layer = rng.random((size[1], size[0]), dtype=np.float32) - 0.5
        total += weight * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        weight, rows, columns = weight * 0.5, rows * 2, columns * 2
    return np.asarray(np.clip(total + 0.5, 0, 1), np.float32)


def blur(picture: Field, sigma: float) -> Field:
    """Gaussian blur, sigma in pixels; large ones are done at lower size."""
    if sigma < 0.3:
        return picture
    if sigma > 6:
        height, width = picture.shape[:2]
        small = cv2.resize(picture, (max(width // 4, 4), max(height // 4, 4)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def over(picture: Field, paint: Field | Rgb, alpha: Field | float) -> Field:
    """Lay `paint` over the picture through `alpha`."""
    a = np.asarray(alpha, np.float32)
    if a.ndim == 2:
        a = a[..., None]
    return (picture * (1 - a) + np.asarray(paint, np.float32) * a).astype(np.float32)


def screen(picture: Field, light: Field | Rgb, amount: Field | float) -> Field:
    """Add light without clipping: 1 - (1 - picture)(1 - light * amount)."""
    a = np.asarray(amount, np.float32)
    if a.ndim == 2:
        a = a[..., None]
    return np.asarray((1 - (1 - picture) * (1 - np.clip(np.asarray(light, np.float32) * a, 0, 1))), np.float32)


def ellipse(
    height: int, width: int, *, centre: tuple[float, float], radius: tuple[float, float], angle: float = 0
) -> Field:
    """Filled ellipse, anti-aliased; centre (x, y) and radii as shares of the width and the height."""
    mask = np.zeros((height, width), np.uint8)
    shift = 4
    cx, cy = int(centre[0] * width * 16), int(centre[1] * height * 16)
    axes = (max(int(radius[0] * width * 16), 8), max(int(radius[1] * height * 16), 8))
    cv2.ellipse(mask, (cx, cy), axes, angle, 0, 360, 255, -1, cv2.LINE_AA, shift)
    return mask.astype(np.float32) / 255


class Dot(NamedTuple):
    """One ellipse of a `dots` layer; centre (x, y) and radii as shares of the width and the height."""

    centre: tuple[float, float]
    radius: tuple[float, float]
    tint: Rgb
    angle: float = 0


def dots(height: int, width: int, marks: Iterable[Dot], *, ground: Rgb = (0, 0, 0)) -> tuple[Field, Field]:
    """Many ellipses painted one over the other, as (paint on `ground`, alpha)."""
    paint = np.empty((height, width, 3), np.uint8)
    paint[:] = np.round(np.asarray(ground) * 255).astype(np.uint8)
    alpha = np.zeros((height, width), np.uint8)
    for mark in marks:
        place = (int(mark.centre[0] * width * 16), int(mark.centre[1] * height * 16))
        axes = (max(int(mark.radius[0] * width * 16), 8), max(int(mark.radius[1] * height * 16), 8))
        red, green, blue = (float(c) * 255 for c in np.clip(mark.tint, 0, 1))
        cv2.ellipse(paint, place, axes, mark.angle, 0, 360, (red, green, blue), -1, cv2.LINE_AA, 4)
        cv2.ellipse(alpha, place, axes, mark.angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    return paint.astype(np.float32) / 255, alpha.astype(np.float32) / 255


def polygon(height: int, width: int, points: Sequence[tuple[float, float]]) -> Field:
    """Filled polygon, anti-aliased; points (x, y) as shares of the frame."""
    mask = np.zeros((height, width), np.uint8)
    scaled = np.array([[x * width * 16, y * height * 16] for x, y in points])
    cv2.fillPoly(mask, [np.round(scaled).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def glow(height: int, width: int, *, centre: tuple[float, float], radius: tuple[float, float]) -> Field:
    """A soft round light: 1 in the centre, falling like a Gaussian; centre and radii as shares of the frame."""
    y, x = grid(height, width)
    distance = ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2
    return np.exp(-distance).astype(np.float32)


def vertical(height: int, width: int, stops: Sequence[tuple[float, Rgb]]) -> Field:
    """Vertical gradient through (share from the top, colour) stops."""
    y = (np.arange(height) + 0.5) / height
    places = [place for place, _ in stops]
    channels = [np.interp(y, places, [c[n] for _, c in stops]) for n in range(3)]
    row = np.stack(channels, -1).astype(np.float32)
    return np.broadcast_to(row[:, None, :], (height, width, 3)).copy()
