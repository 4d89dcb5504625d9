"""White scenes: what is not product is pure white."""

import cv2

from tasks.findings import Finding
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box


def check_white(regions: Regions, thresholds: Thresholds) -> Finding:
    """`white`: share of the pixels outside the product that are not exactly (255, 255, 255)."""
    outside = cv2.inRange(regions.evidence.alpha, 0, 0)
    count = cv2.countNonZero(outside)
    if not count:
        return thresholds.not_measured("white", "the product's mask fills the frame")
    pure = cv2.inRange(regions.evidence.pixels, (255, 255, 255), (255, 255, 255))
    stained = cv2.bitwise_and(outside, cv2.bitwise_not(pure))
    left, top, width, height = cv2.boundingRect(stained)
    box = Box(left, top, left + width, top + height)
    return thresholds.at_most("white", cv2.countNonZero(stained) / count, box=box)
