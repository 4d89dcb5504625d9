"""Glyphs as coverage masks, drawn by FreeType without hinting, kept by size and quarter pixel."""

import ctypes
import math
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import freetype
import numpy as np
from numpy.typing import NDArray

from tasks.banners.typography.fonts import Face

Mask = NDArray[np.uint8]
STEPS = 4  # positions of a glyph within a pixel
_drawing = threading.Lock()  # a FreeType face serves one at a time


class Bitmap(NamedTuple):
    """A glyph's coverage; its upper left pixel is `left` to the right of the pen and `top` above the baseline."""

    mask: Mask
    left: int
    top: int


class Placed(NamedTuple):
    """A glyph at its pen position in pixels, y downwards."""

    face: Face
    number: int
    x: float
    y: float


@lru_cache(maxsize=32768)
def glyph_bitmap(face: Face, number: int, size: float, step: int) -> Bitmap:
    """One glyph `size` px an em, `step` quarters of a pixel to the right."""
    with _drawing:
        font = face.drawing
        font.set_char_size(round(size * 64))
        font.load_glyph(number, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP)
        slot = font.glyph
        freetype.FT_Outline_Translate(ctypes.byref(slot.outline._FT_Outline), step * 64 // STEPS, 0)
        slot.render(freetype.FT_RENDER_MODE_NORMAL)
        raw = slot.bitmap._FT_Bitmap
        if not raw.rows or not raw.width:
            return Bitmap(np.zeros((0, 0), np.uint8), 0, 0)
        buffer = ctypes.cast(raw.buffer, ctypes.POINTER(ctypes.c_ubyte * (raw.rows * raw.pitch))).contents
        mask = np.frombuffer(buffer, np.uint8).reshape(raw.rows, raw.pitch)[:, : raw.width].copy()
        return Bitmap(mask, slot.bitmap_left, slot.bitmap_top)


class Drawn(NamedTuple):
    """A mask and where its upper left pixel lies."""

    mask: Mask
    left: int
    top: int


def draw_glyphs(glyphs: Iterable[Placed], size: float) -> Drawn:
    """All glyphs in one mask, as small as their ink."""
    placed = []
    for glyph in glyphs:
        whole = math.floor(glyph.x)
        bitmap = glyph_bitmap(glyph.face, glyph.number, size, int((glyph.x - whole) * STEPS))
        if bitmap.mask.size:
            placed.append((bitmap.mask, whole + bitmap.left, round(glyph.y) - bitmap.top))
    if not placed:
        return Drawn(np.zeros((0, 0), np.uint8), 0, 0)
    left, top = min(x for _, x, _ in placed), min(y for _, _, y in placed)
    right = max(x + mask.shape[1] for mask, x, _ in placed)
    bottom = max(y + mask.shape[0] for mask, _, y in placed)
    whole_mask = np.zeros((bottom - top, right - left), np.uint8)
    for mask, x, y in placed:
        place = whole_mask[y - top : y - top + mask.shape[0], x - left : x - left + mask.shape[1]]
        np.maximum(place, mask, out=place)
    return Drawn(whole_mask, left, top)
