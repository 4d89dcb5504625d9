"""XMP in AVIF: a metadata item described in `meta`, its bytes in an `mdat` at the end (ISO/IEC 14496-12, 8.11).

Only what encoders write is rewritten (libavif, libheif: one `meta` at the top, `iloc` of version 0 to 2 with absolute
offsets); anything else is refused. The coded picture is never touched.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tasks.errors import LabelError

LARGEST_PACKET = 2**20

_MIME = b"application/rdf+xml\x00"
_BRANDS = (b"avif", b"avis")


class _Box(NamedTuple):
    kind: bytes
    begin: int  # of the whole box
    body: int
    end: int


class _Item(NamedTuple):
    """One entry of `iloc`: where an item's bytes are. `head` is all of the entry before its extents."""

    id: int
    method: int  # 0: offsets count from the start of the file
    base: int
    extents: tuple[tuple[int, int], ...]


def is_avif(data: bytes) -> bool:
    """True where the file type box names AVIF."""
    size = int.from_bytes(data[:4], "big")
    brands = (data[8:12], *(data[at : at + 4] for at in range(16, min(size, 128), 4)))
    return any(brand in _BRANDS for brand in brands)


def insert(data: bytes, packet: bytes) -> bytes:
    """The same file with this packet as its XMP. A file that has XMP already is refused: encode it again without."""
    if len(packet) > LARGEST_PACKET:
        raise LabelError(f"labels take {len(packet)} bytes, at most {LARGEST_PACKET}. Shorten the brand's texts.")
    if find(data) is not None:
        raise LabelError("this AVIF has XMP already, and items cannot be replaced. Encode it again without.")
    try:
        return _rewritten(data, packet)
    except (struct.error, OverflowError) as error:
        raise LabelError(
            f"AVIF is damaged: a number in it does not fit its field ({error}). Write it again."
        ) from error


def _rewritten(data: bytes, packet: bytes) -> bytes:
    """The file with one more item: its entry, its reference to the picture, its place, its bytes."""
    meta = _only(_boxes(data, 0, len(data)), b"meta")
    inside = list(_boxes(data, meta.body + 4, meta.end))
    items = _items(data, _only(inside, b"iloc"))
    new = max(item.id for item in items) + 1
    primary = _primary(data, _only(inside, b"pitm"))
    described = _with_entry(data, _only(inside, b"iinf"), new)
    referred = _with_reference(data, next((box for box in inside if box.kind == b"iref"), None), new, primary)
    placed_size = len(_locations([*items, _Item(new, 0, 0, ((0, len(packet)),))]))
    grown = (
        len(described)
        + len(referred)
        + placed_size
        - sum(box.end - box.begin for box in inside if box.kind in (b"iinf", b"iref", b"iloc"))
    )
    where = len(data) + grown + 8
    moved = [_moved(item, grown) if item.method == 0 else item for item in items]
    placed = _locations([*moved, _Item(new, 0, 0, ((where, len(packet)),))])
    kept = [data[box.begin : box.end] for box in inside if box.kind not in (b"iinf", b"iref", b"iloc")]
    # hdlr comes first, as the standard asks; the order of the others is free
    body = data[meta.body : meta.body + 4] + b"".join([kept[0], placed, described, referred, *kept[1:]])
    return data[: meta.begin] + _box(b"meta", body) + data[meta.end :] + _box(b"mdat", packet)


def find(data: bytes) -> bytes | None:
    """The XMP packet, None where there is none."""
    meta = _only(_boxes(data, 0, len(data)), b"meta")
    inside = list(_boxes(data, meta.body + 4, meta.end))
    wanted = {
        number for number, kind, rest in _entries(data, _only(inside, b"iinf")) if kind == b"mime" and _MIME in rest
    }
    for item in _items(data, _only(inside, b"iloc")):
        if item.id in wanted and item.method == 0:
            return b"".join(_extent(data, item, extent) for extent in item.extents)
    return None


def picture_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """What decides the pixels: the coded items (colour, alpha, tiles) and their properties."""
    meta = _only(_boxes(data, 0, len(data)), b"meta")
    inside = list(_boxes(data, meta.body + 4, meta.end))
    metadata = {number for number, kind, _ in _entries(data, _only(inside, b"iinf")) if kind in (b"mime", b"Exif")}
    properties = _only(inside, b"iprp")
    yield data[properties.begin : properties.end]
    for item in _items(data, _only(inside, b"iloc")):
        if item.id not in metadata and item.method == 0:
            for extent in item.extents:
                yield _extent(data, item, extent)


def _extent(data: bytes, item: _Item, extent: tuple[int, int]) -> bytes:
    begin = item.base + extent[0]
    end = begin + extent[1] if extent[1] else len(data)
    if end > len(data):
        raise LabelError(f"AVIF of {len(data)} bytes breaks off before byte {end}. Write it again.")
    return data[begin:end]


