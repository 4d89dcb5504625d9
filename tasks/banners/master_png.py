"""Masters as PNG: lossless, quick to write, with the recipe inside."""

from collections import deque

import cv2
import numpy as np

from tasks.banners.container import png_chunks, png_with_chunks, profile_chunk, read_text, text_chunk
from tasks.banners.encode import png_bytes
from tasks.banners.pixels import Pixels
from tasks.banners.profile import srgb_profile
from tasks.errors import CompositionError

RECIPE_KEYWORD = "shangxin"


def encode_master(pixels: Pixels, *, recipe: str) -> bytes:
    """A lossless sRGB PNG that carries `recipe` (JSON text) in an iTXt chunk named "shangxin"."""
    # Level 1 writes a 1024x1024 master several times faster than the default and a few per cent larger.
    data = png_bytes(pixels, compression=1)
    return png_with_chunks(data, profile_chunk(srgb_profile()), text_chunk(RECIPE_KEYWORD, recipe))


def read_recipe(data: bytes) -> str | None:
    """The recipe of a master, None where it carries none. Raises CompositionError for what is no whole PNG."""
    return read_text(data, RECIPE_KEYWORD)


def decode_master(data: bytes) -> Pixels:
    """The pixels of a master, (height, width, 3) sRGB. Raises CompositionError where the file is damaged."""
    # OpenCV fills up a damaged PNG with black and says nothing: compare the checksums and look for the end first.
    deque(png_chunks(data), maxlen=0)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise CompositionError(f"master of {len(data)} bytes cannot be decoded; expected a whole PNG. Render it again.")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)
