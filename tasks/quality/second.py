"""A second product: the model drew the product again somewhere in the background."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.growth import BINS, Small, bins_of, edge_of, likelihood, slope_of
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

Where = NDArray[np.bool_]
Floats = NDArray[np.float32]

# Share of product among pixels of that colour. A twin makes its own colours commoner in the background, hence the low
# one; the high one parts a twin from a background that is a little like it.
LIKELY = (0.6, 0.85)
OUTLINE = (
    0.2  # slope that half of a thing's rim reaches; stone and cloth in the product's colours have edges here and there
)
LEAST = 0.02  # of the product's area: less is a prop or a reflection
MOST = 1.3  # more is the background itself
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
    share = np.where(near == 0, likelihood(small), 0)
    slope, seen = slope_of(small.raw), bins_of(small.raw)
    silhouettes, colours = _shapes(small.inside), _colours(bins_of(small.expected)[small.inside])
    best, box = 0.0, None
    for view, mask in _things(share, float(small.inside.sum())):
        if edge_of(mask, slope[view], near[view], share=0.5) < OUTLINE:
            continue
        shapes = _shapes(mask)
        alike = max(_overlap(shapes, silhouettes), _overlap(shapes[:, :, ::-1], silhouettes))
        likeness = alike * float(np.minimum(_colours(seen[view][mask]), colours).sum())
        if likeness > best:
            best = likeness
            edges = (view[1].start, view[0].start, view[1].stop, view[0].stop)
            box = Box(*(round(edge / small.scale) for edge in edges))
    return best, box


def _things(share: Floats, product_area: float) -> Iterator[tuple[tuple[slice, slice], Where]]:
    """Connected parts by how likely their colours are product: window and mask, with a margin of 2 pixels."""
    for likely in LIKELY:
        parts = cv2.morphologyEx((share > likely).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(parts, connectivity=8)
        for part in range(1, count):
            left, top, width, height, area = (int(number) for number in stats[part])
            if LEAST * product_area <= area <= MOST * product_area:
                rows = slice(max(top - 2, 0), min(top + height + 2, len(labels)))
                columns = slice(max(left - 2, 0), min(left + width + 2, labels.shape[1]))
                yield (rows, columns), labels[rows, columns] == part


def _shapes(mask: Where) -> Where:
    """The mask and its convex hull within its own box, in squares of cells: shape (2, cells, cells)."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    cut = mask[top : top + height, left : left + width].astype(np.float32)
    rows, columns = np.nonzero(cut)
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    filled = cv2.fillConvexPoly(np.zeros_like(cut), hull, 1.0)
    cells = (SILHOUETTE, SILHOUETTE)
    return np.stack([np.asarray(cv2.resize(one, cells, interpolation=cv2.INTER_AREA)) > 0.5 for one in (cut, filled)])


def _overlap(one: Where, two: Where) -> float:
    """Mean of the overlaps of shapes and of hulls: thin things overlap in their hulls only."""
    return float(np.mean((one & two).sum(axis=(1, 2)) / np.maximum(1, (one | two).sum(axis=(1, 2)))))


def _colours(bins: NDArray[np.intp]) -> NDArray[np.float64]:
    """Shares of colours (a and b, light left out), smoothed: a twin is lit otherwise."""
    grid = np.bincount(bins % (BINS[1] * BINS[2]), minlength=BINS[1] * BINS[2]).reshape(BINS[1:]).astype(np.float64)
    smooth = cv2.GaussianBlur(grid, (3, 3), 0)
    return np.asarray(smooth / max(1.0, smooth.sum()))
