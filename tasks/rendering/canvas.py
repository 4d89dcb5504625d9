"""The placed product on an empty canvas, at the master's full size."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tasks.errors import RenderError
from tasks.rendering.cutout import CutOut
from tasks.rendering.job import RealSize, Staging
from tasks.rendering.picture import RGBA, bounding_box
from tasks.rendering.renderer import Alpha, Pixels
from tasks.rendering.staging import Standing, place_all
from tasks.shapes import Box, Size

EMPTY = 128  # neutral grey: what a masked-out area is to an inpainting model, and tints nothing
WHITE = 255


@dataclass(frozen=True)
class Part:
    """One product on the canvas: its straight-alpha picture at its place."""

    rgba: RGBA
    box: Box  # of `rgba` on the canvas

    def on(self, size: Size) -> tuple[Pixels, Alpha]:
        """Its own colours and matte alone on a canvas of `size`."""
        colour = np.zeros((size.height, size.width, 3), dtype=np.uint8)
        alpha = np.zeros((size.height, size.width), dtype=np.uint8)
        colour[self.window], alpha[self.window] = self.rgba[..., :3], self.rgba[..., 3]
        return colour, alpha

    @property
    def window(self) -> tuple[slice, slice]:
        return slice(self.box.top, self.box.bottom), slice(self.box.left, self.box.right)


@dataclass(frozen=True)
class Canvas:
    """The products placed: their own colours, their matte and the picture of all on the empty canvas."""

    colour: Pixels  # straight colours, undefined where alpha is 0
    alpha: Alpha
    expected: Pixels
    box: Box
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()  # from the back to the front; the SKU's own product is the last

    @property
    def size(self) -> Size:
        return Size(self.alpha.shape[1], self.alpha.shape[0])


def stage(cutout: CutOut, size: Size, staging: Staging, *, real: RealSize | None = None, empty: int = EMPTY) -> Canvas:
    """Place one cut-out on an empty canvas of `size`. Raises RenderError where nothing of it is left to see."""
    return stage_all([(cutout, real)], size, staging, empty=empty)


def stage_all(
    products: Sequence[tuple[CutOut, RealSize | None]], size: Size, staging: Staging, *, empty: int = EMPTY
) -> Canvas:
    """Place the SKU's own product (the first) and its companions. Errors as `stage`."""
    standing = [Standing(_size(one.rgba), at=one.box, frame=one.frame, real=real) for one, real in products]
    placed = place_all(standing, size, staging)
    parts = [_part(cutout, place.box) for (cutout, _), place in zip(products, placed, strict=True)][::-1]
    colour = np.full((size.height, size.width, 3), empty, dtype=np.uint8)
    alpha = np.zeros((size.height, size.width), dtype=np.uint8)
    for part in parts:
        _lay(part, colour, alpha)
    expected = over(colour, alpha, np.full_like(colour, empty))
    notes = tuple(dict.fromkeys(note for place in placed for note in place.notes))
    return Canvas(colour, alpha, expected, bounding_box(alpha), notes=notes, parts=tuple(parts))


def _part(cutout: CutOut, box: Box) -> Part:
    product = resize_rgba(cutout.rgba, box.size)
    if not product[..., 3].any():
        raise RenderError(f"the product vanishes at {box.size} px; raise the scene's share or the frame's size")
    return Part(rgba=product, box=box)


def _lay(part: Part, colour: Pixels, alpha: Alpha) -> None:
    """Lay a product over those behind it, in place: its own colours wherever it is opaque or stands alone."""
    own, front = part.rgba[..., :3], part.rgba[..., 3].astype(np.float32)[..., None] / 255.0
    behind = alpha[part.window].astype(np.float32)[..., None] / 255.0 * (1.0 - front)
    together = front + behind
    mixed = (front * own + behind * colour[part.window]) / np.maximum(together, 1e-6)
    alone = (part.rgba[..., 3] == 255) | (alpha[part.window] == 0)
    hidden = part.rgba[..., 3] == 0
    laid = np.where(alone[..., None], own, np.rint(mixed)).astype(np.uint8)
    keeps = hidden & (alpha[part.window] > 0)
    colour[part.window] = np.where(keeps[..., None], colour[part.window], laid)
    alpha[part.window] = np.where(keeps, alpha[part.window], np.rint(together[..., 0] * 255)).astype(np.uint8)


def _size(rgba: RGBA) -> Size:
    return Size(rgba.shape[1], rgba.shape[0])


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
