"""Product pictures as arrays: upright, sRGB, eight bits, straight alpha."""

import io
import warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from tasks.errors import ImageError
from tasks.shapes import Box

RGBA = NDArray[np.uint8]  # (height, width, 4), straight alpha
Floats = NDArray[np.float32]

MAX_SIDE = 2400  # px; a master is rarely wider, and matting cost grows with the area
_LEVELS = np.arange(256, dtype=np.float32) / 255.0
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_SRGB = ImageCms.createProfile("sRGB")


def read_rgba(data: bytes, *, max_side: int = MAX_SIDE) -> RGBA:
    """Decode a picture to upright sRGB RGBA with a longest side of at most `max_side` px.

    Raises ImageError where the bytes are no picture, are cut off, or are beyond Pillow's pixel-bomb limit.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as opened:
                opened.load()
                image = ImageOps.exif_transpose(opened)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning) as error:
        raise ImageError(
            f"product picture of {len(data)} bytes cannot be decoded ({error}); supply a whole JPEG, PNG or WebP"
        ) from error
    rgba = _to_srgb(image).convert("RGBA")
    rgba.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return np.asarray(rgba, dtype=np.uint8)


def _to_srgb(image: Image.Image) -> Image.Image:
    """Eight bits in sRGB: 16-bit greys are scaled, an embedded profile is applied where it can be."""
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image, dtype=np.float32)
        top = 65535.0 if wide.max() > 255 else 255.0
        return Image.fromarray((wide / top * 255).clip(0, 255).astype(np.uint8))
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA", "CMYK", "L"}:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        output = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode=output)
    except (ImageCms.PyCMSError, OSError):
        return image  # a damaged profile is common and says nothing about the pixels
    return converted if converted is not None else image


def to_linear(srgb: NDArray[np.uint8]) -> Floats:
    """sRGB 0..255 to linear light 0..1 (IEC 61966-2-1)."""
    return _LINEAR[srgb]


def to_srgb(linear: Floats) -> Floats:
    """Linear light 0..1 to sRGB 0..255, unrounded (IEC 61966-2-1)."""
    light = linear.clip(0.0, 1.0)
    share = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (share * 255.0).astype(np.float32)


def to_lab(rgb: NDArray[np.uint8] | Floats) -> Floats:
    """sRGB 0..255 to CIE L*a*b*, so that a Euclidean distance of 1 is about one just visible step."""
    return np.asarray(cv2.cvtColor(np.asarray(rgb, dtype=np.float32) / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)


def spread(image: Floats, known: NDArray[np.bool_], *, reach: int, flat: float = 1.0) -> Floats:
    """Colours of `known` pixels carried outwards: near ones by a local mean, far ones from the nearest.

    `flat` below 1 looks along rows rather than columns, which keeps a horizon level and sharp.
    """
    if not known.any():
        return np.full_like(image, 255.0)
    weight = known.astype(np.float32)
    masked = image * weight[..., None]
    total, share = np.zeros_like(image), np.zeros(known.shape, dtype=np.float32)
    for span, importance in ((reach // 2 | 1, 1.0), (2 * reach | 1, 1e-3), (12 * reach | 1, 1e-6)):
        window = (span, max(1, round(span * flat) | 1))
        total += importance * _smooth(masked, window)
        share += importance * _smooth(weight, window)
    mean = np.median(image[known], axis=0)
    return np.where(share[..., None] > 1e-12, total / np.maximum(share, 1e-12)[..., None], mean).astype(np.float32)


def _smooth(image: Floats, window: tuple[int, int]) -> Floats:
    """Mean over a soft window (width, height) px, at a cost that does not grow with it."""
    return np.asarray(cv2.blur(cv2.blur(image, window), window), dtype=np.float32)


def bounding_box(alpha: NDArray[np.uint8]) -> Box:
    """The box around alpha > 0; empty where there is none."""
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if rows.size == 0:
        return Box(0, 0, 0, 0)
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
