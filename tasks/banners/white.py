"""Pure white around a product that was rendered on white."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.pixels import Alpha, Pixels
from tasks.shapes import Box

# Window in which the background behind a half-transparent edge pixel is looked up, in master pixels.
_NEIGHBOURHOOD = (9, 9)


def on_pure_white(master: Pixels, product_box: Box, alpha: Alpha | None) -> Pixels:
    """The master with everything but the product at 255: no shadow, no grey, and white products left alone.

    With a matte, edge pixels exchange exactly their share of background for white. Without one, only what lies
    outside the product's box is known to be background.
    """
    return _by_box(master, product_box) if alpha is None else _by_matte(master, alpha)


def _by_box(master: Pixels, box: Box) -> Pixels:
    white = np.full_like(master, 255)
    inside = np.s_[box.top : box.bottom, box.left : box.right]
    white[inside] = master[inside]
    return white


def _by_matte(master: Pixels, alpha: Alpha) -> Pixels:
    """pixel = product x a + background x (1 - a), so white instead of background adds (1 - a)(255 - background)."""
    outside = (alpha == 0).astype(np.float32)
    known = cv2.blur(outside, _NEIGHBOURHOOD)
    total = cv2.blur(master.astype(np.float32) * outside[..., None], _NEIGHBOURHOOD)
    background = np.where(known[..., None] > 0, total / np.maximum(known, 1e-6)[..., None], 255)
    added = (1 - alpha.astype(np.float32) / 255)[..., None] * (255 - background)
    mixed = np.clip(np.rint(master + added), 0, 255).astype(np.uint8)
    mixed[alpha == 0] = 255
    return np.asarray(mixed, np.uint8)


def beyond_product(alpha: Alpha, *, margin: int) -> NDArray[np.bool_]:
    """True where no product pixel is within `margin` pixels: there, white has to be white even after JPEG."""
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return np.asarray(cv2.dilate((alpha > 0).astype(np.uint8), kernel) == 0)
