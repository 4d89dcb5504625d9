"""XMP in WebP: a chunk "XMP " at the end and its flag in VP8X (RFC 9649, 2.7). The coded picture is never touched."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tasks.errors import LabelError
from tasks.shapes import Size

LARGEST_PACKET = 2**20

_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_PICTURE = {b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}


class _Chunk(NamedTuple):
    kind: bytes
    begin: int  # of its body
    end: int


def insert(data: bytes, packet: bytes) -> bytes:
    """The same file with this packet as its only XMP; a file without VP8X gets one."""
    if len(packet) > LARGEST_PACKET:
        raise LabelError(f"labels take {len(packet)} bytes, at most {LARGEST_PACKET}. Shorten the brand's texts.")
    chunks = list(_chunks(data))
    body = b"".join(_rewritten(data, chunk) for chunk in chunks if chunk.kind != b"XMP ")
    if chunks[0].kind != b"VP8X":
        body = _extended_header(data, chunks[0]) + body
    body += _chunk(b"XMP ", packet)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def find(data: bytes) -> bytes | None:
    """The XMP packet, None where there is none."""
    return next((data[chunk.begin : chunk.end] for chunk in _chunks(data) if chunk.kind == b"XMP "), None)


def picture_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """What decides the pixels: the coded frames, alpha and colour profile."""
    view = memoryview(data)
    for chunk in _chunks(data):
        if chunk.kind in _PICTURE:
            yield chunk.kind
            yield view[chunk.begin : chunk.end]


def _rewritten(data: bytes, chunk: _Chunk) -> bytes:
    body = data[chunk.begin : chunk.end]
    if chunk.kind == b"VP8X":
        body = bytes([body[0] | _XMP_FLAG]) + body[1:]
    return _chunk(chunk.kind, body)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _extended_header(data: bytes, chunk: _Chunk) -> bytes:
    """A VP8X chunk for a simple file: flags, and width and height less one in three bytes each."""
    size, alpha = _simple_size(data[chunk.begin : chunk.begin + 10], chunk.kind)
    flags = _XMP_FLAG | (_ALPHA_FLAG if alpha else 0)
    sides = (size.width - 1).to_bytes(3, "little") + (size.height - 1).to_bytes(3, "little")
    return _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def _simple_size(head: bytes, kind: bytes) -> tuple[Size, bool]:
    """Size and transparency out of the first bytes of a coded frame (RFC 6386, 9.1; RFC 9649, 3.4)."""
    if kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 6)
        return Size(width & 0x3FFF, height & 0x3FFF), False
    if kind == b"VP8L" and head[:1] == b"\x2f" and len(head) >= 5:
        bits = int.from_bytes(head[1:5], "little")
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1)
    raise LabelError(f"WebP begins with a chunk {kind!r} that is no picture. Write it again.")


def _chunks(data: bytes) -> Iterator[_Chunk]:
    size = int.from_bytes(data[4:8], "little") + 8
    at = 12
    if size > len(data) or size < 20:
        raise LabelError(f"WebP of {len(data)} bytes says it has {size}. It broke off: write it again.")
    while at + 8 <= size:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        chunk = _Chunk(data[at : at + 4], at + 8, at + 8 + length)
        if chunk.end > size or (chunk.kind == b"VP8X" and length < 10):
            raise LabelError(f"WebP is damaged in its chunk {chunk.kind!r} at byte {at}. Write it again.")
        yield chunk
        at = chunk.end + length % 2
