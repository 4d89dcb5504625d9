"""Grain of a picture, spread over what was made up beside it."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.pixels import Pixels
from tasks.banners.rays import Rays

Floats = NDArray[np.float32]

# Standard deviation of grain in levels that is enough against banding.
LEAST = 0.6
# What noise is given where there is too little to see more than its strength.
MOST = 6.0
# A strip of fewer columns has no texture to speak of: its strength alone is taken.
TOO_THIN = 12
# Whatever stands out of the grain by more than this many standard deviations is a mark and would be seen to repeat.
MARK = 2.0
# Median absolute deviation to standard deviation of a normal distribution.
MEDIAN_TO_SIGMA = 1.4826
MOST_COLUMNS = 128  # of a piece of grain


def spread_grain(strip: Pixels, count: int, *, cell: float, shift: float, random: np.random.Generator) -> Floats:
    """Grain like the strip's, in levels of luminance, (height, count): pieces of it that fade into one another.

    Grain is what is finer than `cell` px; each piece is moved along the seam by up to `shift` heights.
    """
    grain = _grain_of(strip[:, :MOST_COLUMNS], cell, random)
    height, whole = grain.shape
    width = max(whole // 3, TOO_THIN // 2) * 2
    fade = np.sin((np.arange(width, dtype=np.float32) + 0.5) * (np.pi / width))  # its squares add up to 1 at each half
    hop = width // 2
    spread = np.zeros((height, count + 2 * width), np.float32)
    most = int(shift * height)
    for start in range(0, count + hop, hop):
        by, first = int(random.integers(-most, most + 1)), int(random.integers(0, whole - width + 1))
        part, target = grain[:, first : first + width] * fade, spread[:, start : start + width]
        target[max(by, 0) : height + min(by, 0)] += part[max(-by, 0) : height - max(by, 0)]
        if by:
            rest = np.s_[:by] if by > 0 else np.s_[by:]
            target[rest] += part[-by:] if by > 0 else part[:-by]
    return spread[:, hop : hop + count]


def lengthen_grain(strip: Pixels, count: int, rays: Rays, *, cell: float, random: np.random.Generator) -> Floats:
    """Grain of a strip with lines, (height, count): the strip to and fro along its rays, on which lines go on."""
    grain = _grain_of(strip[:, :MOST_COLUMNS], cell, random)
    height, width = grain.shape
    away = np.arange(count, dtype=np.float32)
    depth = width - 1 - np.abs(away % (2 * width - 2) - (width - 1))
    y = rays.inside(height, away + 0.5, depth + 0.5)
    x = np.ascontiguousarray(np.broadcast_to(depth, y.shape))
    return np.asarray(cv2.remap(grain, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def _grain_of(strip: Pixels, cell: float, random: np.random.Generator) -> Floats:
    """The strip's own grain, without marks; noise of its strength where it is too thin, or too plain against bands."""
    height, width = strip.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(strip), cv2.COLOR_RGB2GRAY)
    side = 2 * max(1, round(cell)) + 1
    mean = cv2.blur(grey, (side, side), borderType=cv2.BORDER_REFLECT_101)
    fine = np.asarray(cv2.subtract(grey, mean, dtype=cv2.CV_32F), np.float32)
    sigma = MEDIAN_TO_SIGMA * float(np.median(np.abs(fine[::3, ::3])))
    if width < TOO_THIN or sigma < LEAST:
        return _noise(height, max(width, 2 * TOO_THIN), random) * np.float32(max(min(sigma, MOST), LEAST))
    return np.clip(fine, -MARK * sigma, MARK * sigma, out=fine)


def _noise(height: int, width: int, random: np.random.Generator) -> Floats:
    """Normal noise of deviation 1: rows of one sheet of it, in an order of their own."""
    sheet = _sheet()
    first = random.integers(0, len(sheet) - MOST_COLUMNS, height)
    return np.stack([sheet[start : start + width] for start in first])


@lru_cache(maxsize=1)
def _sheet() -> Floats:
    return np.random.default_rng(0).standard_normal(1 << 16, np.float32)
