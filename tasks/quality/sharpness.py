"""Focus: something in the picture is sharp, and the background is more than fog."""

import cv2
import numpy as np

from tasks.findings import Finding
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds

SHARPEST = 0.002  # share of the product's area whose edges count: a plain mug is sharp along a few lines only


def check_focus(regions: Regions, thresholds: Thresholds) -> Finding:
    """`focus`: strongest edges of the product and its outline per pixel of width, 0..1; 1 is a step of one pixel.

    The strongest second differences are set against the strongest contrast over 16 pixels: a low-contrast product
    that is sharp stays sharp, and a soft background does not count at all.
    """
    if regions.product_box.is_empty:
        return thresholds.not_measured("focus", "the product's mask is empty")
    grey = regions.crop(regions.level(1).grey)
    near = cv2.dilate(regions.crop(regions.evidence.alpha), np.ones((5, 5), np.uint8)) > 0
    bend = np.abs(cv2.Laplacian(grey, cv2.CV_16S, ksize=1))[near]
    reach = np.ones((17, 17), np.uint8)
    contrast = (cv2.dilate(grey, reach) - cv2.erode(grey, reach))[near]
    place = max(1, int(near.sum() * SHARPEST))
    strongest = float(np.partition(bend, -place)[-place])
    highest = float(np.partition(contrast, -place)[-place])
    return thresholds.at_least("focus", strongest / max(highest, 1.0), box=regions.product_box)


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
