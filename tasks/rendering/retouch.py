"""Cheap repairs of a drawn background: its colour next to the product, its light. Product pixels are never touched."""

import cv2
import numpy as np

from tasks.rendering.picture import Floats, spread, to_lab
from tasks.rendering.renderer import Alpha, Pixels
from tasks.steering import Steering

RING = 0.09  # share of the shorter side next to the product that is matched: as far as the check for casts looks
SMOOTH = 1 / 64  # share of the shorter side: finer than this is texture and stays
MIDDLE = 118.0  # sRGB: middle grey, where a well exposed background has about its median
GAMMA = (0.4, 2.5)  # beyond this a tone curve shows bands and noise


def retouch(background: Pixels, alpha: Alpha, steering: Steering) -> Pixels:
    """The background with as much ring match and tone as the steering asks for; the same array where it asks none."""
    if steering.ring_match:
        background = match_ring(background, alpha, strength=steering.ring_match)
    if steering.tone:
        background = tone(background, alpha, strength=steering.tone)
    return background


def match_ring(background: Pixels, alpha: Alpha, *, strength: float) -> Pixels:
    """Take the ring around the product to the colour of what lies beyond it; its texture stays."""
    side = min(alpha.shape)
    away = cv2.distanceTransform((alpha == 0).astype(np.uint8), cv2.DIST_L2, 5)
    width = max(4.0, side * RING)
    beyond = away > width
    if not beyond.any():
        return background
    colours = background.astype(np.float32)
    reach = max(3, round(side * SMOOTH))
    wanted = cv2.blur(spread(colours, beyond, reach=round(width)), (round(width), round(width)))
    found = spread(colours, away > 0, reach=reach)
    share = strength * (1 - away / width).clip(0, 1)
    share = share * share * (3 - 2 * share)
    return np.asarray(np.rint(colours + share[..., None] * (wanted - found)).clip(0, 255), dtype=np.uint8)


def tone(background: Pixels, alpha: Alpha, *, strength: float) -> Pixels:
    """Bend the light of the background so that its median comes to middle grey, `strength` of the way.

    A bend keeps black black and white white: what is burnt out stays burnt out, and needs a new take.
    """
    light: Floats = to_lab(background)[..., 0] * 2.55
    seen = light[alpha == 0]
    if not seen.size:
        return background
    median = float(np.median(seen).clip(4, 251)) / 255
    gamma = float(np.clip(np.log(MIDDLE / 255) / np.log(median), *GAMMA))
    gamma = 1 + strength * (gamma - 1)
    curve = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return np.asarray(curve[background], dtype=np.uint8)
