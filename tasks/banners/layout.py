"""Where copy goes: zones beside the product, copy fitted into them by steps of size and by priority. No pixels."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tasks.banners.layouts import Align, Element, Layout, Place, Side, Variant
from tasks.banners.marks import Mark, moved
from tasks.banners.pieces import Piece, Setter, Setting, make_piece, texts_of
from tasks.banners.typography.setting import ASCENT, DESCENT
from tasks.banners.wording import ESSENTIAL, Copy
from tasks.shapes import Box, Size

# Steps of size; being smaller is weighed against leaving something out, ...
STEPS = (1.0, 0.9, 0.8, 0.72, 0.64)
SIZE_WORTH = 4.5
# ... and the headline alone shrinks further before the placement is refused.
LAST_STEPS = (0.56, 0.48, 0.4, 0.34, 0.28)
# What an element is worth when arrangements are compared.
WORTH = {
    "headline": 4.0, "price": 1.6, "subline": 1.2, "cta": 1.0, "points": 0.8, "logo": 1.1, "badge": 0.4,
    "upper": 2.0, "lower": 2.0, "scroll": 0.5,
}  # fmt: skip
CLEAR, LEAST_CLEAR = 0.03, 8  # of the shorter side, and px, at least, between copy and product

Rows = tuple[tuple[str, ...], ...]


class Zone(NamedTuple):
    """Free room beside the product, and what of the frame it belongs to (for a scrim)."""

    side: Side
    box: Box
    field: Box


class Set(NamedTuple):
    """Copy in its place: marks on the canvas and the box that they take."""

    place: Place
    zone: Zone
    box: Box
    marks: tuple[Mark, ...]


class Arranged(NamedTuple):
    """All places of one arrangement, what had to be left out, and the step of size that fitted."""

    sets: tuple[Set, ...]
    left_out: tuple[str, ...]
    step: float
    worth: float

    @property
    def marks(self) -> Iterator[Mark]:
        for each in self.sets:
            yield from each.marks


def product_room(variant: Variant, frame: Size, safe: Box) -> Box:
    """Where a variant wants the product."""
    insets = variant.product
    return Box(
        max(safe.left, round(insets.left * frame.width)),
        max(safe.top, round(insets.top * frame.height)),
        min(safe.right, frame.width - round(insets.right * frame.width)),
        min(safe.bottom, frame.height - round(insets.bottom * frame.height)),
    )


def find_zone(place: Place, frame: Size, product: Box, safe: Box, margin: int) -> Zone:
    """The free rectangle on one side of the product, inside the safe area less a margin."""
    gap = max(round(0.7 * margin), round(CLEAR * min(frame)), LEAST_CLEAR)
    left, top, right, bottom = safe.left + margin, safe.top + margin, safe.right - margin, safe.bottom - margin
    deep_x, deep_y = round(place.depth * frame.width), round(place.depth * frame.height)
    if place.side == "left":
        box, field = Box(left, top, min(product.left - gap, deep_x), bottom), Box(0, 0, product.left, frame.height)
    elif place.side == "right":
        box = Box(max(product.right + gap, frame.width - deep_x), top, right, bottom)
        field = Box(product.right, 0, frame.width, frame.height)
    elif place.side == "top":
        box, field = Box(left, top, right, min(product.top - gap, deep_y)), Box(0, 0, frame.width, product.top)
    else:
        box = Box(left, max(product.bottom + gap, frame.height - deep_y), right, bottom)
        field = Box(0, product.bottom, frame.width, frame.height)
    return Zone(place.side, box, field)


class Order(NamedTuple):
    """What is to be arranged: whose copy, set with what, in which frame."""

    copy: Copy
    setter: Setter
    frame: Size


def arrange(layout: Layout, variant: Variant, zones: tuple[Zone, ...], order: Order) -> Arranged | None:
    """The copy in these zones: all of it if it fits, else without what matters least; None if not even the headline."""
    wanted = [name for name in _named(variant) if texts_of(name, order.copy, order.setter)]
    if not ESSENTIAL & set(wanted) or any(zone.box.is_empty for zone in zones):
        return None
    spare = [name for name in layout.drop if name in wanted and name not in ESSENTIAL and name not in layout.keep]
    others = {name for each in layout.variants for name in _named(each)} - set(wanted)
    unnamed = [name for name in layout.drop if name in others and texts_of(name, order.copy, order.setter)]
    best: Arranged | None = None
    for count in range(len(spare) + 1):
        kept = frozenset(wanted) - frozenset(spare[:count])
        worth = math.fsum(WORTH[name] for name in kept)  # the same in whatever order a set is walked
        if best and worth + SIZE_WORTH <= best.worth:
            break  # what leaves out more cannot be better any more
        columns = [_columns(place, kept) for place in variant.places]
        for step in (*STEPS, *(LAST_STEPS if count == len(spare) and not best else ())):
            if best and worth + SIZE_WORTH * step <= best.worth:
                break
            sets = _fit(layout, variant, zones, order, _Cut(columns, step))
            if sets is not None:
                found = Arranged(sets, (*spare[:count], *unnamed), step, worth + SIZE_WORTH * step)
                best = found if best is None or found.worth > best.worth else best
                break
    return best


class _Cut(NamedTuple):
    """The columns of what is kept, place by place, and the step of size."""

    columns: list[list[Rows]]
    step: float


def _named(variant: Variant) -> Iterator[str]:
    for place in variant.places:
        for column in place.columns:
            for row in column:
                yield from row


def _fit(layout: Layout, variant: Variant, zones: tuple[Zone, ...], order: Order, cut: _Cut) -> tuple[Set, ...] | None:
    sets = []
    for place, zone, columns in zip(variant.places, zones, cut.columns, strict=True):
        if columns:
            fitted = _fit_place(layout, place, zone, order, columns, step=cut.step)
            if fitted is None:
                return None
            sets.append(fitted)
    return tuple(sets)


def _columns(place: Place, kept: frozenset[str]) -> list[Rows]:
    """A place's columns of rows, without what is left out and what is empty then."""
    columns = (tuple(tuple(name for name in row if name in kept) for row in column) for column in place.columns)
    return [column for column in (tuple(row for row in column if row) for column in columns) if column]


