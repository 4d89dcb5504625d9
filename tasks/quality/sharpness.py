"""Focus: something in the picture is sharp, the background is more than fog, and the ground is no smear."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.evidence import Mask
from tasks.quality.regions import Regions
from tasks.quality.standing import lay_silhouette
from tasks.quality.thresholds import Thresholds

SHARPEST = 0.002  # share of the product's area whose edges count: a plain mug is sharp along a few lines only

WORKING_SIDE = 256  # pixels of the shorter side at which the ground's edges are looked at
NEAR = (0.02, 0.15)  # shares of the shorter side around the product where its ground lies
OFF_SHADOW = 10  # working pixels around the cast shadow, whose own edge is no edge of the ground
CONTRAST = 8  # grey levels within reach that make an edge
REACH = 9  # working pixels; a ramp through all of it has a steepness of 1/8
EDGES = 400  # working pixels beside edges that are too few to tell
STEEPEST = 99  # percentile

HIGHEST = 2048  # the Laplacian of 8-bit grey stays below 1,021


def check_focus(regions: Regions, thresholds: Thresholds) -> Finding:
    """`focus`: strongest edges of the product and its outline per pixel of width, 0..1; 1 is a step of one pixel.

    The strongest second differences are set against the strongest contrast over 16 pixels: a low-contrast product
    that is sharp stays sharp, and a soft background does not count at all.
    """
    if regions.product_box.is_empty:
        return thresholds.not_measured("focus", "the product's mask is empty")
    grey = regions.crop(regions.level(1).grey)
    near = cv2.dilate(regions.crop(regions.evidence.alpha), np.ones((5, 5), np.uint8))
    bend = np.abs(cv2.Laplacian(grey, cv2.CV_16S, ksize=1)).astype(np.uint16)
    reach = np.ones((17, 17), np.uint8)
    contrast = cv2.dilate(grey, reach) - cv2.erode(grey, reach)
    place = max(1, int(cv2.countNonZero(near) * SHARPEST))
    strongest, highest = _from_top(bend, near, place), _from_top(contrast, near, place)
    return thresholds.at_least("focus", strongest / max(highest, 1.0), box=regions.product_box)


def _from_top(values: NDArray[np.uint8] | NDArray[np.uint16], mask: Mask, place: int) -> int:
    """The value that so many pixels under the mask reach, equal ones counted; values below 2048.

    By histogram: a partial sort takes fifty times as long where many values are equal, and in a flat picture all are.
    """
    histogram = cv2.calcHist([values], [0], mask, [HIGHEST], [0, HIGHEST])
    reached = np.cumsum(histogram.ravel()[::-1], dtype=np.float64)
    return HIGHEST - 1 - int(np.searchsorted(reached, place))


def check_background_detail(regions: Regions, thresholds: Thresholds) -> Finding:
    """`background_detail`: variance of the Laplacian at 1/8 of the size, in squared grey levels.

    At that reduction a soft backdrop (blurred by the lens, or drawn by a small model and enlarged) still has its
    surfaces and lights, while a picture that is fog or a smear has nothing.
    """
    level = regions.level(8)
    inner = cv2.erode(level.background, np.ones((3, 3), np.uint8))
    if cv2.countNonZero(inner) < 64:
        return thresholds.not_measured("background_detail", "too little background to look at")
    # reduced in floating point: rounding to whole levels alone would leave a variance of 0.5
    smooth = cv2.resize(regions.level(1).grey.astype(np.float32), level.grey.shape[::-1], interpolation=cv2.INTER_AREA)
    bend = cv2.Laplacian(smooth, cv2.CV_32F, ksize=1)
    return thresholds.at_least("background_detail", float(cv2.meanStdDev(bend, mask=inner)[1][0, 0]) ** 2)


def check_stuck_on(regions: Regions, thresholds: Thresholds) -> Finding:
    """`stuck_on`: steepness of the sharpest edges of the ground near the product, share of their contrast per pixel
    at WORKING_SIDE.

    What the product stands on lies in the lens's focus with it. A step has 0.3 and more, a smear of 1.6 % of the side
    no more than a ramp; so it does not matter how much there is on the ground, only how sharp the sharpest of it is.
    """
    if regions.product_box.is_empty:
        return thresholds.not_measured("stuck_on", "the product's mask is empty")
    scale = min(1.0, WORKING_SIDE / min(regions.frame))
    size = max(1, round(regions.frame.width * scale)), max(1, round(regions.frame.height * scale))
    grey = cv2.resize(regions.level(1).grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    reach = np.ones((REACH, REACH), np.uint8)
    contrast = cv2.dilate(grey, reach) - cv2.erode(grey, reach)
    edges = _ground_near(regions, size) & (contrast > CONTRAST)
    if np.count_nonzero(edges) < EDGES:
        return thresholds.not_measured("stuck_on", "the ground has too few edges to tell")
    slope = np.hypot(*(cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1))))
    steepest = float(np.percentile(slope[edges] / contrast[edges], STEEPEST))
    return thresholds.at_least("stuck_on", steepest, box=regions.around)


def _ground_near(regions: Regions, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Around the product, its cast shadow left out."""
    alpha = np.asarray(cv2.resize(regions.evidence.alpha, size, interpolation=cv2.INTER_AREA))
    away = cv2.distanceTransform((alpha <= 8).astype(np.uint8), cv2.DIST_L2, 3) / min(size)
    near = (away > NEAR[0]) & (away < NEAR[1])
    if regions.evidence.light is None:
        return np.asarray(near)
    shadow = (lay_silhouette(alpha, regions.evidence.light) <= 16).astype(np.uint8)
    return np.asarray(near & (cv2.distanceTransform(shadow, cv2.DIST_L2, 3) > OFF_SHADOW))
