"""Copy set as a block of lines: broken, measured, and ready to be drawn."""

from functools import lru_cache
from typing import Literal, NamedTuple

from tasks.banners.typography.fonts import Chosen
from tasks.banners.typography.linebreak import break_lines
from tasks.banners.typography.raster import Drawn, Placed, draw_glyphs
from tasks.banners.typography.shaping import Glyph, Shaped, leading_blank, shape, span

Align = Literal["start", "center", "end"]

# Of the em box: ink of Chinese characters reaches from 0.86 above the baseline to 0.1 below.
ASCENT, DESCENT = 0.86, 0.1


class Type(NamedTuple):
    """How a text is set. `size` in px an em, `leading` and `tracking` in em."""

    fonts: Chosen
    size: float
    leading: float = 1.28
    tracking: float = 0.0
    vertical: bool = False
    figures: bool = False


class Block(NamedTuple):
    """Set lines: index ranges of the text, their lengths, and the box they take, all in px."""

    text: str
    type: Type
    lines: tuple[tuple[int, int], ...]
    lengths: tuple[float, ...]
    width: float
    height: float

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(self.text[first:last] for first, last in self.lines)


@lru_cache(maxsize=16384)
def set_text(text: str, style: Type, *, room: float, most: int) -> Block | None:
    """The text in at most `most` lines (columns where vertical) of at most `room` px; None where it does not fit."""
    shaped = _shape(text, style)

    def measure(first: int, last: int) -> float:
        return span(shaped, first, last) + style.tracking * (last - first - 1)

    lines = break_lines(text, measure, room / style.size, most)
    if lines is None:
        return None
    lengths = tuple(measure(first, last) * style.size for first, last in lines)
    across = ((len(lines) - 1) * style.leading + ASCENT + DESCENT) * style.size
    along = max(lengths, default=0.0)
    width, height = (across, along) if style.vertical else (along, across)
    return Block(text, style, lines, lengths, width, height)


@lru_cache(maxsize=8192)
def _shape(text: str, style: Type) -> Shaped:
    return shape(text.replace("\n", " "), style.fonts, vertical=style.vertical, figures=style.figures)


@lru_cache(maxsize=4096)
def draw_block(block: Block, align: Align, x_step: int = 0) -> Drawn:
    """The block's ink, relative to its upper left corner; `x_step` quarters of a pixel to the right."""
    glyphs = [
        placed
        for number in range(len(block.lines))
        for placed in _line(block, number, align, shift=x_step / 4)
    ]  # fmt: skip
    drawn = draw_glyphs(glyphs, block.type.size)
    drawn.mask.setflags(write=False)
    return drawn


def line_start(block: Block, number: int, align: Align) -> float:
    """How far along the block's side its line begins, in px."""
    side = block.height if block.type.vertical else block.width
    free = side - block.lengths[number]
    return {"start": 0.0, "center": free / 2, "end": free}[align]


def baseline(block: Block, number: int) -> float:
    """Of a horizontal line below the block's top, in px."""
    return (ASCENT + number * block.type.leading) * block.type.size


def _line(block: Block, number: int, align: Align, *, shift: float) -> list[Placed]:
    style, (first, last) = block.type, block.lines[number]
    shaped = _shape(block.text, style)
    start = line_start(block, number, align) - leading_blank(shaped, first) * style.size
    placed, pen = [], 0.0
    for glyph in _between(shaped, first, last):
        along = start + (pen + style.tracking * (glyph.at - first)) * style.size
        pen += glyph.advance
        placed.append(_place(block, number, glyph, along, shift))
    return placed


def _between(shaped: Shaped, first: int, last: int) -> list[Glyph]:
    return [glyph for glyph in shaped.glyphs if first <= glyph.at < last]


def _place(block: Block, number: int, glyph: Glyph, along: float, shift: float) -> Placed:
    size = block.type.size
    if not block.type.vertical:
        return Placed(
            glyph.face, glyph.number, along + glyph.dx * size + shift, baseline(block, number) - glyph.dy * size
        )
    # columns from right to left; HarfBuzz's vertical origin is the middle of the em box's top
    column = block.width - ((ASCENT + DESCENT) / 2 + number * block.type.leading) * size
    return Placed(glyph.face, glyph.number, column + glyph.dx * size + shift, along - glyph.dy * size)
