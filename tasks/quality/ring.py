"""The ring around the product: no colour bled into it, and it is no softer than a lens would make it."""

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds

SECTORS = 24  # directions around the product's middle
INNER, OUTER = (0.008, 0.03), (0.07, 0.11)  # distances from the outline, shares of the shorter side
FEW = 24  # pixels that make no mean
CHROMA = 0.045  # S_C = 1 + 0.045 C of CIEDE2000 (CIE 142-2001)
DISAGREEMENT = 0.2

Floats = NDArray[np.float32]


def check_ring(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`cast`: colour by which the ring differs from what is beyond it, the same way all around, about in CIEDE2000.

    The median over directions of the difference in a and b, over 1 + 0.045 C as CIEDE2000 weights it (on red cloth
    less is seen of a tint than on concrete), less a share of how much the directions disagree.

    `stuck_on`: detail of the ground around the product over the product's own, both at a quarter of the size. A sharp
    product on a smear looks stuck on.
    """
    if regions.product_box.is_empty:
        why = "the product's mask is empty"
        return thresholds.not_measured("cast", why), thresholds.not_measured("stuck_on", why)
    ring = _Ring(regions)
    shifts, ratio = ring.shifts, ring.detail
    few = len(shifts) < SECTORS // 3
    box = regions.around
    return (
        thresholds.not_measured("cast", "too little background around the product")
        if few
        else thresholds.at_most("cast", _alike(shifts), box=box),
        thresholds.not_measured("stuck_on", "too little product or ground to compare")
        if ratio is None
        else thresholds.at_least("stuck_on", ratio, box=box),
    )


def _alike(shifts: Floats) -> float:
    """Length of the median shift less DISAGREEMENT of the median distance from it."""
    middle = np.median(shifts, axis=0)
    apart = float(np.median(np.linalg.norm(shifts - middle, axis=1)))
    return max(0.0, float(np.linalg.norm(middle)) - DISAGREEMENT * apart)


class _Ring:
    """Distances from the product and colours, at a quarter of the size."""

    def __init__(self, regions: Regions) -> None:
        level = regions.level(4)
        size = level.grey.shape[1::-1]
        self._side = min(size)
        self._grey = level.grey
        self._alpha = np.asarray(cv2.resize(regions.evidence.alpha, size, interpolation=cv2.INTER_AREA))
        self._away = np.asarray(cv2.distanceTransform((self._alpha <= 8).astype(np.uint8), cv2.DIST_L2, 3))
        self._pixels = np.asarray(cv2.resize(regions.half, size, interpolation=cv2.INTER_AREA))
        self._box = regions.product_box

    @cached_property
    def shifts(self) -> Floats:
        """By direction: mean a, b of the ring less those beyond it, weighted; shape (directions with both, 2)."""
        lab = cv2.cvtColor(self._pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:]
        middle = (self._box.left + self._box.right) / 8, (self._box.top + self._box.bottom) / 8
        sums = []
        for near, far in (INNER, OUTER):
            rows, columns = np.nonzero((self._away > near * self._side) & (self._away <= far * self._side))
            angle = np.arctan2(rows - middle[1], columns - middle[0])
            sector = ((angle + np.pi) * (SECTORS / (2 * np.pi))).astype(np.intp) % SECTORS
            count = np.bincount(sector, minlength=SECTORS)
            total = [np.bincount(sector, lab[rows, columns, channel], SECTORS) for channel in (0, 1)]
            sums.append((count, np.stack(total, axis=1) / np.maximum(count, 1)[:, None]))
        both = (sums[0][0] >= FEW) & (sums[1][0] >= FEW)
        near_colour, far_colour = sums[0][1][both], sums[1][1][both]
        chroma = np.sqrt(np.hypot(*near_colour.T) * np.hypot(*far_colour.T))[:, None]
        return np.asarray((near_colour - far_colour) / (1 + CHROMA * chroma), np.float32)

    @cached_property
    def detail(self) -> float | None:
        """Deviation of the finest detail of the ground near the product over that of the product; None for too few."""
        grey = self._grey.astype(np.float32)
        fine = cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 2))
        ground = (self._away > 0.01 * self._side) & (self._away < 0.15 * self._side)
        product = cv2.erode((self._alpha >= 250).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if min(np.count_nonzero(ground), np.count_nonzero(product)) < 20 * FEW:
            return None
        sharpest = (float(np.percentile(fine[part], 97)) for part in (ground, product))
        return next(sharpest) / max(next(sharpest), 0.5)
