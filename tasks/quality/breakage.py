"""Renders that are no picture: blank, partly black, or never denoised."""

import math

import cv2
import numpy as np

from tasks.findings import Finding
from tasks.quality.evidence import Alpha, Mask
from tasks.quality.regions import Level, Regions
from tasks.quality.thresholds import Thresholds

# Second difference across and down: zero on any plane, so light falling off costs nothing.
# J. Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding 64(2), 1996.
SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.int16)


def check_blank(regions: Regions, thresholds: Thresholds) -> Finding:
    """`blank`: entropy of the background's grey values in bits; a plain card has 0, a soft gradient 4 and more."""
    level = regions.level(2)
    histogram = cv2.calcHist([level.grey], [0], level.background, [256], [0, 256]).ravel()
    if not histogram.any():
        return thresholds.not_measured("blank", "no background to look at")
    share = histogram[histogram > 0] / histogram.sum()
    return thresholds.at_least("blank", float(-(share * np.log2(share)).sum()))


def check_flat(regions: Regions, thresholds: Thresholds) -> Finding:
    """`flat`: largest share of the background that is one exact colour; not-a-number decodes come out black."""
    stride = max(1, min(regions.frame) // 256)
    inside = regions.background[::stride, ::stride] > 0
    colours = regions.evidence.pixels[::stride, ::stride][inside].astype(np.uint32)
    if not colours.size:
        return thresholds.not_measured("flat", "no background to look at")
    packed = (colours[:, 0] << 16) | (colours[:, 1] << 8) | colours[:, 2]
    values, counts = np.unique(packed, return_counts=True)
    commonest = int(values[counts.argmax()])
    return thresholds.at_most("flat", counts.max() / packed.size, detail=f"commonest colour #{commonest:06x}")


def check_noise(regions: Regions, thresholds: Thresholds) -> Finding:
    """`noise`: strongest noise over the scales, in grey levels, weighted by how little else there is.

    At each reduction the noise is estimated by second differences and multiplied by its share of the variance:
    grain on a lit surface or a busy texture counts little, a picture that is all noise (of pixels, or of blobs as a
    decoder makes them of undenoised latents) counts in full.
    """
    weighed = [noise for level in regions.levels if (noise := _weighted_noise(level)) is not None]
    if not weighed:
        return thresholds.not_measured("noise", "no background to look at")
    return thresholds.at_most("noise", max(weighed))


def _weighted_noise(level: Level) -> float | None:
    inner = cv2.erode(level.background, np.ones((3, 3), np.uint8))
    if cv2.countNonZero(inner) < 256:
        return None
    deviation = float(cv2.meanStdDev(level.grey, mask=inner)[1][0, 0])
    noise = noise_deviation(level.grey, inner)
    return float(noise * min(1.0, noise**2 / max(deviation**2, 1e-6)))


def noise_deviation(grey: Alpha, inside: Mask) -> float:
    """Standard deviation of additive white noise in grey levels, by Immerkaer's estimator, over `inside` > 0."""
    response = cv2.filter2D(grey, cv2.CV_16S, SECOND_DIFFERENCE)
    mean = float(cv2.mean(cv2.convertScaleAbs(response, alpha=0.5), mask=inside)[0]) * 2
    return mean * math.sqrt(math.pi / 2) / 6
