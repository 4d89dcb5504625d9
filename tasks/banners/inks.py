"""Colours of copy on a picture: ink by contrast, a scrim only where none is readable without (WCAG 2.2, 1.4.3)."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.banners.layouts import Side
from tasks.banners.logos import logo_colours
from tasks.banners.marks import ImageMark, Mark, Role, TextMark
from tasks.banners.pixels import Pixels
from tasks.shapes import Box

Colour = tuple[int, int, int]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
SMALL_TEXT, LARGE_TEXT = 4.5, 3.0
LARGE_PX, LARGE_BOLD_PX = 24.0, 18.66  # 18 pt, and 14 pt bold
STANDS_OUT = 1.7  # of a plate against the picture
STRAY = 0.02  # of the pixels behind the copy, this share may be worse: grain is no letter
LOGO_SEEN = 0.7  # of a logo's pixels stand out as graphics must (WCAG 2.2, 1.4.11: 3:1), or it is set in the ink
MARGIN = 1.06  # what JPEG may take from a contrast
OPACITIES = (0.0, 0.22, 0.36, 0.5, 0.62, 0.74, 0.85, 0.94)
# Before a background as uneven as this (standard deviation of lightness, 0..1), even a readable ink gets a veil.
UNEVEN, VEIL = 0.13, 0.36

_LEVELS = np.arange(256, dtype=np.float32) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_RED, _GREEN, _BLUE = (np.float32(weight) * _LINEAR for weight in (0.2126, 0.7152, 0.0722))
SAMPLE = 2500  # pixels behind the copy that are enough to know how readable it is


class Look(NamedTuple):
    """A brand's colours: dark ink, light paper, and the colour of plates and prices."""

    ink: Colour = (29, 27, 25)
    paper: Colour = (255, 255, 255)
    primary: Colour = (176, 32, 36)
    accent: Colour = (201, 166, 107)


class Inks(NamedTuple):
    """The colours that one set of copy is drawn in, its scrim, and the contrast it comes to."""

    ink: Colour
    accent: Colour
    plate: Colour
    on: Colour
    scrim: Colour
    opacity: float
    contrast: float
    wanted: float
    logo: Colour | None = None  # the one colour of a logo whose own colours are lost there

    def colour(self, role: Role) -> Colour:
        return {"ink": self.ink, "accent": self.accent, "plate": self.plate, "on": self.on, "paper": self.scrim}[role]


def luminance(pixels: Pixels) -> NDArray[np.float32]:
    """Relative luminance 0..1 of sRGB pixels (..., 3)."""
    light = _RED[pixels[..., 0]] + _GREEN[pixels[..., 1]] + _BLUE[pixels[..., 2]]
    return np.asarray(light, np.float32)


@lru_cache(maxsize=1024)
def contrast(first: Colour, second: Colour) -> float:
    """WCAG contrast ratio of two colours, 1..21."""
    low, high = sorted(float(luminance(np.array(each, np.uint8))) for each in (first, second))
    return (high + 0.05) / (low + 0.05)


def on_plate(plate: Colour, look: Look) -> Colour:
    """The text colour on a plate: the brand's own where that can be read, else black or white, one of which can."""
    for candidate in (look.paper, WHITE, look.ink):
        if contrast(candidate, plate) >= SMALL_TEXT:
            return candidate
    return max((WHITE, BLACK), key=lambda each: contrast(each, plate))


def wanted_contrast(marks: Sequence[Mark]) -> float:
    """4.5 where any text on the bare picture is small, 3 where all of it is large."""
    for mark in marks:
        if isinstance(mark, TextMark) and mark.role != "on":
            style = mark.block.type
            bold = style.fonts.wide.path.stem.endswith("Bold")
            if style.size < (LARGE_BOLD_PX if bold else LARGE_PX):
                return SMALL_TEXT
    return LARGE_TEXT


def choose_inks(behind: Pixels, marks: Sequence[Mark], look: Look) -> Inks:
    """Ink for copy on these pixels, with the faintest scrim under which it can be read."""
    step = max(1, int((behind.shape[0] * behind.shape[1] / SAMPLE) ** 0.5))
    sample = behind[::step, ::step].reshape(-1, 3)
    wanted = wanted_contrast(marks)
    uneven = float(np.sqrt(luminance(sample)).std())
    bounds = _bounds(sample)
    best = max((look.ink, look.paper), key=lambda ink: _worst(bounds, ink))
    scrim = look.paper if best == look.ink else look.ink
    for opacity in OPACITIES:
        if uneven > UNEVEN and opacity < VEIL:
            continue
        veiled = _veiled(sample, scrim, opacity)
        bounds = _bounds(veiled)
        reached = _worst(bounds, best)
        if reached >= wanted * MARGIN:
            break
    accent = _accent(bounds, best, look, wanted)
    plate = _plate(veiled, look, best)
    reached = min(reached, _worst(bounds, accent))
    return Inks(best, accent, plate, on_plate(plate, look), scrim, opacity, reached, wanted, _logo(bounds, marks, best))


