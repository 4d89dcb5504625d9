"""Contact and cast shadow: how much light each background pixel loses. Product pixels are never touched."""

import cv2
import numpy as np

from tasks.rendering.job import Shadow
from tasks.rendering.picture import Floats, bounding_box, to_linear, to_srgb
from tasks.rendering.renderer import Alpha, Pixels

WORK_SIDE = 512  # px
FLATNESS = 0.45  # height of the ground as the camera sees it, for the same length along and away
LENGTH = 0.7  # cast shadow's length in product heights
FOOT = 0.12  # share of the product's height within which its lowest edge counts as touching the ground


def shade(background: Pixels, alpha: Alpha, shadow: Shadow, *, ground: float | None) -> Pixels:
    """Darken the background where the product keeps the light away; multiplied in linear light.

    `ground` is the line where ground meets wall (share of the frame): nothing is cast above it.
    """
    lost = shadow_map(alpha, shadow, ground=ground)
    dark = lost > 1 / 1024
    shaded = background.copy()
    shaded[dark] = np.rint(to_srgb(to_linear(background[dark]) * (1.0 - lost[dark])[:, None])).astype(np.uint8)
    return shaded


def shadow_map(alpha: Alpha, shadow: Shadow, *, ground: float | None) -> Floats:
    """Share of light lost, 0..1, per pixel of the canvas. Soft as it is, it is worked out at no more than 512 px."""
    height, width = alpha.shape
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) if scale < 1 else alpha
    lost = _shadow_map(small.astype(np.float32) / 255.0, shadow, ground=ground)
    if scale == 1:
        return lost
    return np.asarray(cv2.resize(lost, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _shadow_map(share: Floats, shadow: Shadow, *, ground: float | None) -> Floats:
    contact = shadow.contact * _contact(share, softness=shadow.softness)
    cast = shadow.cast * _cast(share, shadow) if shadow.cast > 0 else np.zeros_like(share)
    if ground is not None:
        cast = cast * _below(share.shape[0], ground)
    return np.asarray(1.0 - (1.0 - contact) * (1.0 - cast), dtype=np.float32)


def _contact(share: Floats, *, softness: float) -> Floats:
    """A thin dark line where the product touches the ground, fading fast."""
    box = bounding_box((share * 255).astype(np.uint8))
    if box.is_empty:
        return np.zeros_like(share)
    lowest = lowest_rows(share)
    touching = lowest > box.bottom - FOOT * box.height
    line = np.zeros_like(share)
    thickness = max(1, round(0.018 * box.height))
    for column in np.flatnonzero(touching):
        line[max(0, lowest[column] - thickness) : lowest[column] + thickness // 2 + 1, column] = 1.0
    reach = max(box.width, box.height) * (0.5 + softness)
    near = _blurred(line, across=0.012 * reach, down=0.006 * reach)
    far = _blurred(line, across=0.05 * reach, down=0.018 * reach)
    return np.asarray((0.7 * _full(near) + 0.65 * _full(far)).clip(0.0, 1.0), dtype=np.float32)


def _cast(share: Floats, shadow: Shadow) -> Floats:
    """The silhouette laid on the ground away from the light, softer and fainter with distance."""
    box = bounding_box((share * 255).astype(np.uint8))
    if box.is_empty:
        return np.zeros_like(share)
    angle = np.deg2rad(shadow.direction)
    along, away = -np.sin(angle) * LENGTH, np.cos(angle) * LENGTH * FLATNESS
    away = away if abs(away) > 0.06 else (0.06 if away >= 0 else -0.06)
    base = box.bottom - 0.015 * box.height
    # a point z above the base lands at (x + along z, base + away z)
    laid = np.array([[1.0, -along, along * base], [0.0, -away, base + away * base]], dtype=np.float32)
    flat = cv2.warpAffine(share, laid, (share.shape[1], share.shape[0]), flags=cv2.INTER_AREA)
    distance = np.abs(np.arange(share.shape[0], dtype=np.float32) - base) / max(1.0, abs(away) * box.height)
    distance = distance.clip(0.0, 1.0)[:, None]
    unit = box.height * (0.35 + shadow.softness)
    sharp = _blurred(flat, across=0.015 * unit, down=0.008 * unit)
    soft = _blurred(flat, across=0.07 * unit, down=0.035 * unit)
    return np.asarray(((1 - distance) * sharp + distance * soft) * (1.0 - 0.5 * distance), dtype=np.float32)


def lowest_rows(share: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The lowest product row of each column, -1 where there is none."""
    solid = share > 0.5
    rows = share.shape[0] - 1 - np.argmax(solid[::-1], axis=0)
    return np.where(solid.any(axis=0), rows, -1)


def _blurred(mask: Floats, *, across: float, down: float) -> Floats:
    wide, high = max(across, 0.6), max(down, 0.6)
    soft = cv2.GaussianBlur(mask, (0, 0), wide, sigmaY=high, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, dtype=np.float32)


def _full(mask: Floats) -> Floats:
    """Scaled so that its darkest point is 1."""
    return np.asarray(mask / max(float(mask.max()), 1e-6), dtype=np.float32)


def _below(height: int, ground: float) -> Floats:
    """1 below the ground line, fading to 0 a little above it."""
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    return np.asarray(((rows - ground) / 0.02 + 1.0).clip(0.0, 1.0), dtype=np.float32)
