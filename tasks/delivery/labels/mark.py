"""The visible mark: a line of text in a corner that says the picture is generated.

GB 45438-2025 asks for letters of at least 5 % of the picture's shorter side at an edge or corner, with "人工智能" or
"AI" and "生成" or "合成" in the wording.
"""

import io
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.errors import CompositionError, ConfigurationError
from tasks.findings import Finding
from tasks.shapes import Box, Size

FONT = "fonts/ShangxinMark-Bold.otf"  # under templates/
WORDING = {"zh": "AI生成", "en": "AI-generated"}

SHARE = 0.05  # letter height by the shorter side
LEAST_PX = 10  # below this nobody can read Chinese: small banners get a larger share
CONTRAST = 4.5  # WCAG 2.2, 1.4.3, for text of ordinary size
# Of the pixels behind the mark, this share may have less contrast: grain is no letter.
STRAY = 0.05
LEGIBLE = 0.75  # clean letters have 0.9 and more after JPEG at its lowest; letters lost in a pattern fall below 0.6
PLATE = 0.64  # opacity; with the lighter or darker ink any picture at all is then above the contrast wanted
LIGHT, DARK = (255, 255, 255), (24, 24, 24)

Mask = NDArray[np.float32]  # 0..1

_LEVELS = np.arange(256, dtype=np.float32) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_RED, _GREEN, _BLUE = (weight * _LINEAR for weight in (0.2126, 0.7152, 0.0722))


class Drawn(NamedTuple):
    """A mark on a canvas of `size`: its box, and the letters' coverage in the middle of it."""

    size: Size
    box: Box
    letters: Mask


class _Corner(NamedTuple):
    box: Box  # the plate's, if there is one; the letters stand in its middle
    overlap: float  # share of it that lies on the product or on copy


def wording_of(locale: str) -> str:
    """The mark's text in a locale's language."""
    return WORDING["zh" if not locale or locale.lower().startswith("zh") else "en"]


def check_wording(text: str, font: Path) -> None:
    """ConfigurationError where the mark's font lacks a character of this wording."""
    opened = ImageFont.truetype(font, 32)
    nothing = bytes(opened.getmask("\U0010fffd"))  # what is drawn for a character that no font has
    missing = [each for each in dict.fromkeys(text) if not each.isspace() and bytes(opened.getmask(each)) == nothing]
    if missing:
        raise ConfigurationError(
            f"mark_text {text!r}: {font.name} has no {' '.join(missing)}. Try {' or '.join(WORDING.values())}."
        )


class Marker:
    """Draws one wording onto renditions."""

    def __init__(self, text: str, font: Path) -> None:
        self._text, self._font = text, str(font)
        self.drawn: Drawn | None = None  # the latest

    def mark(self, canvas: Pixels, keep_off: Sequence[Box], placement: Placement) -> tuple[Pixels, tuple[Finding, ...]]:
        """The canvas with the mark where it is clear of those boxes, and what was measured."""
        size = Size(canvas.shape[1], canvas.shape[0])
        height = max(LEAST_PX, math.ceil(SHARE * min(size)))
        letters = _letters(self._text, self._font, height)
        inner = max(2, round(0.45 * height))
        needed = Size(letters.shape[1] + 2 * inner, letters.shape[0] + 2 * inner)
        margin = max(2, round(0.5 * height))
        corner = _choose(list(_corners(placement.safe_box, needed, keep_off, margin=margin)), needed, placement)
        marked, contrast = _draw(canvas, corner.box, letters, radius=inner)
        self.drawn = Drawn(size, corner.box, letters)
        return marked, tuple(_findings(height / min(size), contrast, corner, placement))


def check_legible(data: bytes, drawn: Drawn) -> Finding:
    """Whether the letters are still there in the finished file: how well light and dark follow them, 0..1.

    Correlation of the luminance in the mark's box with the letters' coverage, where dark letters count like light ones.
    """
    with Image.open(io.BytesIO(data)) as picture:
        scale = picture.width / drawn.size.width, picture.height / drawn.size.height
        grey = np.asarray(picture.convert("L"), np.float32)
    box, letters = drawn.box, drawn.letters
    top, left = box.top + (box.height - letters.shape[0]) // 2, box.left + (box.width - letters.shape[1]) // 2
    size = Size(max(1, round(letters.shape[1] * scale[0])), max(1, round(letters.shape[0] * scale[1])))
    x, y = round(left * scale[0]), round(top * scale[1])
    found = grey[y : y + size.height, x : x + size.width]
    expected = cv2.resize(letters, size, interpolation=cv2.INTER_AREA)[: found.shape[0], : found.shape[1]]
    alike = 0.0
    if found.size > 1 and found.std() > 0:
        alike = abs(float(np.corrcoef(found.ravel(), np.asarray(expected).ravel())[0, 1]))
    passed = alike >= LEGIBLE
    return Finding(
        check="visible-mark-legible",
        value=round(alike, 4),
        limit=LEGIBLE,
        passed=passed,
        box=drawn.box,
        detail="correlation of the delivered file with the letters as drawn",
    )


