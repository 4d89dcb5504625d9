"""Light of the background: neither murky nor blown out, nothing clipped over large areas, no bands."""

import cv2
import numpy as np

from tasks.findings import Finding
from tasks.quality.evidence import Mask, Plane
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds

NO_BACKGROUND = "no background to look at"
FLAT_RUN = 3  # pixels without any change on both sides of a step: noise and texture never have them
STEP = 3  # levels: a step of 2 is what rounding makes of a steep gradient, and nobody sees it


def check_exposure(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`exposure_dark`, `exposure_bright`: dark and bright end (20th and 80th percentile) of the background, 0..255."""
    level = regions.level(4)
    grey = level.grey[level.background > 0]
    if not grey.size:
        return tuple(thresholds.not_measured(name, NO_BACKGROUND) for name in ("exposure_dark", "exposure_bright"))
    low, high = np.percentile(grey, (20, 80))
    return thresholds.at_least("exposure_dark", float(high)), thresholds.at_most("exposure_bright", float(low))


def check_clipping(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`clipped_white`, `clipped_black`: share of the background without any drawing left in light or shadow."""
    inside = regions.level(2).background
    count = cv2.countNonZero(inside)
    if not count:
        return tuple(thresholds.not_measured(name, NO_BACKGROUND) for name in ("clipped_white", "clipped_black"))
    white, black = (
        cv2.countNonZero(cv2.bitwise_and(inside, cv2.inRange(regions.half, (low,) * 3, (high,) * 3)))
        for low, high in ((254, 255), (0, 1))
    )
    return thresholds.at_most("clipped_white", white / count), thresholds.at_most("clipped_black", black / count)


def check_banding(regions: Regions, thresholds: Thresholds) -> Finding:
    """`banding`: length of contours between flat plateaus, in widths of the frame.

    A contour is a step of 3 levels or more, in green, with no change at all for 3 pixels on both sides. Eight-bit
    gradients step by one level, and whatever has texture, grain or dither has no plateaus.
    """
    if not regions.background.any():
        return thresholds.not_measured("banding", NO_BACKGROUND)
    green = np.ascontiguousarray(regions.evidence.pixels[:, :, 1])
    contours = _contours(green, regions.background) + _contours(cv2.transpose(green), cv2.transpose(regions.background))
    return thresholds.at_most("banding", contours / min(regions.frame))


def _contours(values: Plane, inside: Mask) -> int:
    """Pixels in `inside` where a row steps from one plateau to the next."""
    step = cv2.absdiff(values[:, 1:], values[:, :-1])
    still = cv2.erode(cv2.inRange(step, 0, 0), np.ones((1, FLAT_RUN), np.uint8))
    jump = cv2.inRange(step, STEP, 255)
    # a run centred two to the left of the jump ends at its left neighbour; likewise on the right
    reach = FLAT_RUN // 2 + 1
    plateaus = cv2.bitwise_and(still[:, : -2 * reach], still[:, 2 * reach :])
    both = cv2.bitwise_and(jump[:, reach:-reach], plateaus)
    return int(cv2.countNonZero(cv2.bitwise_and(both, inside[:, reach : -reach - 1])))
