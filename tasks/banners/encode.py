"""Encoding into a byte window: the best likeness whose file is neither too small nor too large, sRGB embedded."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from tasks.banners.codecs import Setting, png_bytes, png_palette, write_avif, write_jpeg, write_png, write_webp
from tasks.banners.container import SMALLEST_PADDING, pad_avif, pad_jpeg, pad_png, pad_webp
from tasks.banners.pixels import Pixels
from tasks.banners.rules import Format
from tasks.banners.ssim import ssim
from tasks.errors import CompositionError

__all__ = ["WRITTEN", "Encoded", "Setting", "Written", "encode", "png_bytes"]

Written = Literal["jpeg", "png", "webp", "avif"]
WRITTEN: tuple[Written, ...] = ("jpeg", "png", "webp", "avif")

START_QUALITY = 90
# Pictures up to this area (px) keep their colours at full resolution where the bytes allow: halved, the small type and
# the small product of a banner lose theirs (60 strips of 320x50: the product's median CIEDE2000 up to 2.0, and 0.8 so).
SMALL_AREA = 120_000
# Below this, blocks show on plain backgrounds: better no file than such a file.
LOWEST_QUALITY = 30
# With so many colours or fewer, a palette shows as steps in every gradient.
FEWEST_COLOURS = 32


class Encoded(NamedTuple):
    """A finished file. `setting` is None for lossless PNG; `padding` counts neutral bytes added to reach a floor.

    `likeness` is the SSIM of a file that had to be squeezed below its ceiling, None where quality was free.
    """

    data: bytes
    format: Written
    setting: Setting | None
    padding: int
    likeness: float | None = None


# The last rung is only for floors: full colour resolution makes the largest file.
LADDER = (*(Setting(quality) for quality in range(LOWEST_QUALITY, 101)), Setting(100, "444"))
_START = START_QUALITY - LOWEST_QUALITY
SHARP_COLOURS = Setting(START_QUALITY, "444")


def encode(image: Pixels, *, formats: Sequence[Format], min_bytes: int = 0, max_bytes: int | None = None) -> Encoded:
    """The picture in min_bytes..max_bytes bytes (both included): in the first of `formats` that fits at quality 90.

    Where none does, whatever looks most like the picture (SSIM) among the formats, full and halved colour resolution,
    progressive files and palettes. A floor that the best quality does not reach is filled with a comment. Raises
    CompositionError with the bytes measured where nothing fits.
    """
    wanted = [form for form in formats if form in WRITTEN]
    if not wanted:
        raise CompositionError(
            f"formats {', '.join(formats)}: none can be written. Expected one of {', '.join(WRITTEN)}."
        )
    misses, squeezed = [], []
    for form in wanted:
        encoded = _encode_as(form, image, min_bytes=min_bytes, max_bytes=max_bytes)
        if isinstance(encoded, str):
            misses.append(encoded)
        elif _is_free(encoded):
            return encoded
        else:
            squeezed.append(encoded)
    if max_bytes is not None:
        squeezed += _further(image, wanted, misses, min_bytes=min_bytes, max_bytes=max_bytes)
    if not squeezed:
        raise CompositionError(
            f"{image.shape[1]}x{image.shape[0]} picture does not fit {min_bytes} to {max_bytes} bytes:"
            f" {'; '.join(misses)}. Use a smaller size, a calmer background or a wider window."
        )
    rated = [each._replace(likeness=round(ssim(image, _decoded(each.data)), 4)) for each in squeezed]
    return max(rated, key=lambda each: each.likeness or 0.0)


def _is_free(encoded: Encoded) -> bool:
    """Whether the ceiling left the quality alone."""
    return encoded.setting is None or encoded.setting.quality >= START_QUALITY


def _further(
    image: Pixels, wanted: Sequence[Written], misses: list[str], *, min_bytes: int, max_bytes: int
) -> Iterator[Encoded]:
    """Other ways below a ceiling: progressive JPEG with halved and with full colour resolution, PNG with a palette."""
    if "jpeg" in wanted:
        for subsampling in ("420", "444"):
            ladder = [Setting(rung.quality, subsampling, progressive=True) for rung in LADDER[:_START]]
            data, setting = _largest_below(lambda rung: write_jpeg(image, rung), max_bytes, ladder)
            if min_bytes <= len(data) <= max_bytes:
                yield Encoded(data, "jpeg", setting, 0)
            elif len(data) > max_bytes:
                misses.append(f"progressive jpeg with {subsampling} takes {len(data)} bytes")
    if "png" in wanted:
        ladder = [Setting(colours, colours=colours) for colours in (FEWEST_COLOURS, 64, 128, 256)]
        data, setting = _largest_below(lambda rung: png_palette(image, rung.colours), max_bytes, ladder)
        if min_bytes <= len(data) <= max_bytes:
            yield Encoded(data, "png", setting, 0)
        elif len(data) > max_bytes:
            misses.append(f"png with {setting.colours} colours takes {len(data)} bytes")


def _decoded(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


def _encode_as(form: Written, image: Pixels, *, min_bytes: int, max_bytes: int | None) -> Encoded | str:
    """A file inside the window, or the reason why not."""
    if form == "png":
        data, setting = write_png(image), None
    else:
        write = WRITERS[form]
        if form != "webp" and image.shape[0] * image.shape[1] <= SMALL_AREA:
            data = write(image, SHARP_COLOURS)
            if min_bytes <= len(data) and (max_bytes is None or len(data) <= max_bytes):
                return Encoded(data, form, SHARP_COLOURS, 0)
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
        return _largest_below(write, max_bytes, LADDER[:_START])
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


def _largest_below(
    write: Callable[[Setting], bytes], max_bytes: int, ladder: Sequence[Setting]
) -> tuple[bytes, Setting]:
    """The highest rung whose file is not above max_bytes; the lowest rung where even that is too large."""
    low, high = 0, len(ladder) - 1
    best = (write(ladder[low]), ladder[low])
    if len(best[0]) > max_bytes:
        return best
    while low < high:
        middle = (low + high + 1) // 2
        data = write(ladder[middle])
        if len(data) <= max_bytes:
            low, best = middle, (data, ladder[middle])
        else:
            high = middle - 1
    return best


WRITERS: dict[Written, Callable[[Pixels, Setting], bytes]] = {
    "jpeg": write_jpeg,
    "webp": write_webp,
    "avif": write_avif,
}
PADDING: dict[Written, Callable[[bytes, int], bytes]] = {
    "jpeg": pad_jpeg,
    "png": pad_png,
    "webp": pad_webp,
    "avif": pad_avif,
}
