"""Marks onto pixels."""

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from tasks.banners.inks import Colour, Inks
from tasks.banners.logos import in_one_colour, logo_at
from tasks.banners.marks import ImageMark, Mark, PlateMark, TextMark
from tasks.banners.pixels import Pixels
from tasks.banners.typography.raster import Mask
from tasks.banners.typography.setting import draw_block
from tasks.errors import CompositionError
from tasks.shapes import Size


def paint_mark(canvas: Pixels, mark: Mark, inks: Inks) -> None:
    """Draw one mark in place. CompositionError where it would be cut off at the frame."""
    if isinstance(mark, TextMark):
        whole = int(mark.x // 1)
        drawn = draw_block(mark.block, mark.align, int((mark.x - whole) * 4))
        _lay(canvas, drawn.mask, (whole + drawn.left, round(mark.y) + drawn.top), inks.colour(mark.role))
    elif isinstance(mark, PlateMark):
        size = max(1, round(mark.width)), max(1, round(mark.height))
        mask = plate_mask(*size, round(mark.radius), round(mark.line * 4) / 4)
        _lay(canvas, mask, (round(mark.x), round(mark.y)), inks.colour(mark.role))
    else:
        _paint_image(canvas, mark, inks)


def _lay(canvas: Pixels, mask: Mask, at: tuple[int, int], colour: Colour) -> None:
    if not mask.size:
        return
    (left, top), (height, width) = at, mask.shape
    if left < 0 or top < 0 or left + width > canvas.shape[1] or top + height > canvas.shape[0]:
        raise CompositionError(f"copy leaves the frame at {(left, top, left + width, top + height)}.")
    part = canvas[top : top + height, left : left + width]
    share = cv2.merge([mask, mask, mask])
    ink = cv2.multiply(share, (*colour, 0.0), scale=1 / 255)
    part[:] = cv2.add(cv2.multiply(part, cv2.bitwise_not(share), scale=1 / 255), ink)


@lru_cache(maxsize=2048)
def plate_mask(width: int, height: int, radius: int, line: float) -> Mask:
    """Coverage of a rectangle with round corners, or of its outline, drawn four times as large and scaled down."""
    if not radius and not line:
        return np.full((height, width), 255, np.uint8)
    large = Image.new("L", (4 * width, 4 * height))
    box = (0, 0, large.width - 1, large.height - 1)
    if line:
        ImageDraw.Draw(large).rounded_rectangle(box, 4 * radius, outline=255, width=round(4 * line))
    else:
        ImageDraw.Draw(large).rounded_rectangle(box, 4 * radius, fill=255)
    return np.asarray(cv2.resize(np.asarray(large), (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _paint_image(canvas: Pixels, mark: ImageMark, inks: Inks) -> None:
    picture = logo_at(mark.path, Size(max(1, round(mark.width)), max(1, round(mark.height))))
    if inks.logo:
        picture = in_one_colour(picture, inks.logo)
    left, top = round(mark.x), round(mark.y)
    part = canvas[top : top + picture.shape[0], left : left + picture.shape[1]]
    if part.shape[:2] != picture.shape[:2]:
        raise CompositionError(f"logo: leaves the frame at {(left, top)}.")
    share = picture[..., 3:].astype(np.uint16)
    part[:] = ((part * (255 - share) + picture[..., :3] * share + 127) // 255).astype(np.uint8)