def one_plate(chosen: Sequence[Inks]) -> tuple[Inks, ...]:
    """The same inks with plates of one colour, that of most sets: plates that differ in one picture look wrong.

    What is written on a plate can be read whatever lies around it.
    """
    (plate, on), _ = Counter((each.plate, each.on) for each in chosen).most_common(1)[0]
    return tuple(each._replace(plate=plate, on=on) for each in chosen)


def _logo(bounds: tuple[float, float], marks: Sequence[Mark], ink: Colour) -> Colour | None:
    """The ink for a logo most of which would not be seen in its own colours, None where it is or there is none."""
    for mark in marks:
        if isinstance(mark, ImageMark):
            light = luminance(logo_colours(mark.path, mark.width / mark.height))
            low, high = bounds
            seen = np.maximum((light + 0.05) / (high + 0.05), (low + 0.05) / (light + 0.05)) >= LARGE_TEXT
            return ink if seen.size and seen.mean() < LOGO_SEEN else None
    return None


def _accent(behind: tuple[float, float], ink: Colour, look: Look, wanted: float) -> Colour:
    """The brand's colour for prices where it can be read there, else the ink."""
    for candidate in (look.primary, look.accent):
        if _worst(behind, candidate) >= wanted * MARGIN:
            return candidate
    return ink


def _plate(behind: Pixels, look: Look, ink: Colour) -> Colour:
    """The brand's colour where a plate of it stands out, else the ink's."""
    middle = tuple(int(level) for level in np.median(behind, axis=0))
    for candidate in (look.primary, look.accent):
        if contrast(candidate, (middle[0], middle[1], middle[2])) >= STANDS_OUT:
            return candidate
    return ink


def _veiled(sample: Pixels, scrim: Colour, opacity: float) -> Pixels:
    if not opacity:
        return sample
    mixed = sample * np.float32(1 - opacity) + np.array(scrim, np.float32) * np.float32(opacity)
    return np.asarray(np.rint(mixed), np.uint8)


def _bounds(behind: Pixels) -> tuple[float, float]:
    """Least and most luminance of the pixels, but for the STRAY share at either end."""
    below = luminance(behind).ravel()
    stray = int(STRAY * below.size)
    ordered = np.partition(below, (stray, below.size - 1 - stray))
    return float(ordered[stray]), float(ordered[-1 - stray])


@lru_cache(maxsize=1024)
def _lightness(ink: Colour) -> float:
    return float(luminance(np.array(ink, np.uint8)))


def _worst(bounds: tuple[float, float], ink: Colour) -> float:
    """Contrast of an ink against pixels of luminance within these bounds."""
    (low, high), letter = bounds, _lightness(ink)
    if low <= letter <= high:
        return 1.0
    nearest = high if letter > high else low
    bright, dark = max(letter, nearest), min(letter, nearest)
    return (bright + 0.05) / (dark + 0.05)


def lay_scrim(canvas: Pixels, side: Side, field: Box, copy: Box, inks: Inks) -> None:
    """Veil the field beside the product in place: full as far as the copy reaches, fading out towards the product."""
    if not inks.opacity or field.is_empty:
        return
    part = canvas[field.top : field.bottom, field.left : field.right]
    if side in ("left", "right"):
        ramp = _ramp(field.left, field.right, copy.left, copy.right, flipped=side == "right")[None, :, None]
    else:
        ramp = _ramp(field.top, field.bottom, copy.top, copy.bottom, flipped=side == "bottom")[:, None, None]
    weight = np.float32(inks.opacity) * ramp
    mixed = part * (1 - weight) + np.array(inks.scrim, np.float32) * weight
    part[:] = np.rint(mixed).astype(np.uint8)


def _ramp(first: int, last: int, begin: int, end: int, *, flipped: bool) -> NDArray[np.float32]:
    """1 under the copy and out to the frame's edge, falling smoothly to 0 where the product begins."""
    places = np.arange(first, last, dtype=np.float32) + 0.5
    share = (places - first) / max(begin - first, 1) if flipped else (last - places) / max(last - end, 1)
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