def _boxes(data: bytes, begin: int, end: int) -> Iterator[_Box]:
    at = begin
    while at + 8 <= end:
        size, body = int.from_bytes(data[at : at + 4], "big"), at + 8
        if size == 1:
            size, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise LabelError(f"AVIF is damaged or breaks off in its box {data[at + 4 : at + 8]!r} at byte {at}.")
        yield _Box(data[at + 4 : at + 8], at, body, at + size)
        at += size


def _only(boxes: Iterator[_Box] | list[_Box], kind: bytes) -> _Box:
    found = [box for box in boxes if box.kind == kind]
    if len(found) != 1:
        raise LabelError(f"AVIF has {len(found)} boxes {kind!r} where one is expected; it cannot be labelled.")
    if found[0].end - found[0].body < 6:
        raise LabelError(f"AVIF is damaged: its box {kind!r} is empty. Write it again.")
    return found[0]


def _primary(data: bytes, box: _Box) -> int:
    width = 4 if data[box.body] else 2
    return int.from_bytes(data[box.body + 4 : box.body + 4 + width], "big")


def _entries(data: bytes, box: _Box) -> Iterator[tuple[int, bytes, bytes]]:
    """Item number, kind and the rest of each `infe` of version 2 or 3."""
    start = box.body + (8 if data[box.body] else 6)
    for entry in _boxes(data, start, box.end):
        if entry.end - entry.body < 8:
            continue
        version, at = data[entry.body], entry.body + 4
        width = 4 if version == 3 else 2
        yield (
            int.from_bytes(data[at : at + width], "big"),
            data[at + width + 2 : at + width + 6],
            data[at + width + 6 : entry.end],
        )


def _with_entry(data: bytes, box: _Box, number: int) -> bytes:
    """`iinf` with one more entry: a MIME item named XMP."""
    width = 4 if data[box.body] else 2
    count = int.from_bytes(data[box.body + 4 : box.body + 4 + width], "big") + 1
    entry = _box(b"infe", struct.pack(">BxxxHH4s", 2, number, 0, b"mime") + b"XMP\x00" + _MIME)
    head = data[box.body : box.body + 4] + count.to_bytes(width, "big")
    return _box(b"iinf", head + data[box.body + 4 + width : box.end] + entry)


def _with_reference(data: bytes, box: _Box | None, number: int, primary: int) -> bytes:
    """`iref` with one more entry: the item describes the primary picture."""
    if box is not None and data[box.body]:
        return _box(b"iref", data[box.body : box.end] + _box(b"cdsc", struct.pack(">IHI", number, 1, primary)))
    known = bytes(4) if box is None else data[box.body : box.end]
    return _box(b"iref", known + _box(b"cdsc", struct.pack(">HHH", number, 1, primary)))


def _items(data: bytes, box: _Box) -> list[_Item]:
    """The entries of `iloc`, versions 0 to 2."""
    version, at = data[box.body], box.body + 6
    offset_size, length_size = data[box.body + 4] >> 4, data[box.body + 4] & 15
    base_size, index_size = data[box.body + 5] >> 4, data[box.body + 5] & 15 if version else 0

    def take(width: int) -> int:
        nonlocal at
        if at + width > box.end:
            raise LabelError("AVIF is damaged: its item locations (iloc) end too early. Write it again.")
        at += width
        return int.from_bytes(data[at - width : at], "big")

    items = []
    for _ in range(take(4 if version == 2 else 2)):
        number, method = take(4 if version == 2 else 2), take(2) & 15 if version else 0
        take(2)  # data reference: 0, this file
        base, extents = take(base_size), []
        for _ in range(take(2)):
            take(index_size)
            extents.append((take(offset_size), take(length_size)))
        items.append(_Item(number, method, base, tuple(extents)))
    if not items:
        raise LabelError("AVIF holds no items; it cannot be labelled.")
    return items


def _moved(item: _Item, by: int) -> _Item:
    """The same item so many bytes later; offsets become absolute."""
    return item._replace(base=0, extents=tuple((item.base + at + by, length) for at, length in item.extents))


def _locations(items: list[_Item]) -> bytes:
    """`iloc` with four-byte offsets and lengths: version 0 as encoders write it, version 1 where methods are needed.

    Some readers, those of C2PA among them, know version 0 only.
    """
    extents = {item.id: b"".join(struct.pack(">II", *extent) for extent in item.extents) for item in items}
    if all(item.method == 0 and item.base == 0 for item in items):
        entries = b"".join(struct.pack(">HHH", item.id, 0, len(item.extents)) + extents[item.id] for item in items)
        return _box(b"iloc", struct.pack(">BxxxBBH", 0, 0x44, 0, len(items)) + entries)
    entries = b"".join(
        struct.pack(">HHHIH", item.id, item.method, 0, item.base, len(item.extents)) + extents[item.id]
        for item in items
    )
    return _box(b"iloc", struct.pack(">BxxxBBH", 1, 0x44, 0x40, len(items)) + entries)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body
