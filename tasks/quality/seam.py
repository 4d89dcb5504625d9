"""Seam: a line or halo that follows the product's outline in the background."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.colour import lab
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds

Index = NDArray[np.intp]
Profiles = NDArray[np.float64]  # (sectors, distances, 3)

SECTORS = 24  # directions around the product's middle
REACH = 24 / 1024  # share of the shorter side that the ring is wide


def check_seam(regions: Regions, thresholds: Thresholds) -> Finding:
    """`seam`: strongest jump of colour (CIE76) at one distance from the outline, above what its neighbours show.

    The ring around the product is averaged by direction and by distance from the outline. A seam jumps at the same
    distance in most directions; shadows and whatever lies behind the product do so in a few.
    """
    if regions.product_box.is_empty:
        return thresholds.not_measured("seam", "the product's mask is empty")
    reach = max(8, round(min(regions.frame) * REACH))
    alpha = regions.crop(regions.evidence.alpha)
    away = cv2.distanceTransform(np.where(alpha > 0, np.uint8(0), np.uint8(1)), cv2.DIST_L2, 3)
    rows, columns = np.nonzero((away > 1) & (away < reach + 1))
    if rows.size < SECTORS * reach:
        return thresholds.not_measured("seam", "no ring of background around the product")
    profiles = _profiles(regions, rows, columns, away[rows, columns].astype(np.intp) - 1, reach)
    if len(profiles) < SECTORS // 4:
        return thresholds.not_measured("seam", "the ring around the product is too small")
    jumps = np.linalg.norm(profiles[:, 2:] - profiles[:, :-2], axis=2)
    shared = np.median(jumps, axis=0)
    return thresholds.at_most("seam", float(shared.max() - np.median(shared)), box=regions.around)


def _profiles(regions: Regions, rows: Index, columns: Index, distance: Index, reach: int) -> Profiles:
    """Mean CIELAB by sector and distance, shape (sectors with enough pixels, reach, 3)."""
    middle_row, middle_column = regions.around.height / 2, regions.around.width / 2
    angle = np.arctan2(rows - middle_row, columns - middle_column)
    sector = ((angle + np.pi) * (SECTORS / (2 * np.pi))).astype(np.intp) % SECTORS
    cell = sector * reach + distance
    pixels = np.ascontiguousarray(regions.crop(regions.evidence.pixels)[rows, columns])
    colours = lab(pixels)
    count = np.bincount(cell, minlength=SECTORS * reach)
    sums = [np.bincount(cell, weights=colours[:, channel], minlength=SECTORS * reach) for channel in range(3)]
    with np.errstate(invalid="ignore"):
        means = (np.stack(sums, axis=1) / count[:, None]).reshape(SECTORS, reach, 3)
    full = count.reshape(SECTORS, reach).min(axis=1) >= 4
    return np.asarray(means[full])
