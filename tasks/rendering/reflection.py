"""The product mirrored in a glossy surface: background pixels only, upright edge to edge with its own base."""

import cv2
import numpy as np

from tasks.rendering.job import Reflection
from tasks.rendering.picture import Floats, bounding_box
from tasks.rendering.renderer import Alpha, Pixels
from tasks.rendering.shadow import lowest_rows

FOOT = 0.12  # share of the product's height within which its lowest edge counts as standing on the surface
BLUR = 0.05  # of the product's height, for a surface of blur 1 at the far end of the reflection


def reflect(
    background: Pixels, colour: Pixels, alpha: Alpha, reflection: Reflection, *, ground: float | None
) -> Pixels:
    """The background with one product mirrored below its base.

    `colour` and `alpha` are the product alone on the canvas. Nothing is mirrored above the line where ground meets
    wall (`ground`, share of the frame), and nothing where there is no ground.
    """
    box = bounding_box(alpha)
    if box.is_empty or ground is None or reflection.strength == 0:
        return background
    base = _base_line(alpha)
    rows = np.arange(alpha.shape[0], dtype=np.float32)[:, None]
    depth = rows - base[None, :]  # px below the base
    reach = max(1.0, reflection.length * box.height)
    fade = np.where(depth > 0, (1.0 - depth / reach).clip(0.0, 1.0), 0.0).astype(np.float32)
    fade[rows[:, 0] < ground * alpha.shape[0]] = 0.0
    mirrored, share = _mirrored(colour, alpha, base, blur=reflection.blur * BLUR * box.height, depth=depth / reach)
    weight = (reflection.strength * fade * share)[..., None]
    seen = np.rint(weight * mirrored + (1.0 - weight) * background).clip(0, 255).astype(np.uint8)
    return np.where(weight > 1 / 1024, seen, background)


def _base_line(alpha: Alpha) -> Floats:
    """The row on which each column is mirrored: the product's own edge near its foot, elsewhere the base."""
    box = bounding_box(alpha)
    lowest = lowest_rows(alpha.astype(np.float32) / 255.0).astype(np.float32)
    base = np.full(alpha.shape[1], float(box.bottom - 1), dtype=np.float32)
    touching = lowest > box.bottom - FOOT * box.height
    base[touching] = lowest[touching]
    smooth = cv2.GaussianBlur(base[None, :], (0, 0), max(1.0, 0.006 * box.width))[0]
    return np.asarray(np.maximum(smooth, np.where(touching, lowest, 0.0)), dtype=np.float32)


def _mirrored(colour: Pixels, alpha: Alpha, base: Floats, *, blur: float, depth: Floats) -> tuple[Floats, Floats]:
    """Mirrored colours (H, W, 3) and how much of each pixel they cover (H, W), softer with distance."""
    height, width = alpha.shape
    columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], (height, width))
    source = 2 * base[None, :] + 1 - np.arange(height, dtype=np.float32)[:, None]
    share = alpha.astype(np.float32)[..., None] / 255.0
    premultiplied = np.dstack([share * colour, share])
    flipped = cv2.remap(premultiplied, np.ascontiguousarray(columns), source.astype(np.float32), cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(flipped, (0, 0), max(0.6, blur))
    far = depth.clip(0.0, 1.0)[..., None]
    mixed = (1.0 - far) * cv2.GaussianBlur(flipped, (0, 0), max(0.6, 0.25 * blur)) + far * soft
    cover = mixed[..., 3]
    return np.asarray(mixed[..., :3] / np.maximum(cover, 1e-3)[..., None]), np.asarray(cover)
