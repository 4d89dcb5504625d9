"""A text as positioned glyphs, in em: shaped once by HarfBuzz, used at every size."""

from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import uharfbuzz as hb

from tasks.banners.typography.characters import BLANK_AFTER, BLANK_BEFORE, is_han, is_latin
from tasks.banners.typography.fonts import Chosen, Face

# Air between Chinese and Latin or digits (CLREQ: up to a quarter em; display sizes want less).
MIXED_GAP = 0.12
HALF = 0.5
_TOWARDS = {False: "ltr", True: "ttb"}


class Glyph(NamedTuple):
    """One glyph in em. `advance` is along the line, `dx` to the right, `dy` up, from the pen to the glyph's origin."""

    face: Face
    number: int
    at: int  # index of its character
    advance: float
    dx: float
    dy: float


class Shaped(NamedTuple):
    """A whole paragraph, glyph by glyph, unbroken; `starts` gives each character's place along it, in em."""

    text: str
    glyphs: tuple[Glyph, ...]
    starts: tuple[float, ...]  # one more than there are characters


@lru_cache(maxsize=8192)
def shape(text: str, fonts: Chosen, *, vertical: bool = False, figures: bool = False) -> Shaped:
    """Shape one paragraph, each run in the face that is right for it. `figures`: digits of even width."""
    glyphs: list[Glyph] = []
    for face, run in groupby(enumerate(text), key=lambda pair: fonts.wide if vertical else fonts.face(pair[1])):
        characters = list(run)
        start, part = characters[0][0], "".join(character for _, character in characters)
        glyphs += _shape_run(part, face, start, vertical=vertical, figures=figures)
    spaced = [_spaced(glyph, text, vertical=vertical) for glyph in glyphs]
    return Shaped(text, tuple(spaced), _starts(text, spaced))


def _shape_run(text: str, face: Face, start: int, *, vertical: bool, figures: bool) -> list[Glyph]:
    buffer: Any = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = _TOWARDS[vertical]
    buffer.language = "zh-Hans"
    hb.shape(face.shaping, buffer, {"kern": True, "tnum": figures})
    em = face.units
    return [
        Glyph(
            face,
            info.codepoint,
            start + info.cluster,
            (-place.y_advance if vertical else place.x_advance) / em,
            place.x_offset / em,
            place.y_offset / em,
        )
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    ]


def _spaced(glyph: Glyph, text: str, *, vertical: bool) -> Glyph:
    """Half an em less where two marks meet, some air where Chinese meets Latin."""
    here, after = text[glyph.at], text[glyph.at + 1 : glyph.at + 2]
    if not after or glyph.advance <= 0:
        return glyph
    wide = glyph.advance > 2 * HALF - 0.1
    if wide and here in BLANK_AFTER and after in (BLANK_AFTER | BLANK_BEFORE):
        return glyph._replace(advance=glyph.advance - HALF)
    if wide and here in BLANK_BEFORE and after in BLANK_BEFORE:
        return glyph._replace(advance=glyph.advance - HALF)
    if not vertical and ((is_han(here) and is_latin(after)) or (is_latin(here) and is_han(after))):
        return glyph._replace(advance=glyph.advance + MIXED_GAP)
    return glyph


def _starts(text: str, glyphs: list[Glyph]) -> tuple[float, ...]:
    lengths = [0.0] * len(text)
    for glyph in glyphs:
        lengths[glyph.at] += glyph.advance
    starts = [0.0]
    for length in lengths:
        starts.append(starts[-1] + length)
    return tuple(starts)


def span(shaped: Shaped, first: int, last: int) -> float:
    """Length in em of the characters first..last (exclusive) as a line of their own: marks at its ends lose a half."""
    length = shaped.starts[last] - shaped.starts[first]
    text = shaped.text
    if last > first:
        length -= leading_blank(shaped, first)
        if text[last - 1] in BLANK_AFTER and _width(shaped, last - 1) > HALF:
            length -= HALF
        elif last < len(text) and _gap_after(text, last - 1):
            length -= MIXED_GAP
    return length


def leading_blank(shaped: Shaped, first: int) -> float:
    """What an opening mark loses at the start of a line, in em."""
    return HALF if shaped.text[first] in BLANK_BEFORE and _width(shaped, first) > HALF else 0.0


def _width(shaped: Shaped, at: int) -> float:
    return shaped.starts[at + 1] - shaped.starts[at]


def _gap_after(text: str, at: int) -> bool:
    here, after = text[at], text[at + 1]
    return (is_han(here) and is_latin(after)) or (is_latin(here) and is_han(after))
