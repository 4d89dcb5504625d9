"""A brand's logo as pixels: scaled, and in one colour where its own cannot be seen."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.banners.pixels import Pixels
from tasks.shapes import Size

SEEN = 96  # px of width at which its colours are judged


def logo_at(path: str, size: Size) -> Pixels:
    """The logo at a size, RGBA (height, width, 4). Read again when the file changes."""
    return _scaled(path, Path(path).stat().st_mtime_ns, size)


def logo_colours(path: str, ratio: float) -> Pixels:
    """The colours of the opaque pixels of a logo of that width by height, (n, 3); empty where it has none."""
    seen = logo_at(path, Size(SEEN, max(1, round(SEEN / ratio))))
    return np.asarray(seen[seen[..., 3] > 127][:, :3], np.uint8)


def in_one_colour(logo: Pixels, colour: tuple[int, int, int]) -> Pixels:
    """The logo's shape in one colour, as brands print it on grounds that their colours do not stand on."""
    plain = logo.copy()
    plain[..., :3] = colour
    return plain


def logo_file(path: str, colour: tuple[int, int, int] | None) -> bytes:
    """The logo as a PNG: its own file, or its shape in one colour."""
    if colour is None:
        return Path(path).read_bytes()
    with Image.open(path) as image, io.BytesIO() as buffer:
        logo = np.asarray(image.convert("RGBA"), np.uint8)
        Image.fromarray(in_one_colour(logo, colour)).save(buffer, "PNG")
        return buffer.getvalue()


@lru_cache(maxsize=256)
def _scaled(path: str, changed: int, size: Size) -> Pixels:
    """`changed` is when the file was written, for the cache."""
    with Image.open(path) as image:
        logo = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(logo, np.uint8)
    pixels.setflags(write=False)
    return pixels
