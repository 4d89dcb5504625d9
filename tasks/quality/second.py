"""A second product: the model drew the product again somewhere in the background."""

import cv2
import numpy as np

from tasks.findings import Finding
from tasks.quality.growth import BINS, Small, bins_of, edge_of, likelihood, slope_of
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

LIKELY = 0.6  # share of product among pixels of that colour; a twin makes its own colours commoner in the background
OUTLINE = 0.15  # slope of a part's rim that makes it a thing
LEAST = 0.02  # of the product's area: less is a prop or a reflection
SILHOUETTE = 24  # cells a side in which shapes are compared


def check_second_product(regions: Regions, thresholds: Thresholds) -> Finding:
    """`second_product`: likeness of the likest thing in the raw decode to the product, 0..1, in shape times colours.

    Things are parts in the product's colours with an outline, off the product; sizes do not matter, mirrors neither.
    """
    raw = regions.evidence.raw
    if raw is None:
        return thresholds.not_measured("second_product", "there is no raw decode")
    if regions.product_box.is_empty:
        return thresholds.not_measured("second_product", "the product's mask is empty")
    small = Small.of(regions, raw)
    if small.far.sum() < 400 or small.inside.sum() < 50:
        return thresholds.not_measured("second_product", "too little background or product to compare")
    likeness, box = _likest(small)
    return thresholds.at_most("second_product", likeness, box=box)


def _likest(small: Small) -> tuple[float, Box | None]:
    near = cv2.dilate(small.product, np.ones((7, 7), np.uint8))
    likely = ((likelihood(small) > LIKELY) & (near == 0)).astype(np.uint8)
    likely = cv2.morphologyEx(likely, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) * (near == 0)
    likely = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(likely, connectivity=8)
    slope, seen, least = slope_of(small.raw), bins_of(small.raw), LEAST * float(small.inside.sum())
    silhouette, colours = _shape(small.inside), _colours(bins_of(small.expected)[small.inside])
    best, box = 0.0, None
    for part in range(1, count):
        left, top, width, height, area = (int(number) for number in stats[part])
        if area < least or area > 1.3 * small.inside.sum():
            continue
        view = (slice(max(top - 2, 0), top + height + 2), slice(max(left - 2, 0), left + width + 2))
        mask = labels[view] == part
        if edge_of(mask, slope[view], near[view]) < OUTLINE:
            continue
        shape = _shape(mask)
        alike = max(_overlap(shape, silhouette), _overlap(shape[:, ::-1], silhouette))
        likeness = alike * float(np.minimum(_colours(seen[view][mask]), colours).sum())
        if likeness > best:
            best = likeness
            box = Box(*(round(edge / small.scale) for edge in (left, top, left + width, top + height)))
    return best, box


def _shape(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """The mask within its own box, in a square of cells."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    cut = mask[top : top + height, left : left + width].astype(np.float32)
    return np.asarray(cv2.resize(cut, (SILHOUETTE, SILHOUETTE), interpolation=cv2.INTER_AREA) > 0.5)


def _overlap(
    one: np.ndarray[tuple[int, int], np.dtype[np.bool_]], two: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> float:
    return float((one & two).sum() / max(1, (one | two).sum()))


def _colours(bins: np.ndarray[tuple[int], np.dtype[np.intp]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Shares of colours (a and b, light left out), smoothed: a twin is lit otherwise."""
    grid = np.bincount(bins % (BINS[1] * BINS[2]), minlength=BINS[1] * BINS[2]).reshape(BINS[1:]).astype(np.float64)
    smooth = cv2.GaussianBlur(grid, (3, 3), 0)
    return np.asarray(smooth / max(1.0, smooth.sum()))
