"""Measuring a finished file, ours or anybody's, against the graded rules of a placement."""

import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from tasks.banners.container import jpeg_profile
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.banners.product import find_product, product_findings
from tasks.banners.profile import srgb_profile
from tasks.banners.rules import Rule, Shape
from tasks.colour_difference import delta_e_2000, lab
from tasks.findings import Finding
from tasks.shapes import Box, Size

# Largest picture that is looked at: 12,000 px a side, the largest any platform here takes.
MOST_PIXELS = 144_000_000
# White as the marketplaces' checkers measure it: 98 % of a band along the border within three levels of 255.
BORDER_BAND, NEARLY_WHITE, WHITE_SHARE = 0.02, 252, 0.98

# Colour differences (CIEDE2000) up to which a delivered product counts as the one in the shop's photograph: about what
# a trained eye sees side by side, and three times that for a twentieth of the patches.
COLOUR_MEDIAN, COLOUR_P95 = 1.0, 3.0
BLOCK, MOST_COLOURS = 8, 200

JPEG = b"\xff\xd8\xff"
# Only what a placement can ask for is decoded at all: every further decoder is a way in for damaged files.
DECODED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# What Pillow's decoders raise for damaged files (AVIF: RuntimeError).
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    RuntimeError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class Known:
    """What only the maker of a picture knows: where the product is, and which pixels are surely background.

    `size` is the one it was made in, where that is not the placement's; `canvas` what it was before it was encoded.
    """

    product: Box
    beyond: NDArray[np.bool_] | None = None
    size: Size | None = None
    canvas: Pixels | None = None


@dataclass(frozen=True)
class _File:
    """A file that was opened and decoded."""

    data: bytes
    format: str
    size: Size
    profile: bytes | None
    pixels: Pixels | None  # decoded in full only where a rule needs to see them
    blocks: Pixels | None = None  # else the means of its blocks of 8 pixels


def check_file(data: bytes, placement: Placement, *, known: Known | None = None) -> list[Finding]:
    """One finding for every rule of the placement that can be measured; never raises for a broken picture."""
    try:
        full = placement.needs_white or placement.least_share > 0
        file = _open_own_jpeg(data) if known and not full and data.startswith(JPEG) else _open(data, full=full)
    except _BROKEN as error:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, UnidentifiedImageError):
            reason = f"the content is none of {', '.join(DECODED)}"
        return [Finding(check="decodes", value=0, limit=1, passed=False, severity="reject", detail=reason[:200])]
    decodes = Finding(check="decodes", value=1, limit=1, passed=True, severity="reject")
    return [decodes, *_file_findings(file, placement), *_picture_findings(file, placement, known)]


def _open_own_jpeg(data: bytes) -> _File:
    """A JPEG that was written here: Pillow's look at its header takes as long as half of the decoding."""
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    blocks = simplejpeg.decode_jpeg(data, "RGB", min_height=1, min_width=1, min_factor=8)
    return _File(data, "jpeg", Size(width, height), jpeg_profile(data), None, blocks)


def _open(data: bytes, *, full: bool) -> _File:
    with Image.open(io.BytesIO(data), formats=DECODED) as picture:
        size, form = Size(*picture.size), (picture.format or "").lower()
        profile = picture.info.get("icc_profile")
        if size.width * size.height > MOST_PIXELS:
            raise ValueError(f"{size} is more than {MOST_PIXELS} pixels")
        if form == "jpeg" and not full and picture.mode in ("RGB", "L"):
            # Every bit is read and checked, but only an eighth of the pixels is worked out.
            blocks = simplejpeg.decode_jpeg(data, "RGB", min_height=1, min_width=1, min_factor=8)
            return _File(data, form, size, profile, None, blocks)
        pixels = np.asarray(picture.convert("RGB"), np.uint8)
    return _File(data, form, size, profile, pixels)


def _file_findings(file: _File, placement: Placement) -> Iterator[Finding]:
    accepted = placement.formats.value
    yield placement.formats.finding(
        "format",
        value=float(file.format in accepted),
        limit=1,
        passed=file.format in accepted,
        detail=f"{file.format}, accepted: {', '.join(accepted)}",
    )
    count = len(file.data)
    if placement.min_kb:
        floor = placement.min_bytes
        yield placement.min_kb.finding("bytes-floor", value=count, limit=floor, passed=count >= floor, detail="bytes")
    if placement.max_kb and (ceiling := placement.max_bytes):
        yield placement.max_kb.finding(
            "bytes-ceiling", value=count, limit=ceiling, passed=count <= ceiling, detail="bytes"
        )
    if placement.profile:
        passed = _is_srgb(file.profile)
        yield placement.profile.finding("profile", value=float(passed), limit=1, passed=passed, detail="sRGB")


def _picture_findings(file: _File, placement: Placement, known: Known | None) -> Iterator[Finding]:
    if known:
        yield from _own_findings(file, placement, known)
    if placement.shape and (not known or known.size):
        yield _shape_finding(file.size, placement.size, placement.shape)
    if least := placement.min_size:
        yield _within("min-size", file.size, least, passed=_covers(file.size, least.value), limit=min(least.value))
    if most := placement.max_size:
        yield _within("max-size", file.size, most, passed=_covers(most.value, file.size), limit=max(most.value))
    if placement.needs_white and file.pixels is not None:
        yield _white_finding(file.pixels, placement, known)
    if known:
        product: Box | None = known.product
    else:  # where the background is not white, nobody can tell
        product = find_product(file.pixels) if file.pixels is not None and placement.needs_white else None
    yield from product_findings(file.size, product, placement)


