"""Encoding into a byte window: the best quality whose file is neither too small nor too large, sRGB embedded."""

import io
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from tasks.banners.container import (
    SMALLEST_PADDING,
    jpeg_with_profile,
    pad_jpeg,
    pad_png,
    pad_webp,
    png_with_chunks,
    profile_chunk,
)
from tasks.banners.pixels import Pixels
from tasks.banners.profile import srgb_profile
from tasks.banners.rules import Format
from tasks.errors import CompositionError

Written = Literal["jpeg", "png", "webp"]
WRITTEN: tuple[Written, ...] = ("jpeg", "png", "webp")

START_QUALITY = 90
# Below this, blocks show on plain backgrounds: better no file than such a file.
LOWEST_QUALITY = 30
# Above method 2 WebP saves 3 to 5 % of the bytes for two to three and a half times the time.
WEBP_METHOD = 2


class Setting(NamedTuple):
    """One rung of the ladder from smallest to largest file."""

    quality: int
    subsampling: Literal["420", "444"] = "420"


class Encoded(NamedTuple):
    """A finished file. `setting` is None for lossless PNG; `padding` counts neutral bytes added to reach a floor."""

    data: bytes
    format: Written
    setting: Setting | None
    padding: int


# The last rung is only for floors: full colour resolution makes the largest file.
LADDER = (*(Setting(quality) for quality in range(LOWEST_QUALITY, 101)), Setting(100, "444"))
_START = START_QUALITY - LOWEST_QUALITY


def encode(image: Pixels, *, formats: Sequence[Format], min_bytes: int = 0, max_bytes: int | None = None) -> Encoded:
    """The picture in the first of `formats` that can be min_bytes..max_bytes long (both included).

    Quality starts at 90 and moves only as far as the window demands; a floor that the best quality does not reach is
    filled with a comment. Raises CompositionError with the bytes measured where no format fits.
    """
    misses = []
    for form in formats:
        if form not in WRITTEN:
            continue
        encoded = _encode_as(form, image, min_bytes=min_bytes, max_bytes=max_bytes)
        if isinstance(encoded, Encoded):
            return encoded
        misses.append(encoded)
    if not misses:
        raise CompositionError(
            f"formats {', '.join(formats)}: none can be written. Expected one of {', '.join(WRITTEN)}."
        )
    raise CompositionError(
        f"{image.shape[1]}x{image.shape[0]} picture does not fit {min_bytes} to {max_bytes} bytes: {'; '.join(misses)}."
        " Use a smaller size, a calmer background or a wider window."
    )


def _encode_as(form: Written, image: Pixels, *, min_bytes: int, max_bytes: int | None) -> Encoded | str:
    """A file inside the window, or the reason why not."""
    if form == "png":
        data, setting = _write_png(image), None
    else:
        write = _write_jpeg if form == "jpeg" else _write_webp
        data, setting = _climb(lambda rung: write(image, rung), min_bytes=min_bytes, max_bytes=max_bytes)
    if max_bytes is not None and len(data) > max_bytes:
        how = "lossless" if setting is None else f"at quality {setting.quality}, the lowest allowed"
        return f"{form} takes {len(data)} bytes {how}"
    if len(data) >= min_bytes:
        return Encoded(data, form, setting, 0)
    padded = PADDING[form](data, max(min_bytes - len(data), SMALLEST_PADDING))
    if max_bytes is not None and len(padded) > max_bytes:
        return f"{form} takes {len(data)} bytes and the window is too narrow to fill up"
    return Encoded(padded, form, setting, len(padded) - len(data))


def _climb(write: Callable[[Setting], bytes], *, min_bytes: int, max_bytes: int | None) -> tuple[bytes, Setting]:
    """The rung nearest the start whose file is inside the window, else the largest file below the ceiling.

    Halves the ladder instead of walking it: eight encodings at most.
    """
    first = write(LADDER[_START])
    if max_bytes is not None and len(first) > max_bytes:
        return _largest_below(write, max_bytes, low=0, high=_START - 1)
    if len(first) >= min_bytes:
        return first, LADDER[_START]
    low, high = _START + 1, len(LADDER) - 1
    below, inside = (first, LADDER[_START]), None
    while low <= high:
        middle = (low + high) // 2
        data = write(LADDER[middle])
        if len(data) < min_bytes:
            low, below = middle + 1, (data, LADDER[middle])
        else:
            high = middle - 1
            inside = (data, LADDER[middle]) if max_bytes is None or len(data) <= max_bytes else inside
    return inside or below


def _largest_below(write: Callable[[Setting], bytes], max_bytes: int, *, low: int, high: int) -> tuple[bytes, Setting]:
    """The highest rung whose file is not above max_bytes; the lowest rung where even that is too large."""
    best = (write(LADDER[low]), LADDER[low])
    if len(best[0]) > max_bytes:
        return best
    while low < high:
        middle = (low + high + 1) // 2
        data = write(LADDER[middle])
        if len(data) <= max_bytes:
            low, best = middle, (data, LADDER[middle])
        else:
            high = middle - 1
    return best


def _write_jpeg(image: Pixels, setting: Setting) -> bytes:
    data = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), quality=setting.quality, colorspace="RGB", colorsubsampling=setting.subsampling
    )
    return jpeg_with_profile(data, srgb_profile())


def _write_webp(image: Pixels, setting: Setting) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(image)
    picture.save(buffer, "WEBP", quality=setting.quality, method=WEBP_METHOD, icc_profile=srgb_profile())
    return buffer.getvalue()


def _write_png(image: Pixels) -> bytes:
    return png_with_chunks(png_bytes(image, compression=6), profile_chunk(srgb_profile()))


def png_bytes(image: Pixels, *, compression: int) -> bytes:
    """A bare PNG; compression 0..9 trades time for bytes, never pixels."""
    done, data = cv2.imencode(
        ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, compression]
    )
    if not done:
        raise CompositionError(f"a picture of shape {image.shape} could not be written as PNG.")
    return bytes(data)


PADDING: dict[Written, Callable[[bytes, int], bytes]] = {"jpeg": pad_jpeg, "png": pad_png, "webp": pad_webp}
