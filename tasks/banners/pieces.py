"""One element of copy as a piece to lay out: how wide and high it is, and what is drawn of it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from tasks.banners.layouts import Element
from tasks.banners.marks import ImageMark, Mark, PlateMark, TextMark, moved
from tasks.banners.typography.characters import is_latin
from tasks.banners.typography.fonts import FontBook, Weight
from tasks.banners.typography.setting import ASCENT, DESCENT, Align, Block, Type, set_text
from tasks.banners.wording import Copy
from tasks.errors import CompositionError

# Of a price: the currency sign and the decimals by its figures, the struck price by the whole, the air between.
SIGN, WAS, WAS_GAP = 0.58, 0.46, 0.32
STRIKE = 0.07  # thickness by the struck price's size
LIST_GAP = 0.42  # between selling points, in em
CHIP_PAD, CHIP_GAP = 0.55, 0.45
DOT = " · "
LEAST_WAS = 11.0  # px
LOGO_TALL = 1.5  # a drawn logo's height by the size of the name in its place
ANY_LENGTH = 1e9

T = TypeVar("T")


class Piece(NamedTuple):
    """An element of copy, set. Marks are relative to its upper left corner; `size` is its type's, in px."""

    name: str
    width: float
    height: float
    size: float
    marks: tuple[Mark, ...]
    vertical: bool = False


class Setter(NamedTuple):
    """With what elements are set: fonts, the brand's families for display and text, the logo's width by height."""

    fonts: FontBook
    display: str = "sans"
    text: str = "sans"
    logo: str = ""
    logo_ratio: float = 0.0
    wordmark: str = ""

    def __hash__(self) -> int:
        return hash((id(self.fonts), *self[1:]))


class Setting(NamedTuple):
    """How one element is to be set: its specification, its size in px and the room for its lines."""

    spec: Element
    size: float
    room: float
    align: Align
    setter: Setter


def texts_of(name: str, copy: Copy, setter: Setter) -> tuple[str, ...]:
    """What an element says, nothing where the copy has none of it."""
    if name == "price":
        return (copy.sign + copy.price, *([copy.sign + copy.was] if copy.was else [])) if copy.price else ()
    if name == "points":
        return copy.points
    if name == "logo":
        return (setter.wordmark,) if setter.wordmark or setter.logo else ()
    if name in ("upper", "lower", "scroll"):
        at = ("upper", "lower", "scroll").index(name)
        return copy.couplet[at : at + 1] if len(copy.couplet) > 1 else ()
    text = {"headline": copy.headline, "subline": copy.subline, "cta": copy.cta, "badge": copy.badge}[name]
    return (text,) if text else ()


@lru_cache(maxsize=16384)
def make_piece(name: str, copy: Copy, how: Setting) -> Piece | None:
    """The element set as it is asked for, None where it does not fit into that room."""
    if name == "price":
        return _price(copy, how)
    if name == "logo" and how.setter.logo:
        return _logo(how)
    texts = texts_of(name, copy, how.setter)
    if name == "points":
        texts = texts[: how.spec.limit]
        return _points_in_line(texts, how) if how.spec.show == "line" else _points_in_rows(texts, how)
    if how.spec.vertical and any(map(is_latin, texts[0])):
        return None  # letters and figures would have to lie down
    block = set_text(texts[0], _type(texts[0], how), room=_inner_room(how), most=how.spec.lines)
    return None if block is None else _plated(name, block, how)


def _inner_room(how: Setting) -> float:
    return how.room - 2 * how.spec.pad * how.size if how.spec.plate else how.room


def _type(text: str, how: Setting, *, size: float = 0.0, weight: Weight | None = None) -> Type:
    spec, setter = how.spec, how.setter
    fonts = setter.fonts.choose(text, setter.display if spec.face == "display" else setter.text, weight or spec.weight)
    return Type(fonts, size or how.size, spec.leading, spec.tracking, vertical=spec.vertical)


def _line(text: str, how: Setting, *, size: float = 0.0, weight: Weight | None = None) -> Block:
    """One line of any length."""
    block = set_text(text, _type(text, how, size=size, weight=weight), room=ANY_LENGTH, most=1)
    if block is None:
        raise CompositionError(f"{text!r} holds a line break; expected one line.")
    return block


def _plated(name: str, block: Block, how: Setting) -> Piece:
    spec, size, align = how.spec, how.size, how.align
    if not spec.plate:
        return Piece(
            name, block.width, block.height, size, (TextMark(name, block, 0, 0, spec.role, align),), spec.vertical
        )
    along, across = spec.pad * size, (0.62 if spec.plate == "pill" else 0.34) * spec.pad * size
    x, y = (across, along) if spec.vertical else (along, across)
    width, height = block.width + 2 * x, block.height + 2 * y
    radius = {"pill": min(width, height) / 2, "tag": 0.18 * size, "paper": 0.0}[spec.plate]
    plate = PlateMark(name, 0, 0, width, height, radius, "plate")
    return Piece(name, width, height, size, (plate, TextMark(name, block, x, y, "on", align)), spec.vertical)