def _own_findings(file: _File, placement: Placement, known: Known) -> Iterator[Finding]:
    """What we promise for every picture of ours, whatever the platform asks."""
    size, wanted = file.size, known.size or placement.size
    off = max(abs(size.width - wanted.width), abs(size.height - wanted.height))
    told = f"{size}, expected {wanted}"
    yield Finding(check="size", value=off, limit=0, passed=off == 0, severity="reject", detail=told)
    embedded = file.profile == srgb_profile()
    yield Finding(check="srgb-embedded", value=float(embedded), limit=1, passed=embedded, severity="review")
    if known.canvas is not None:
        yield from _colour_findings(file, known.canvas, known.product)


def _colour_findings(file: _File, canvas: Pixels, product: Box) -> Iterator[Finding]:
    """CIEDE2000 between the product in the file and the one that was to be delivered: median and 95th percentile.

    By means over blocks of 8 pixels: colours are looked at in patches, and what a codec does within one is sharpness.
    """
    box = Box(-(-product.left // BLOCK), -(-product.top // BLOCK), product.right // BLOCK, product.bottom // BLOCK)
    if box.is_empty:
        return
    inside = np.s_[box.top : box.bottom, box.left : box.right]
    step = max(1, math.isqrt(box.width * box.height // MOST_COLOURS))
    every = np.s_[::step, ::step]
    delivered = file.blocks[inside][every] if file.blocks is not None else _blocks(file.pixels, box, step)
    first, second = (np.ascontiguousarray(each).reshape(-1, 3) for each in (_blocks(canvas, box, step), delivered))
    apart = np.sort(delta_e_2000(lab(first), lab(second)))
    median, worst = float(apart[len(apart) // 2]), float(apart[int(0.95 * len(apart))])
    for name, value, limit in (
        ("product-colour-median", median, COLOUR_MEDIAN),
        ("product-colour-p95", worst, COLOUR_P95),
    ):
        passed = value <= limit
        yield Finding(check=name, value=round(value, 3), limit=limit, passed=passed, severity="review", detail="dE2000")


def _blocks(pixels: Pixels | None, box: Box, step: int) -> Pixels:
    """The means of every `step`th of those blocks of 8 pixels, across and down."""
    if pixels is None:
        raise ValueError("a file that was opened has pixels or blocks")
    part = pixels[box.top * BLOCK : box.bottom * BLOCK, box.left * BLOCK : box.right * BLOCK]
    rows = part.reshape(box.height, BLOCK, box.width * BLOCK, 3)[::step].reshape(-1, box.width * BLOCK, 3)
    means = cv2.resize(rows, (box.width, len(rows) // BLOCK), interpolation=cv2.INTER_AREA)
    return np.asarray(means[:, ::step], np.uint8)


def _shape_finding(size: Size, wanted: Size, rule: Rule[Shape]) -> Finding:
    if rule.value.kind == "exact":
        off = float(max(abs(size.width - wanted.width), abs(size.height - wanted.height)))
        return rule.finding("size", value=off, limit=0, passed=off == 0, detail=f"{size}, expected {wanted}")
    off = abs(size.ratio / wanted.ratio - 1)
    limit = None if rule.value.kind == "free" else rule.value.tolerance
    return rule.finding(
        "ratio", value=round(off, 4), limit=limit, passed=limit is None or off <= limit, detail=f"{size}, as {wanted}"
    )


def _within(check: str, size: Size, rule: Rule[Size], *, passed: bool, limit: int) -> Finding:
    value = min(size) if check == "min-size" else max(size)
    return rule.finding(check, value=value, limit=limit, passed=passed, detail=f"{size} against {rule.value}")


def _white_finding(pixels: Pixels, placement: Placement, known: Known | None) -> Finding:
    """Ours: every pixel away from the product is exactly 255. Others': a band along the border is nearly white."""
    rule = placement.background
    if rule is None:
        raise ValueError(f"{placement.id} has no background rule")
    if known is not None and known.beyond is not None:
        background = pixels[known.beyond]
        share = float((background == 255).all(axis=1).mean()) if background.size else 1.0
        return rule.finding("white", value=share, limit=1.0, passed=share == 1.0, detail="share exactly 255")
    share = float(np.mean(_border(pixels) >= NEARLY_WHITE))
    return rule.finding(
        "white",
        value=round(share, 4),
        limit=WHITE_SHARE,
        passed=share >= WHITE_SHARE,
        detail="white share of the border",
    )


def _border(pixels: Pixels) -> NDArray[np.uint8]:
    """The darkest channel of the pixels in a band along the border."""
    darkest = pixels.min(axis=2)
    band = max(1, round(BORDER_BAND * min(darkest.shape)))
    inner = darkest[band:-band, band:-band]
    if not inner.size:
        return np.asarray(darkest.ravel(), np.uint8)
    sides = (darkest[:band], darkest[-band:], darkest[band:-band, :band], darkest[band:-band, -band:])
    return np.concatenate([side.ravel() for side in sides])


def _covers(outer: Size, inner: Size) -> bool:
    return outer.width >= inner.width and outer.height >= inner.height


def _is_srgb(profile: bytes | None) -> bool:
    """No profile is read as sRGB by every browser and platform; another profile by its own description."""
    if profile is None or profile == srgb_profile():
        return True
    try:
        description = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (OSError, ImageCms.PyCMSError):
        return False
    return "srgb" in description.lower()
