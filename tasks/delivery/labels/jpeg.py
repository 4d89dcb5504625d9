"""XMP in JPEG: an APP1 segment of its own (XMP part 3, 1.1.3). The coded picture is never touched."""

from collections.abc import Iterator
from typing import NamedTuple

from tasks.errors import LabelError

SIGNATURE = b"\xff\xd8\xff"
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"
LARGEST_PACKET = 65533 - len(XMP_HEAD)  # a segment's length is two bytes that count themselves

_APP0, _APP1, _APP2, _APP14, _COMMENT, _SCAN = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}


class _Segment(NamedTuple):
    marker: int
    begin: int
    end: int


def insert(data: bytes, packet: bytes) -> bytes:
    """The same file with this packet as its only XMP, behind JFIF, EXIF and comments."""
    if len(packet) > LARGEST_PACKET:
        raise LabelError(
            f"labels take {len(packet)} bytes, a JPEG holds {LARGEST_PACKET}. Shorten creator and rights of the brand."
        )
    segments = list(_segments(data))
    before = next(n for n, segment in enumerate(segments) if segment.marker not in (_APP0, _APP1, _COMMENT))
    kept = [segment for segment in segments if not _is_xmp(data, segment)]
    at = segments[before].begin
    head = b"".join(data[segment.begin : segment.end] for segment in kept if segment.begin < at)
    tail = b"".join(data[segment.begin : segment.end] for segment in kept if segment.begin >= at)
    body = XMP_HEAD + packet
    return data[:2] + head + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + tail


def find(data: bytes) -> bytes | None:
    """The XMP packet, None where there is none."""
    for segment in _segments(data):
        if _is_xmp(data, segment):
            return data[segment.begin + 4 + len(XMP_HEAD) : segment.end]
    return None


def picture_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """What decides the pixels: tables, frames, scans, colour profile and colour transform; no other metadata."""
    view = memoryview(data)
    for segment in _segments(data):
        metadata = _APP0 <= segment.marker < _APP0 + 16 or segment.marker == _COMMENT
        if not metadata or segment.marker in (_APP2, _APP14):
            yield view[segment.begin : segment.end]


def _is_xmp(data: bytes, segment: _Segment) -> bool:
    return segment.marker == _APP1 and data.startswith(XMP_HEAD, segment.begin + 4)


def _segments(data: bytes) -> Iterator[_Segment]:
    """Every segment before the first scan, then the scan with all that follows it as one."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise LabelError(f"JPEG is damaged: byte {at} is {data[at]:#04x}, expected a marker. Write it again.")
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes are allowed before any marker
            at += 1
            continue
        if marker in _ALONE:
            yield _Segment(marker, at, at + 2)
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = len(data) if marker == _SCAN else at + 2 + length
        if length < 2 or end > len(data):
            break
        yield _Segment(marker, at, end)
        if marker == _SCAN:
            return
        at = end
    raise LabelError(f"JPEG of {len(data)} bytes breaks off before its picture. Write it again.")
