"""The ring around the product: no colour bled into it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.colour import tint_difference
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds

SECTORS = 24  # directions around the product's middle
INNER, OUTER = (0.004, 0.02), (0.09, 0.11)  # distances from the outline, shares of the shorter side
DISAGREEMENT = 0.5
FEW = 8  # pixels at a quarter of the size that make no mean

Floats = NDArray[np.float32]


def check_cast(regions: Regions, thresholds: Thresholds) -> Finding:
    """`cast`: colour by which the ring differs from what is beyond it, the same way all around, about in CIEDE2000.

    The median over directions of the difference in a and b as CIEDE2000 weighs it (on red cloth less is seen of a tint
    than on concrete), less a share for how much the directions disagree. They are compared unweighed: one tint is
    another difference on sky than on sand.
    """
    if regions.product_box.is_empty:
        return thresholds.not_measured("cast", "the product's mask is empty")
    near, far = _colours(regions)
    if len(near) < SECTORS // 3:
        return thresholds.not_measured("cast", "too little background around the product")
    seen = float(np.median(np.linalg.norm(tint_difference(far, near), axis=1)))
    return thresholds.at_most("cast", seen * _agreement(near - far), box=regions.around)


def _agreement(shifts: Floats) -> float:
    """1 where all are the same, 0 where their median distance from the middle one is its length over DISAGREEMENT."""
    middle = np.median(shifts, axis=0)
    apart = float(np.median(np.linalg.norm(shifts - middle, axis=1)))
    return max(0.0, 1 - DISAGREEMENT * apart / max(float(np.linalg.norm(middle)), 1e-6))


def _colours(regions: Regions) -> tuple[Floats, Floats]:
    """By direction: mean a, b of the ring and of what is beyond it; each of shape (directions with both, 2)."""
    size = regions.level(4).grey.shape[1::-1]
    alpha = cv2.resize(regions.evidence.alpha, size, interpolation=cv2.INTER_AREA)
    away = cv2.distanceTransform((alpha <= 8).astype(np.uint8), cv2.DIST_L2, 3) / min(size)
    pixels = cv2.resize(regions.half, size, interpolation=cv2.INTER_AREA)
    colours = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:]
    box, sums = regions.product_box, []
    for near, far in (INNER, OUTER):
        rows, columns = np.nonzero((away > near) & (away <= far))
        angle = np.arctan2(rows - (box.top + box.bottom) / 8, columns - (box.left + box.right) / 8)
        sector = ((angle + np.pi) * (SECTORS / (2 * np.pi))).astype(np.intp) % SECTORS
        count = np.bincount(sector, minlength=SECTORS)
        total = [np.bincount(sector, colours[rows, columns, channel], SECTORS) for channel in (0, 1)]
        sums.append((count, np.stack(total, axis=1) / np.maximum(count, 1)[:, None]))
    both = (sums[0][0] >= FEW) & (sums[1][0] >= FEW)
    return sums[0][1][both].astype(np.float32), sums[1][1][both].astype(np.float32)
