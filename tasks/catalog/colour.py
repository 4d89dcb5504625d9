"""Any still picture to RGBA, 8 bits, sRGB."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from tasks.errors import ImageError

# Pillow's 16-bit greys; 16-bit colour arrives as 8 bits already (its decoders keep the high byte)
_DEEP_GREYS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
# ICC.1:2022 table 19: the colour space signature in a profile's header, by Pillow's mode
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}


def to_srgb(image: Image.Image) -> Image.Image:
    """RGBA, 8 bits, sRGB. An embedded profile is honoured unless it is broken or for another colour space, as browsers
    do; CMYK without one is taken as plain complement. ImageError for pixel types that are no pictures."""
    check_pixels(image)
    icc: bytes = image.info.get("icc_profile") or b""
    alpha = _alpha(image)
    plain = _without_alpha(image)
    colour = _convert(plain, icc) if plain.mode in _SPACES else plain.convert("RGB")
    if alpha is not None:
        colour.putalpha(alpha)
    return colour.convert("RGBA")


def check_pixels(image: Image.Image) -> None:
    """ImageError where the pixels are numbers without a known white: floating-point, or beyond 16 bits."""
    if image.mode == "F":
        raise ImageError("unreadable: floating-point pixels; save the picture with 8 or 16 bits a channel (浮点像素)")
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ImageError("unreadable: 32-bit pixels; save the picture with 8 or 16 bits a channel (32 位像素)")


def _alpha(image: Image.Image) -> Image.Image | None:
    """The picture's transparency as a greyscale picture, None where it has none."""
    if image.mode in _DEEP_GREYS:
        key = image.info.get("transparency")
        if not isinstance(key, int):
            return None
        return Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8))
    return image.convert("RGBA").getchannel("A") if image.has_transparency_data else None


def _without_alpha(image: Image.Image) -> Image.Image:
    """L, RGB, CMYK or LAB, 8 bits."""
    if image.mode in _DEEP_GREYS:
        return _scale_grey(image)
    if image.mode in _SPACES:
        plain = image.copy()
        plain.info.pop("transparency", None)  # else Pillow would warn of losing what `_alpha` has kept
        return plain
    if image.mode in ("1", "LA", "La"):
        return image.convert("LA").getchannel("L") if image.mode != "1" else image.convert("L")
    if image.mode == "P" and image.has_transparency_data:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _scale_grey(image: Image.Image) -> Image.Image:
    """0..65535 to 0..255 by rounding; Pillow's own conversion would clip at 255."""
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _convert(image: Image.Image, icc: bytes) -> Image.Image:
    profile = _profile(icc, _SPACES[image.mode]) if icc else None
    if profile is None:
        return image.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            image,
            profile,
            _srgb(),
            # keeps in-gamut colours where they are, and the paper white at white
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except ImageCms.PyCMSError:
        return image.convert("RGB")
    return converted if converted is not None else image.convert("RGB")


def _profile(icc: bytes, space: str) -> Any:
    """The profile, or None where it is broken, for other pixels, or sRGB itself (a round trip costs a level)."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        description = ImageCms.getProfileDescription(profile)
    except (ImageCms.PyCMSError, OSError):
        return None
    fits = profile.profile.xcolor_space == space and not description.startswith("sRGB")
    return profile if fits else None


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
