"""Light on the finished set: where it comes from, how warm it is, and what it throws on wall and ground."""

from typing import Literal

import cv2
import numpy as np

from tasks.rendering.nano.paint import Field, Rgb, blur, ellipse, glow, grid, noise, screen, smoothstep

Pattern = Literal["none", "window", "dapple", "slash", "palm", "spot"]


def directional(picture: Field, *, side: float, strength: float, tint: Rgb) -> Field:
    """Brighter toward `side` (-1 left .. 1 right) and tinted by the light there, a little darker away from it."""
    y, x = grid(*picture.shape[:2])
    lit = 0.5 + side * (x - 0.5) * 0.9 + (0.5 - y) * 0.25
    gain = 1 + strength * (lit - 0.5)
    toned = picture * gain[..., None] * (1 + (np.asarray(tint, np.float32) - 1) * (0.35 + 0.65 * lit[..., None]))
    return np.clip(toned, 0, 1).astype(np.float32)


def throw(
    rng: np.random.Generator, picture: Field, pattern: Pattern, *, side: float, tint: Rgb, strength: float, edge: float
) -> Field:
    """Lay a pattern of light and shade over wall and ground."""
    if pattern == "none":
        return picture
    height, width = picture.shape[:2]
    lit = PATTERNS[pattern](rng, height, width, side, edge)
    cool = np.asarray((0.50, 0.50, 0.47), np.float32)  # shade keeps some sky light: it is never plain grey
    shade = picture * (1 - cool * strength * (1 - lit)[..., None])
    return screen(shade.astype(np.float32), tint, (0.26 * strength * lit)[..., None] * (0.25 + 0.75 * picture))


def _bend(lit: Field, edge: float, side: float) -> Field:
    """Slant the pattern on the wall, and stretch it the other way where it falls on the ground."""
    height, width = lit.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    line = edge * height
    below = np.clip(y - line, 0, None)
    u = x + side * (0.5 * np.minimum(y, line) + 1.5 * below)
    v = np.minimum(y, line) + 0.9 * below
    return np.asarray(cv2.remap(lit, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def _window(rng: np.random.Generator, height: int, width: int, side: float, edge: float) -> Field:
    """The panes of a window, with soft edges."""
    y, x = grid(height, width)
    columns, rows = rng.uniform(2.2, 3.6), rng.uniform(1.6, 2.6)
    across, down = (x * columns + rng.random()) % 1 - 0.5, (y * rows + rng.random()) % 1 - 0.5
    lit = smoothstep(0.05, 0.09, np.asarray(0.5 - np.maximum(np.abs(across), np.abs(down)), np.float32))
    return blur(_bend(lit, edge, side * 0.8), 0.013 * height)


def _dapple(rng: np.random.Generator, height: int, width: int, side: float, edge: float) -> Field:
    """Sun through leaves."""
    leaf = noise(rng, height, width, cells=(8, 9), octaves=2)
    fine = noise(rng, height, width, cells=(16, 18), octaves=1)
    return blur(smoothstep(0.3, 0.7, 0.65 * leaf + 0.35 * fine), 0.02 * height)


def _slash(rng: np.random.Generator, height: int, width: int, side: float, edge: float) -> Field:
    """A hard-edged diagonal of light."""
    y, x = grid(height, width)
    place = x + side * 0.75 * (y - 0.4)
    start = rng.uniform(0.15, 0.35)
    lit = smoothstep(start, start + 0.012, place.astype(np.float32)) * smoothstep(
        start + 0.44, start + 0.42, place.astype(np.float32)
    )
    return blur(lit, 0.006 * height)


def _palm(rng: np.random.Generator, height: int, width: int, side: float, edge: float) -> Field:
    """Shadow of a palm frond reaching in from a corner."""
    shade = np.zeros((height, width), np.float32)
    root = (0.5 + side * 0.62, rng.uniform(0.55, 0.8))
    for n in range(11):
        turn = np.pi * (0.62 + 0.07 * n) if side > 0 else np.pi * (0.38 - 0.07 * n)
        reach = rng.uniform(0.22, 0.34)
        centre = (root[0] + reach * 0.8 * np.cos(turn), root[1] - reach * 0.5 * np.sin(turn))
        shade = np.maximum(
            shade,
            ellipse(height, width, centre=centre, radius=(reach * 0.8, 0.016), angle=float(-np.rad2deg(turn) * 0.6)),
        )
    return 1 - blur(shade, 0.008 * height)


def _spot(rng: np.random.Generator, height: int, width: int, side: float, edge: float) -> Field:
    """A spotlight on the place of the product."""
    return glow(
        height, width, centre=(0.5 + 0.08 * side, edge + 0.02), radius=(rng.uniform(0.38, 0.5), rng.uniform(0.4, 0.55))
    )


PATTERNS = {"window": _window, "dapple": _dapple, "slash": _slash, "palm": _palm, "spot": _spot}


def rim(picture: Field, *, left: Rgb, right: Rgb, strength: float) -> Field:
    """Coloured light from both sides of the frame."""
    height, width = picture.shape[:2]
    picture = screen(picture, left, strength * glow(height, width, centre=(-0.15, 0.6), radius=(0.45, 0.7)))
    return screen(picture, right, strength * glow(height, width, centre=(1.15, 0.6), radius=(0.45, 0.7)))


def vignette(picture: Field, amount: float) -> Field:
    """Corners a little darker than the middle."""
    y, x = grid(*picture.shape[:2])
    distance = (x - 0.5) ** 2 + (y - 0.5) ** 2
    return np.clip(picture * (1 - amount * smoothstep(0.12, 0.6, distance.astype(np.float32)))[..., None], 0, 1).astype(
        np.float32
    )
