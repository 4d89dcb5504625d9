"""The placed product on an empty canvas, at the master's full size."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tasks.errors import RenderError
from tasks.rendering.cutout import CutOut
from tasks.rendering.job import Staging
from tasks.rendering.picture import RGBA, bounding_box
from tasks.rendering.renderer import Alpha, Pixels
from tasks.rendering.staging import place
from tasks.shapes import Box, Size

EMPTY = 128  # neutral grey: what a masked-out area is to an inpainting model, and tints nothing
WHITE = 255


@dataclass(frozen=True)
class Canvas:
    """The product placed: its own colours, its matte and the picture of both on the empty canvas."""

    colour: Pixels  # the product's straight colours, undefined where alpha is 0
    alpha: Alpha
    expected: Pixels
    box: Box
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        return Size(self.alpha.shape[1], self.alpha.shape[0])


def stage(cutout: CutOut, size: Size, staging: Staging, *, empty: int = EMPTY) -> Canvas:
    """Place the cut-out on an empty canvas of `size`. Raises RenderError where nothing of it is left to see."""
    height, width = cutout.rgba.shape[:2]
    placed = place(Size(width, height), size, staging, at=cutout.box, frame=cutout.frame)
    product = resize_rgba(cutout.rgba, placed.box.size)
    if not product[..., 3].any():
        raise RenderError(f"the product vanishes at {placed.box.size} px; raise the scene's share or the frame's size")
    colour = np.full((size.height, size.width, 3), empty, dtype=np.uint8)
    alpha = np.zeros((size.height, size.width), dtype=np.uint8)
    rows, columns = slice(placed.box.top, placed.box.bottom), slice(placed.box.left, placed.box.right)
    colour[rows, columns], alpha[rows, columns] = product[..., :3], product[..., 3]
    expected = over(colour, alpha, np.full_like(colour, empty))
    return Canvas(colour=colour, alpha=alpha, expected=expected, box=bounding_box(alpha), notes=placed.notes)


def resize_rgba(rgba: RGBA, size: Size) -> RGBA:
    """Lanczos with premultiplied alpha, so that invisible pixels lend no colour to the edge."""
    if (rgba.shape[1], rgba.shape[0]) == size:
        return rgba
    image = Image.fromarray(rgba).convert("RGBa").resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image.convert("RGBA"), dtype=np.uint8)


def over(colour: Pixels, alpha: Alpha, ground: Pixels) -> Pixels:
    """`colour` over `ground`; exact where alpha is 255 or 0."""
    share = alpha[..., None].astype(np.float32) / 255.0
    return np.rint(share * colour + (1.0 - share) * ground).astype(np.uint8)


def resize_pixels(pixels: Pixels, size: Size) -> Pixels:
    """Area mean when shrinking, Lanczos when growing."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    shrinks = size.width < pixels.shape[1]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4))
