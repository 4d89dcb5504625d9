"""One product picture from its bytes: what it is, whether it can be used, and its pixels in sRGB."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import (
    BmpImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from tasks.catalog.colour import check_pixels, to_srgb
from tasks.errors import ImageError
from tasks.shapes import Size

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")

# Called by format rather than through Image.open: that one tries every plugin and warns of large headers by a global
# switch, where here the header's size is compared with the caller's limits before a pixel is decoded.
_READERS: dict[str, Callable[[Any], Image.Image]] = {
    "JPEG": JpegImagePlugin.jpeg_factory,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
}
_KNOWN_SUFFIXES = {suffix for suffixes in _SUFFIXES.values() for suffix in suffixes} | {".gif", ".avif", ".heic"}

# What Pillow's readers raise on broken files, besides OSError.
_DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


class ImageLimits(NamedTuple):
    """What a product picture may be: bytes of the file, pixels of a side, pixels in all."""

    max_bytes: int = 40_000_000
    max_side: int = 12_000
    min_side: int = 32
    max_pixels: int = 60_000_000


DEFAULT_LIMITS = ImageLimits()


class ImageFacts(NamedTuple):
    """What a picture is. `size` is as shown (EXIF orientation applied), `mode` Pillow's, `notes` harmless oddities."""

    format: str
    size: Size
    mode: str
    has_alpha: bool
    icc: bool
    frames: int
    notes: tuple[str, ...] = ()


def inspect_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS, *, name: str = "") -> ImageFacts:
    """Decode a picture fully and say what it is; ImageError where it cannot be used as a product picture.

    `name` is what the catalogue calls it: an ending that does not fit the content is a note.
    """
    if len(data) > limits.max_bytes:
        raise ImageError(f"too large: {len(data):,} bytes, {limits.max_bytes:,} allowed (图片文件过大)")
    image = _open(data)
    _check_size(image, limits)
    frames = _frames(image)
    _decode(image)
    check_pixels(image)
    orientation = image.getexif().get(0x0112, 1)
    size = Size(*(reversed(image.size) if orientation in (5, 6, 7, 8) and image.format != "TIFF" else image.size))
    return ImageFacts(
        format=_format(image),
        size=size,
        mode=image.mode,
        has_alpha=image.has_transparency_data,
        icc=bool(image.info.get("icc_profile")),
        frames=frames,
        notes=_notes(_format(image), name),
    )


def open_product_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> Image.Image:
    """The picture as RGBA, 8 bits a channel, sRGB, upright. ImageError as `inspect_image`."""
    image = _open(data)
    _check_size(image, limits)
    _frames(image)
    _decode(image)
    try:
        upright = ImageOps.exif_transpose(image)
        return to_srgb(upright)
    except _DECODE_ERRORS as error:
        raise ImageError(f"unreadable: {error} (图片无法解码)") from error


def _open(data: bytes) -> Image.Image:
    """The picture with its header read and no pixel decoded."""
    found = sniff_format(data)
    if found not in _READERS:
        expected = ", ".join(FORMATS)
        raise ImageError(f"not a picture we read: found {found}, expected one of {expected} (图片格式不支持)")
    try:
        return _READERS[found](io.BytesIO(data))
    except _DECODE_ERRORS as error:
        raise ImageError(f"unreadable: a broken {found} header ({error}) (图片文件损坏)") from error


def _check_size(image: Image.Image, limits: ImageLimits) -> None:
    width, height = image.size
    if min(width, height) < limits.min_side:
        raise ImageError(f"too small: {width}x{height} pixels, at least {limits.min_side} a side (图片尺寸过小)")
    if max(width, height) > limits.max_side:
        raise ImageError(f"too many pixels: {width}x{height}, at most {limits.max_side:,} a side (图片尺寸过大)")
    if width * height > limits.max_pixels:
        raise ImageError(f"too many pixels: {width}x{height}, at most {limits.max_pixels:,} in all (图片像素过多)")


def _frames(image: Image.Image) -> int:
    """1, or ImageError: the further pictures of a phone's JPEG (MPO) are previews and depth maps, not frames."""
    try:
        frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
    except _DECODE_ERRORS as error:
        raise ImageError(f"unreadable: {error} (图片文件损坏)") from error
    if frames > 1:
        raise ImageError(f"animated: {frames} frames, expected one still picture (不接受动图或多页图)")
    return frames


def _decode(image: Image.Image) -> None:
    try:
        image.load()
    except _DECODE_ERRORS as error:
        raise ImageError(f"truncated or damaged: {error} (图片文件损坏或不完整)") from error


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _notes(found: str, name: str) -> tuple[str, ...]:
    dot = name.rfind(".")
    suffix = name[dot:].casefold() if dot >= 0 else ""
    if suffix in _KNOWN_SUFFIXES and suffix not in _SUFFIXES[found]:
        return (f"mislabelled: named {suffix}, the content is {found}",)
    return ()


def sniff_format(data: bytes) -> str:
    """One of FORMATS by the first bytes, else a word for what was found instead."""
    head = data[:64]
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    if head[:2] == b"BM":
        return "BMP"
    return _other_format(head)


def _other_format(head: bytes) -> str:  # noqa: PLR0911 a table of cases
    if not head:
        return "an empty file"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "a GIF"
    if head[4:8] == b"ftyp":
        return "HEIC, AVIF or a video"
    if head[:4] in (b"8BPS", b"%PDF", b"PK\x03\x04"):
        return {b"8BPS": "a Photoshop file", b"%PDF": "a PDF", b"PK\x03\x04": "a zip file"}[head[:4]]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html")):
        return "an HTML page"
    if text.startswith((b"<svg", b"<?xml")):
        return "an SVG or XML file"
    return f"bytes that begin with {head[:8].hex(' ')}"
