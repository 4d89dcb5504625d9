"""Structural similarity of two pictures: how much of what one shows is left in the other."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.pixels import Pixels

# Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to structural
# similarity", IEEE Transactions on Image Processing 13(4), 2004: formula 13 with K1, K2 and the window of their tests.
K1, K2, SIGMA, WINDOW = 0.01, 0.03, 1.5, (11, 11)
# Z. Wang, L. Lu, A. C. Bovik, "Video quality assessment based on structural distortion measurement", Signal Processing:
# Image Communication 19(2), 2004: weights of Y, Cb and Cr.
WEIGHTS = (0.8, 0.1, 0.1)
# The authors' own program halves the picture until its shorter side is about this: what an eye at a distance sees.
VIEWED = 256

Plane = NDArray[np.float32]


def ssim(first: Pixels, second: Pixels) -> float:
    """Similarity of two pictures of one size in light and colour: 1 for the same picture, 0 for nothing in common.

    Measured at about 256 pixels a side as in the authors' program; 2 to 4 ms.
    """
    return sum(weight * _plane(*planes) for weight, planes in zip(WEIGHTS, _planes(first, second), strict=True))


def _planes(first: Pixels, second: Pixels) -> list[tuple[Plane, Plane]]:
    pairs = (_viewed(first), _viewed(second))
    split = [cv2.split(cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb).astype(np.float32)) for each in pairs]
    return list(zip(*split, strict=True))


def _viewed(pixels: Pixels) -> Pixels:
    factor = max(1, round(min(pixels.shape[:2]) / VIEWED))
    if factor == 1:
        return pixels
    size = (pixels.shape[1] // factor, pixels.shape[0] // factor)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _plane(first: Plane, second: Plane) -> float:
    c1, c2 = (K1 * 255) ** 2, (K2 * 255) ** 2
    mean_1, mean_2 = _blur(first), _blur(second)
    product, square_1, square_2 = mean_1 * mean_2, mean_1 * mean_1, mean_2 * mean_2
    covariance = _blur(first * second) - product
    variances = _blur(first * first) - square_1 + _blur(second * second) - square_2
    similar = (2 * product + c1) * (2 * covariance + c2) / ((square_1 + square_2 + c1) * (variances + c2))
    return float(similar.mean())


def _blur(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, WINDOW, SIGMA), np.float32)