class _Column(NamedTuple):
    rows: tuple[tuple[Piece, ...], ...]
    above: tuple[float, ...]  # air before each row, in px
    width: float
    height: float


def _fit_place(
    layout: Layout, place: Place, zone: Zone, order: Order, columns: list[Rows], *, step: float
) -> Set | None:
    gap = place.gap * min(order.frame)
    room = zone.box.width - gap * (len(columns) - 1)
    made: list[_Column | None] = [None] * len(columns)
    # the first column takes what the others leave
    for at in (*range(1, len(columns)), 0):
        area = _Area(layout.elements, room, zone.box.height, place.align)
        column = _column(columns[at], area, order, step=step)
        if column is None:
            return None
        made[at] = column
        room -= column.width
    return _position(place, zone, [column for column in made if column], gap)


class _Area(NamedTuple):
    elements: dict[str, Element]
    width: float
    height: float
    align: Align


def _column(rows: Rows, area: _Area, order: Order, *, step: float) -> _Column | None:
    if _least_height(rows, area, order, step) > area.height:
        return None
    made: list[tuple[Piece, ...]] = []
    above: list[float] = []
    for row in rows:
        pieces = _row(row, area, order, step=step)
        if pieces is None:
            return None
        air = area.elements[row[0]].above * max(piece.size for piece in pieces)
        above.append(air if made else 0.0)
        made.append(pieces)
    total = sum(above) + sum(max(piece.height for piece in row) for row in made)
    if total > area.height:
        return None
    return _Column(tuple(made), tuple(above), max(map(_row_width, made)), total)


def _least_height(rows: Rows, area: _Area, order: Order, step: float) -> float:
    """What the rows take at least, with one line each: most of what does not fit is known before it is set."""
    sizes = [max(_size(area.elements[name], order, step) for name in row) for row in rows]
    air = sum(area.elements[row[0]].above * size for row, size in zip(rows[1:], sizes[1:], strict=True))
    return air + (ASCENT + DESCENT) * sum(sizes)


def _size(spec: Element, order: Order, step: float) -> float:
    """In px, by quarters."""
    return round(4 * min(max(spec.size * min(order.frame) * step, spec.least), spec.most)) / 4


def _row(names: tuple[str, ...], area: _Area, order: Order, *, step: float) -> tuple[Piece, ...] | None:
    pieces: list[Piece] = []
    left = area.width
    for name in names:
        spec = area.elements[name]
        size = _size(spec, order, step)
        room = area.height if spec.vertical else left
        piece = make_piece(name, order.copy, Setting(spec, size, room, area.align, order.setter))
        if piece is None or piece.width > left:
            return None
        pieces.append(piece)
        left -= piece.width + _between(piece)
    return tuple(pieces)


def _between(piece: Piece) -> float:
    return 0.55 * piece.size


def _row_width(row: tuple[Piece, ...]) -> float:
    return sum(piece.width + _between(piece) for piece in row) - _between(row[-1])


_SHARE = {"start": 0.0, "center": 0.5, "end": 1.0}


def _position(place: Place, zone: Zone, columns: list[_Column], gap: float) -> Set:
    box = zone.box
    total = sum(column.width for column in columns) + gap * (len(columns) - 1)
    stretched = len(columns) > 1
    pen = float(box.left) if stretched else box.left + _SHARE[place.align] * (box.width - total)
    marks: list[Mark] = []
    edges: list[Box] = []
    for number, column in enumerate(columns):
        if stretched and number:  # all but the first are pushed to the far end
            pen = box.right - sum(each.width for each in columns[number:]) - gap * (len(columns) - number - 1)
        tall = max(each.height for each in columns)
        top = box.top + _SHARE[place.valign] * (box.height - tall) + (tall - column.height) / 2
        marks += _rows(column, pen, top, place.align)
        edges.append(Box(int(pen), int(top), round(pen + column.width) + 1, round(top + column.height) + 1))
        pen += column.width + gap
    return Set(place, zone, _around(edges), tuple(marks))


def _rows(column: _Column, left: float, top: float, align: Align) -> Iterator[Mark]:
    y = top
    for row, above in zip(column.rows, column.above, strict=True):
        y += above
        tall = max(piece.height for piece in row)
        x = left + _SHARE[align] * (column.width - _row_width(row))
        for piece in row:
            lift = 0.0 if piece.vertical else (tall - piece.height) / 2
            yield from (moved(mark, x, y + lift) for mark in piece.marks)
            x += piece.width + _between(piece)
        y += tall


def _around(boxes: Iterable[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))
