"""Soft alpha and clean edge colours before a plain ground.

A picture's colour is I = a F + (1 - a) B. On a plain ground B is known next to every edge pixel (shadow included) and F
is known just inside, so a is the projection of I - B on F - B, at the picture's own size and without a solver.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.ground import Mask
from tasks.rendering.picture import RGBA, Floats, spread

BAND = 4  # px on either side of the silhouette whose alpha is to be found
WEAK = 18.0  # sRGB levels between product and ground below which colour says little about alpha


def matte(rgb: NDArray[np.uint8], product: Mask, *, scale: float = 1.0) -> RGBA:
    """RGBA with soft alpha at the silhouette's edge and the ground's colour taken out of the edge pixels.

    `scale` is how many times finer `rgb` is than the picture in which `product` was found.
    """
    image = rgb.astype(np.float32)
    band = round(BAND * scale)
    inside, outside = _certain(image, product, band=band)
    back = spread(image, outside, reach=2 * band)
    front = spread(image, inside, reach=2 * band)
    alpha = _unmix(image, front=front, back=back, contour=_contour(product, scale=scale))
    alpha = np.where(inside, 1.0, np.where(outside, 0.0, alpha)).astype(np.float32)
    alpha = _rising(alpha, outside, band=band)
    colour = decontaminated(image, alpha, front=front, back=back)
    return np.dstack([np.rint(colour), np.rint(alpha * 255)]).clip(0, 255).astype(np.uint8)


def _certain(image: Floats, product: Mask, *, band: int) -> tuple[Mask, Mask]:
    """Pixels that surely are product and surely are ground. A strap thinner than the band keeps its darkest line."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    seed = product.astype(np.uint8)
    outside = cv2.dilate(seed, kernel) == 0
    inside = cv2.erode(seed, kernel, borderValue=1) > 0
    away = np.linalg.norm(image - spread(image, outside, reach=2 * band), axis=2).astype(np.float32)
    # a hole or gap narrower than the band still shows the ground, and is certain of it
    peak = cv2.dilate(away * seed, kernel)
    core = product & (away > 0.92 * peak) & (away > 40)
    return inside | (core & (cv2.erode(seed, np.ones((3, 3), np.uint8), borderValue=1) > 0)), outside


def _rising(alpha: Floats, outside: Mask, *, band: int) -> Floats:
    """Alpha that never falls on the way in: what lies behind an opaque rim is opaque, as pale as it may be."""
    depth = cv2.distanceTransform((~outside).astype(np.uint8), cv2.DIST_L2, 5)
    risen, near = alpha.copy(), np.ones((3, 3), np.uint8)
    for level in range(1, 2 * band + 2):
        passed = cv2.dilate(np.where(depth < level, risen, 0.0).astype(np.float32), near)
        at = (depth >= level) & (depth < level + 1)
        risen[at] = np.maximum(risen, passed)[at]
    return risen


def _contour(product: Mask, *, scale: float) -> Floats:
    """Alpha from the silhouette alone, for edges whose colours do not tell product from ground."""
    return np.asarray(cv2.GaussianBlur(product.astype(np.float32), (0, 0), 0.8 * scale), dtype=np.float32)


def _unmix(image: Floats, *, front: Floats, back: Floats, contour: Floats) -> Floats:
    across = front - back
    length = np.square(across).sum(axis=2)
    projected = ((image - back) * across).sum(axis=2) / np.maximum(length, 1.0)
    trust = (np.sqrt(length) / WEAK - 1.0).clip(0.0, 1.0)
    return np.asarray((trust * projected + (1 - trust) * contour).clip(0.0, 1.0), dtype=np.float32)


def decontaminated(image: Floats, alpha: Floats, *, front: Floats, back: Floats) -> Floats:
    """The product's own colour: solved from the mixture where alpha is large enough, else the colour just inside."""
    solved = (image - (1 - alpha[..., None]) * back) / np.maximum(alpha[..., None], 0.35)
    trust = ((alpha - 0.35) / 0.3).clip(0.0, 1.0)[..., None]
    colour = trust * solved + (1 - trust) * front
    return np.where(alpha[..., None] >= 1.0, image, colour).clip(0, 255).astype(np.float32)
