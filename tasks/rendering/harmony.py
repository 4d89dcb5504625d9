"""The ring beside the product, moved softly towards the product's own light: background pixels only.

The model draws the product too, in its own tint; the difference to the seller's pixels at the silhouette is how far off
the ground beside it is. It is carried outwards and fades, as in a seamless blend of which one side stays fixed.
"""

import cv2
import numpy as np

from tasks.rendering.job import Harmony
from tasks.rendering.picture import Floats, spread
from tasks.rendering.renderer import Alpha, Pixels

WORK_SIDE = 384  # px; the correction is smooth
RIM = 0.03  # of the frame: how far inside the silhouette the two are compared
MOST = 14.0  # sRGB levels: beyond that the model drew something else, and its tint says nothing


def harmonise(background: Pixels, decode: Pixels, expected: Pixels, alpha: Alpha, harmony: Harmony) -> Pixels:
    """The background, its ring corrected. `decode` is the model's own drawing, `expected` the product as it is.

    All have the canvas' size. Outside the ring not a bit changes.
    """
    height, width = alpha.shape
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (decode, expected, alpha)]
    shift = _ring_shift(*small, harmony=harmony)
    if not shift.any():
        return background
    shift = np.asarray(cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    moved = np.rint(background + shift).clip(0, 255).astype(np.uint8)
    return np.where((np.abs(shift) > 0.01).any(axis=2, keepdims=True), moved, background)


def _ring_shift(decode: Pixels, expected: Pixels, alpha: Alpha, *, harmony: Harmony) -> Floats:
    """What is added to each pixel (H, W, 3): full strength at the silhouette, nothing beyond the ring."""
    side = max(alpha.shape)
    solid = (alpha == 255).astype(np.uint8)
    inwards = cv2.distanceTransform(np.pad(solid, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rim = (inwards > 1) & (inwards <= max(2.0, RIM * side))
    if not rim.any():
        return np.zeros((*alpha.shape, 3), dtype=np.float32)
    difference = (expected.astype(np.float32) - decode).clip(-MOST, MOST)
    carried = spread(difference, rim, reach=max(2, round(harmony.reach * side)))
    outwards = cv2.distanceTransform((alpha == 0).astype(np.uint8), cv2.DIST_L2, 5)
    near = (1.0 - outwards / max(1.0, harmony.reach * side)).clip(0.0, 1.0)
    return np.asarray(harmony.strength * (near**2)[..., None] * carried, dtype=np.float32)
