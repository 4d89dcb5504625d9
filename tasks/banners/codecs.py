"""Pixels to files of each format, sRGB inside, each by the writer that was measured to be the fastest."""

import io
from typing import Literal, NamedTuple

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from tasks.banners.container import jpeg_with_profile, png_with_chunks, profile_chunk
from tasks.banners.pixels import Pixels
from tasks.banners.profile import srgb_profile
from tasks.errors import CompositionError

# Above method 2 WebP saves 3 to 5 % of the bytes for two to three and a half times the time.
WEBP_METHOD = 2
# libavif's speeds go from 0 to 10; from 8 on a picture takes about twice the time of its WebP.
AVIF_SPEED = 8


class Setting(NamedTuple):
    """One rung of a ladder from smallest to largest file. `quality` 0..100; `colours` of a palette, 0 for none."""

    quality: int
    subsampling: Literal["420", "444"] = "420"
    progressive: bool = False
    colours: int = 0


def write_jpeg(image: Pixels, setting: Setting) -> bytes:
    """A baseline JPEG, or a progressive one with tables of its own: a seventh smaller and eight times as slow."""
    if setting.progressive:
        data = _progressive_jpeg(image, setting)
    else:
        data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(image), quality=setting.quality, colorspace="RGB", colorsubsampling=setting.subsampling
        )
    return jpeg_with_profile(data, srgb_profile())


def _progressive_jpeg(image: Pixels, setting: Setting) -> bytes:
    buffer = io.BytesIO()
    subsampling = 2 if setting.subsampling == "420" else 0  # Pillow's numbers
    Image.fromarray(image).save(
        buffer, "JPEG", quality=setting.quality, progressive=True, optimize=True, subsampling=subsampling
    )
    return buffer.getvalue()


def write_webp(image: Pixels, setting: Setting) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(image)
    picture.save(buffer, "WEBP", quality=setting.quality, method=WEBP_METHOD, icc_profile=srgb_profile())
    return buffer.getvalue()


def write_avif(image: Pixels, setting: Setting) -> bytes:
    """AVIF on one thread, so that the same picture is the same bytes on every machine."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(
        buffer,
        "AVIF",
        quality=setting.quality,
        subsampling="4:2:0" if setting.subsampling == "420" else "4:4:4",
        speed=AVIF_SPEED,
        max_threads=1,
        icc_profile=srgb_profile(),
    )
    return buffer.getvalue()


def write_png(image: Pixels) -> bytes:
    """A lossless PNG."""
    return png_with_chunks(png_bytes(image, compression=6), profile_chunk(srgb_profile()))


def png_palette(image: Pixels, colours: int) -> bytes:
    """A PNG of so many colours, dithered."""
    buffer = io.BytesIO()
    quantised = Image.fromarray(image).quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
    quantised.save(buffer, "PNG", optimize=True)
    return png_with_chunks(buffer.getvalue(), profile_chunk(srgb_profile()))


def png_bytes(image: Pixels, *, compression: int) -> bytes:
    """A bare PNG; compression 0..9 trades time for bytes, never pixels."""
    done, data = cv2.imencode(
        ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, compression]
    )
    if not done:
        raise CompositionError(f"a picture of shape {image.shape} could not be written as PNG.")
    return bytes(data)
