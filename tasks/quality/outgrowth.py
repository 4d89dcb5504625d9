"""Growth as a segmentation model sees it: what it takes for the product beyond the product that was pasted."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.errors import ModelError
from tasks.findings import Finding
from tasks.quality.evidence import Pixels
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

AROUND = 0.3  # of the product's longer side, by which the model is shown more than the product
EDGE = 0.01  # of the shorter side: a model's silhouette is not exact to the pixel
SEEN = 0.6  # share of the product that a silhouette must hold, else it is of another thing


class Segments(Protocol):
    """A segmentation model that is asked for the thing at a point, within a box."""

    def mask_of(self, rgb: Pixels, box: Box | None = None, point: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Silhouette (height, width). ModelError where its weights cannot be used."""


def check_growth_model(regions: Regions, thresholds: Thresholds, model: Segments | str | None) -> Finding:
    """`growth_model`: area of the model's silhouette outside the pasted product, over the product's area.

    A text in place of the model says why there is none. The measure, and masks by a segmenter for it, follow "Salient
    object-aware background generation" (arXiv 2404.10157).
    """
    product = regions.evidence.alpha > 0
    if model is None or isinstance(model, str):
        return thresholds.not_measured("growth_model", model or "no segmentation model in SHANGXIN_MODELS_DIR")
    if not product.any():
        return thresholds.not_measured("growth_model", "the product's mask is empty")
    try:
        seen = model.mask_of(regions.evidence.pixels, _around(regions), _within(product))
    except ModelError as error:
        return thresholds.not_measured("growth_model", str(error))
    if (seen & product).sum() < SEEN * product.sum():
        return thresholds.not_measured("growth_model", "the model sees another thing than the product")
    reach = max(1, round(EDGE * min(regions.frame)))
    known = cv2.dilate(product.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    grown = cv2.morphologyEx((seen & ~known).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    box = Box(*_corners(grown)) if grown.any() else None
    return thresholds.at_most("growth_model", float(grown.sum() / product.sum()), box=box)


def _around(regions: Regions) -> Box:
    left, top, right, bottom = regions.product_box
    more = round(AROUND * max(right - left, bottom - top))
    width, height = regions.frame
    return Box(max(left - more, 0), max(top - more, 0), min(right + more, width), min(bottom + more, height))


def _within(product: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel deepest inside the product: its middle may be a handle's hole."""
    framed = cv2.copyMakeBorder(product.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column) - 1, int(row) - 1


def _corners(mask: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect(mask)
    return left, top, left + width, top + height
