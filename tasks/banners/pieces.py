"""One element of copy as a piece to lay out: how wide and high it is, and what is drawn of it."""

from functools import lru_cache
from typing import NamedTuple

from tasks.banners.layouts import Element
from tasks.banners.marks import ImageMark, Mark, PlateMark, TextMark, moved
from tasks.banners.typography.fonts import FontBook
from tasks.banners.typography.setting import Align, Block, Type, set_text
from tasks.banners.wording import Copy

# Of a price: the currency sign and the decimals by its figures, the struck price by the whole, the air between.
SIGN, WAS, WAS_GAP = 0.58, 0.46, 0.32
STRIKE = 0.07  # thickness by the struck price's size
LIST_GAP = 0.42  # between selling points, in em
CHIP_PAD, CHIP_GAP = 0.55, 0.45
DOT = " · "


class Piece(NamedTuple):
    """An element of copy, set. Marks are relative to its upper left corner; `size` is its type's, in px."""

    name: str
    width: float
    height: float
    size: float
    marks: tuple[Mark, ...]


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
def make_piece(
    name: str, copy: Copy, spec: Element, size: float, room: float, align: Align, setter: Setter
) -> Piece | None:
    """The element set at `size` px in lines of at most `room` px, None where it does not fit into that."""
    if name == "price":
        return _price(copy, spec, size, room, setter)
    if name == "logo" and setter.logo:
        return _logo(size, room, setter)
    texts = texts_of(name, copy, setter)
    if name == "points":
        texts = texts[: spec.limit]
        if spec.show == "line":
            return _points_in_line(texts, spec, size, room, align, setter)
        return _points_in_list(texts, spec, size, room, align, setter)
    block = set_text(texts[0], _type(texts[0], spec, size, setter), room=_inner(room, spec, size), most=spec.lines)
    return None if block is None else _plated(name, block, spec, align)


def _inner(room: float, spec: Element, size: float) -> float:
    return room - 2 * spec.pad * size if spec.plate else room


def _type(text: str, spec: Element, size: float, setter: Setter, *, figures: bool = False) -> Type:
    family = setter.display if spec.face == "display" else setter.text
    fonts = setter.fonts.choose(text, family, spec.weight)
    return Type(fonts, size, spec.leading, spec.tracking, vertical=spec.vertical, figures=figures)


def _plated(name: str, block: Block, spec: Element, align: Align) -> Piece:
    size = block.type.size
    if not spec.plate:
        return Piece(name, block.width, block.height, size, (TextMark(name, block, 0, 0, spec.role, align),))
    along, across = spec.pad * size, (0.62 if spec.plate == "pill" else 0.34) * spec.pad * size
    x, y = (across, along) if spec.vertical else (along, across)
    width, height = block.width + 2 * x, block.height + 2 * y
    radius = {"pill": min(width, height) / 2, "tag": 0.18 * size, "paper": 0.0}[spec.plate]
    plate = PlateMark(name, 0, 0, width, height, radius, "plate")
    return Piece(name, width, height, size, (plate, TextMark(name, block, x, y, "on", align)))


def _price(copy: Copy, spec: Element, size: float, room: float, setter: Setter) -> Piece | None:
    """A small sign, large figures, small decimals, and the struck price behind, all on one baseline."""
    whole, _, decimals = copy.price.partition(".")
    parts = [(copy.sign, SIGN * size), (whole, size), *([("." + decimals, SIGN * size)] if decimals else [])]
    marks: list[Mark] = []
    pen, height = 0.0, 0.96 * size
    for text, em in parts:
        block = set_text(text, _type(text, spec, em, setter), room=1e6, most=1)
        assert block is not None  # noqa: S101  one line of any length fits
        marks.append(TextMark("price", block, pen, 0.86 * (size - em), spec.role))
        pen += block.width + (0.06 * em if text == copy.sign else 0)
    if copy.was:
        pen = _struck(copy, spec, size, pen, marks, setter)
    return Piece("price", pen, height, size, tuple(marks)) if pen <= room else None


def _struck(copy: Copy, spec: Element, size: float, pen: float, marks: list[Mark], setter: Setter) -> float:
    em = max(WAS * size, min(spec.least, size))
    text = copy.sign + copy.was
    block = set_text(text, _type(text, spec.model_copy(update={"weight": "regular"}), em, setter), room=1e6, most=1)
    assert block is not None  # noqa: S101
    x, y = pen + WAS_GAP * size, 0.86 * (size - em)
    marks.append(TextMark("was", block, x, y, "ink"))
    line = max(1.0, STRIKE * em)
    marks.append(PlateMark("was", x - 0.08 * em, y + 0.52 * em, block.width + 0.16 * em, line, 0, "ink"))
    return x + block.width + 0.08 * em