def _price(copy: Copy, how: Setting) -> Piece | None:
    """A small sign, large figures, small decimals, and the struck price behind, all on one baseline."""
    size = how.size
    whole, _, decimals = copy.price.partition(".")
    parts = [(copy.sign, SIGN * size), (whole, size), *([("." + decimals, SIGN * size)] if decimals else [])]
    marks: list[Mark] = []
    pen = 0.0
    for text, em in parts:
        block = _line(text, how, size=em)
        marks.append(TextMark("price", block, pen, ASCENT * (size - em), how.spec.role))
        pen += block.width + (0.06 * em if text == copy.sign else 0)
    if copy.was:
        struck, pen = _struck(copy, how, pen)
        marks += struck
    return Piece("price", pen, (ASCENT + DESCENT) * size, size, tuple(marks)) if pen <= how.room else None


def _struck(copy: Copy, how: Setting, pen: float) -> tuple[list[Mark], float]:
    em = max(WAS * how.size, min(LEAST_WAS, how.size))
    block = _line(copy.sign + copy.was, how, size=em, weight="regular")
    x, y = pen + WAS_GAP * how.size, ASCENT * (how.size - em)
    line = max(1.0, STRIKE * em)
    rule = PlateMark("was", x - 0.08 * em, y + 0.52 * em, block.width + 0.16 * em, line, 0, "ink")
    return [TextMark("was", block, x, y, "ink"), rule], x + block.width + 0.08 * em


def _logo(how: Setting) -> Piece | None:
    size, width = LOGO_TALL * how.size, LOGO_TALL * how.size * how.setter.logo_ratio
    if width > how.room:
        return None
    return Piece("logo", width, size, size, (ImageMark("logo", how.setter.logo, 0, 0, width, size),))


def _points_in_line(texts: tuple[str, ...], how: Setting) -> Piece | None:
    """As many selling points as fit, parted by dots; one line after the other where the layout allows."""
    for count in range(len(texts), 0, -1):
        for rows in range(1, how.spec.lines + 1):
            lines = [DOT.join(part) for part in _even_parts(texts[:count], rows)]
            blocks = [_line(line, how) for line in lines]
            if max(block.width for block in blocks) <= how.room:
                return _stacked("points", blocks, how)
    return None


def _even_parts(texts: Sequence[T], rows: int) -> list[Sequence[T]]:
    each = -(-len(texts) // rows)
    return [texts[start : start + each] for start in range(0, len(texts), each)]


def _shift(width: float, length: float, align: Align) -> float:
    return {"start": 0.0, "center": (width - length) / 2, "end": width - length}[align]


def _stacked(name: str, blocks: list[Block], how: Setting) -> Piece:
    width = max(block.width for block in blocks)
    step = how.spec.leading * how.size
    marks = tuple(
        TextMark(name, block, _shift(width, block.width, how.align), number * step, how.spec.role)
        for number, block in enumerate(blocks)
    )
    return Piece(name, width, (len(blocks) - 1) * step + blocks[-1].height, how.size, marks)


def _points_in_rows(texts: tuple[str, ...], how: Setting) -> Piece | None:
    """One selling point a row, behind a short rule; or each in an outlined chip, spread evenly over the rows."""
    chips = how.spec.show == "chips"
    pieces = [_chip(text, how) if chips else _item(text, how) for text in texts]
    pieces = [piece for piece in pieces if piece.width <= how.room]
    if not chips:
        return _in_rows([[piece] for piece in pieces[: how.spec.lines]], how) if pieces else None
    for count in range(len(pieces), 0, -1):
        for number in range(1, how.spec.lines + 1):
            rows = _even_parts(pieces[:count], number)
            if all(_length(row, how) <= how.room for row in rows):
                return _in_rows(rows, how)
    return None


def _length(row: Sequence[Piece], how: Setting) -> float:
    return sum(piece.width for piece in row) + CHIP_GAP * how.size * (len(row) - 1)


def _in_rows(rows: Sequence[Sequence[Piece]], how: Setting) -> Piece:
    width, marks, y = max(_length(row, how) for row in rows), list[Mark](), 0.0
    for row in rows:
        x = _shift(width, _length(row, how), how.align)
        for piece in row:
            marks += [moved(mark, x, y) for mark in piece.marks]
            x += piece.width + CHIP_GAP * how.size
        y += max(piece.height for piece in row) + LIST_GAP * how.size
    return Piece("points", width, y - LIST_GAP * how.size, how.size, tuple(marks))


def _item(text: str, how: Setting) -> Piece:
    block, size = _line(text, how), how.size
    bar, x = max(1.5, 0.14 * size), 0.62 * size
    rule = PlateMark("points", 0, 0.1 * size, bar, 0.82 * size, 0, "accent")
    return Piece("points", x + block.width, block.height, size, (rule, TextMark("points", block, x, 0, how.spec.role)))


def _chip(text: str, how: Setting) -> Piece:
    block, size, role = _line(text, how), how.size, how.spec.role
    pad, tall = CHIP_PAD * size, block.height + 0.62 * size
    outline = PlateMark("points", 0, 0, block.width + 2 * pad, tall, tall / 2, role, line=max(1.0, 0.07 * size))
    return Piece(
        "points", block.width + 2 * pad, tall, size, (outline, TextMark("points", block, pad, 0.31 * size, role))
    )
