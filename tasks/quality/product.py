"""The product: its own pixels are untouched, it is all there, and it has the right share of the frame."""

import cv2
import numpy as np

from tasks.findings import Finding
from tasks.quality.colour import delta_e_2000, lab
from tasks.quality.evidence import Pixels
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

SAMPLES = 20_000  # pixels for the colour difference: median and 95th percentile are stable to 0.02 with these


def check_paste(regions: Regions, thresholds: Thresholds) -> Finding:
    """`paste`: largest difference of any channel from the placed product inside its eroded mask; must be 0."""
    inside = regions.core
    if not inside.any():
        return thresholds.not_measured("paste", "the product is thinner than the paste's blend")
    difference = regions.difference
    _, worst, _, _ = cv2.minMaxLoc(difference, mask=inside)
    box = None
    if worst:
        left, top, width, height = cv2.boundingRect(cv2.bitwise_and(difference, inside))
        left, top = left + regions.around.left, top + regions.around.top
        box = Box(left, top, left + width, top + height)
    return thresholds.at_most("paste", worst, box=box)


def check_coverage(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`coverage_least`, `coverage_most`: share of the frame that the product takes."""
    share = float(regions.evidence.alpha.mean()) / 255
    box = None if regions.product_box.is_empty else regions.product_box
    return (
        thresholds.at_least("coverage_least", share, box=box),
        thresholds.at_most("coverage_most", share, box=box),
    )


def check_margins(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`margin`: least distance to the frame, share of the shorter side. `cut_off`: share of an edge that cuts it.

    `photo_cut`: share of a side of the product that the catalogue's own picture cuts off.
    """
    photo = thresholds.at_most("photo_cut", regions.evidence.cut)
    if regions.product_box.is_empty:
        why = "the product's mask is empty"
        return thresholds.not_measured("margin", why), thresholds.not_measured("cut_off", why), photo
    box, frame = regions.product_box, regions.frame
    least = min(box.left, box.top, frame.width - box.right, frame.height - box.bottom)
    alpha = regions.evidence.alpha
    edges = (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1])
    cut = max(float((edge > 127).mean()) for edge in edges)
    return (
        thresholds.at_least("margin", least / min(frame), box=box),
        thresholds.at_most("cut_off", cut, box=box),
        photo,
    )


def check_colour(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`colour_median`, `colour_p95`: CIEDE2000 between the picture and the placed product, inside its mask."""
    inside = np.flatnonzero(regions.solid)
    if not inside.size:
        why = "no pixel is product alone"
        return thresholds.not_measured("colour_median", why), thresholds.not_measured("colour_p95", why)
    if not cv2.countNonZero(cv2.bitwise_and(regions.difference, regions.solid)):
        return thresholds.at_most("colour_median", 0.0), thresholds.at_most("colour_p95", 0.0)
    some = inside[:: max(1, inside.size // SAMPLES)]
    seen, expected = (_crop(regions, name).reshape(-1, 3)[some] for name in ("pixels", "expected"))
    distance = delta_e_2000(lab(seen), lab(expected))
    median, p95 = np.percentile(distance, (50, 95))
    box = regions.product_box
    return (
        thresholds.at_most("colour_median", float(median), box=box),
        thresholds.at_most("colour_p95", float(p95), box=box),
    )


def _crop(regions: Regions, name: str) -> Pixels:
    return regions.crop(getattr(regions.evidence, name))