def _logo(size: float, room: float, setter: Setter) -> Piece | None:
    width = size * setter.logo_ratio
    if width > room:
        return None
    return Piece("logo", width, size, size, (ImageMark("logo", setter.logo, 0, 0, width, size),))


def _points_in_line(
    texts: tuple[str, ...], spec: Element, size: float, room: float, align: Align, setter: Setter
) -> Piece | None:
    """As many selling points as fit, parted by dots; one line after the other where the layout allows."""
    for count in range(len(texts), 0, -1):
        for rows in range(1, spec.lines + 1):
            lines = [DOT.join(part) for part in _even_parts(texts[:count], rows)]
            blocks = [set_text(line, _type(line, spec, size, setter), room=room, most=1) for line in lines]
            if all(blocks) and lines:
                return _stacked("points", [block for block in blocks if block], spec, size, align)
    return None


def _even_parts(texts: tuple[str, ...], rows: int) -> list[tuple[str, ...]]:
    each = -(-len(texts) // rows)
    return [texts[start : start + each] for start in range(0, len(texts), each)]


def _stacked(name: str, blocks: list[Block], spec: Element, size: float, align: Align) -> Piece:
    width = max(block.width for block in blocks)
    step = spec.leading * size
    marks = [
        TextMark(name, block, {"start": 0.0, "center": (width - block.width) / 2, "end": width - block.width}[align],
                 number * step, spec.role)
        for number, block in enumerate(blocks)
    ]  # fmt: skip
    return Piece(name, width, (len(blocks) - 1) * step + blocks[-1].height, size, tuple(marks))


def _points_in_list(
    texts: tuple[str, ...], spec: Element, size: float, room: float, align: Align, setter: Setter
) -> Piece | None:
    """One selling point a row, behind a short rule; or each in an outlined chip, as many a row as fit."""
    pieces = [_chip(text, spec, size, setter) if spec.show == "chips" else _item(text, spec, size, setter)
              for text in texts]  # fmt: skip
    rows: list[list[Piece]] = []
    gap = CHIP_GAP * size
    for piece in pieces:
        if piece.width > room:
            continue
        last = rows[-1] if rows and spec.show == "chips" else None
        if last and sum(each.width + gap for each in last) + piece.width <= room:
            last.append(piece)
        else:
            rows.append([piece])
    rows = rows[: spec.lines]
    if not rows:
        return None
    widths = [sum(piece.width for piece in row) + gap * (len(row) - 1) for row in rows]
    width, marks, y = max(widths), list[Mark](), 0.0
    for row, length in zip(rows, widths, strict=True):
        x = {"start": 0.0, "center": (width - length) / 2, "end": width - length}[align]
        for piece in row:
            marks += [moved(mark, x, y) for mark in piece.marks]
            x += piece.width + gap
        y += max(piece.height for piece in row) + LIST_GAP * size
    return Piece("points", width, y - LIST_GAP * size, size, tuple(marks))


def _item(text: str, spec: Element, size: float, setter: Setter) -> Piece:
    block = set_text(text, _type(text, spec, size, setter), room=1e6, most=1)
    assert block is not None  # noqa: S101
    bar, x = max(1.5, 0.14 * size), 0.62 * size
    rule = PlateMark("points", 0, 0.1 * size, bar, 0.82 * size, 0, "accent")
    return Piece("points", x + block.width, block.height, size, (rule, TextMark("points", block, x, 0, spec.role)))


def _chip(text: str, spec: Element, size: float, setter: Setter) -> Piece:
    block = set_text(text, _type(text, spec, size, setter), room=1e6, most=1)
    assert block is not None  # noqa: S101
    pad, tall = CHIP_PAD * size, block.height + 0.62 * size
    outline = PlateMark("points", 0, 0, block.width + 2 * pad, tall, tall / 2, spec.role, line=max(1.0, 0.07 * size))
    text_mark = TextMark("points", block, pad, 0.31 * size, spec.role)
    return Piece("points", block.width + 2 * pad, tall, size, (outline, text_mark))