def _corners(area: Box, needed: Size, keep_off: Sequence[Box], *, margin: int) -> Iterator[_Corner]:
    """Corners, then middles of edges, in the order of preference, as far as the mark fits inside `area`."""
    left, right = area.left + margin, area.right - margin - needed.width
    top, bottom = area.top + margin, area.bottom - margin - needed.height
    if left > right or top > bottom:
        return
    middle = (left + right) // 2
    for x, y in ((right, bottom), (left, bottom), (right, top), (left, top), (middle, bottom), (middle, top)):
        box = Box(x, y, x + needed.width, y + needed.height)
        covered = max((box.common(other).area for other in keep_off), default=0)
        yield _Corner(box, covered / (needed.width * needed.height))


def _choose(corners: list[_Corner], needed: Size, placement: Placement) -> _Corner:
    if not corners:
        raise CompositionError(
            f"{placement.id}: the visible mark takes {needed}, more than its safe area. Use a shorter mark_text."
        )
    return min(corners, key=lambda corner: corner.overlap)  # the first of equals


def _draw(canvas: Pixels, box: Box, letters: Mask, *, radius: int) -> tuple[Pixels, float]:
    """The marked canvas and the letters' contrast; a plate only where they would be hard to read without."""
    behind = canvas[box.top : box.bottom, box.left : box.right]
    ink, contrast = _best_ink(behind)
    if contrast < CONTRAST:
        behind = _blend(behind, DARK if ink == LIGHT else LIGHT, PLATE * _rounded(box.size, radius))
        inset = radius // 2  # the corners are round, and no letter reaches them
        contrast = _contrast(behind[inset:-inset, inset:-inset], ink)
    top, left = (box.height - letters.shape[0]) // 2, (box.width - letters.shape[1]) // 2
    inside = np.s_[top : top + letters.shape[0], left : left + letters.shape[1]]
    marked = canvas.copy()
    place = marked[box.top : box.bottom, box.left : box.right]
    place[:] = behind
    place[inside] = _blend(behind[inside], ink, letters)
    return marked, contrast


def _blend(behind: Pixels, colour: tuple[int, int, int], share: Mask) -> Pixels:
    mixed = behind + (np.array(colour, np.float32) - behind) * share[..., None]
    return np.asarray(np.rint(mixed), np.uint8)


def _best_ink(behind: Pixels) -> tuple[tuple[int, int, int], float]:
    light, dark = _contrast(behind, LIGHT), _contrast(behind, DARK)
    return (LIGHT, light) if light >= dark else (DARK, dark)


def _contrast(behind: Pixels, ink: tuple[int, int, int]) -> float:
    """WCAG 2.2 contrast ratio of the ink against all but the STRAY worst of the pixels behind."""
    below, letter = _luminance(behind).ravel(), float(_luminance(np.array([ink], np.uint8))[0])
    stray = int(STRAY * below.size)
    if ink == LIGHT:
        return (letter + 0.05) / (float(-np.partition(-below, stray)[stray]) + 0.05)
    return (float(np.partition(below, stray)[stray]) + 0.05) / (letter + 0.05)


def _luminance(srgb: Pixels) -> NDArray[np.float32]:
    """Relative luminance, 0..1 (WCAG 2.2)."""
    return np.asarray(_RED[srgb[..., 0]] + _GREEN[srgb[..., 1]] + _BLUE[srgb[..., 2]], np.float32)


@lru_cache(maxsize=64)
def _letters(text: str, font: str, height: int) -> Mask:
    """The text's coverage, cut to its ink; every capital and every Chinese character is at least `height` px high."""
    tall = [character for character in text if character.isalnum() and not character.islower()] or list(text)
    drawn = ImageFont.truetype(font, 1000)
    least = min(box[3] - box[1] for box in (drawn.getbbox(character) for character in tall))
    sized = ImageFont.truetype(font, math.ceil(1000 * height / least) + 1)
    left, top, right, bottom = (int(edge) for edge in sized.getbbox(text))
    picture = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=sized)
    mask: Mask = np.asarray(picture, np.float32) / np.float32(255)
    mask.setflags(write=False)
    return mask


@lru_cache(maxsize=64)
def _rounded(size: Size, radius: int) -> Mask:
    """A rounded rectangle's coverage, drawn four times as large and scaled down for smooth corners."""
    large = Image.new("L", (4 * size.width, 4 * size.height))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), 4 * radius, fill=255)
    mask = cv2.resize(np.asarray(large, np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    mask.setflags(write=False)
    return np.asarray(mask, np.float32)


def _findings(share: float, contrast: float, corner: _Corner, placement: Placement) -> Iterator[Finding]:
    where = f"at {tuple(corner.box)}"
    yield Finding(
        check="visible-mark",
        value=round(share, 4),
        limit=SHARE,
        passed=share >= SHARE,
        box=corner.box,
        detail=f"letter height by the shorter side, {where}",
    )
    yield Finding(
        check="visible-mark-contrast",
        value=round(contrast, 2),
        limit=CONTRAST,
        passed=contrast >= CONTRAST,
        box=corner.box,
    )
    yield Finding(
        check="visible-mark-clear",
        value=round(corner.overlap, 4),
        limit=0,
        passed=corner.overlap == 0,
        box=corner.box,
        detail="share of the mark that lies on the product or on copy",
    )
    if placement.text and placement.text.value == "none":
        # the brief asked for the mark and the platform for none: a person has to choose, so no more than a review
        rule = placement.text.finding("visible-mark-allowed", value=1, limit=0, passed=False, detail="text")
        yield rule.model_copy(update={"severity": "note" if rule.severity == "note" else "review"})
