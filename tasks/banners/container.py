"""The outer shell of picture files: inserting a profile, text and neutral padding without touching a pixel.

JPEG: ISO/IEC 10918-1 annex B (segments), ICC.1:2010 annex B.4 (APP2). PNG: third edition, 5 (chunks) and 11.3.
WebP: RFC 9649, 2.7 (an unknown chunk at the end is skipped by readers).
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from tasks.errors import CompositionError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AFTER_IHDR = len(PNG_SIGNATURE) + 25
_LARGEST_SEGMENT = 65533  # two bytes of the 65535 are the length itself
SMALLEST_PADDING = 16  # at least one empty segment or chunk of every format


class Chunk(NamedTuple):
    """One PNG chunk."""

    kind: bytes
    data: bytes


def jpeg_with_profile(data: bytes, profile: bytes) -> bytes:
    """The same JPEG with an ICC profile in APP2, behind the JFIF segment."""
    at = 2
    if data[2:4] == b"\xff\xe0":
        at = 4 + int.from_bytes(data[4:6], "big")
    return data[:at] + _segment(0xE2, b"ICC_PROFILE\x00\x01\x01" + profile) + data[at:]


def jpeg_profile(data: bytes) -> bytes | None:
    """The ICC profile of a JPEG, None where it has none or is cut before its picture."""
    head, found, at = b"ICC_PROFILE\x00", [], 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xE2 and data.startswith(head, at + 4):
            found.append((data[at + 4 + len(head)], data[at + 6 + len(head) : end]))
        at = end
    return b"".join(part for _, part in sorted(found)) or None


def pad_jpeg(data: bytes, count: int) -> bytes:
    """The same JPEG, `count` bytes larger: comment segments of spaces right after the start marker."""
    comments = b""
    while count > 0:
        body = min(count - 4, _LARGEST_SEGMENT)
        # A comment takes four bytes at least: leave that much for the last one.
        if 0 < count - 4 - body < 4:
            body -= 4
        comments += _segment(0xFE, b" " * body)
        count -= body + 4
    return data[:2] + comments + data[2:]


def png_with_chunks(data: bytes, *chunks: Chunk) -> bytes:
    """The same PNG with more chunks right behind its header."""
    return data[:_AFTER_IHDR] + b"".join(_png_chunk(chunk) for chunk in chunks) + data[_AFTER_IHDR:]


def profile_chunk(profile: bytes) -> Chunk:
    return Chunk(b"iCCP", b"sRGB\x00\x00" + zlib.compress(profile, 9))


def text_chunk(keyword: str, text: str) -> Chunk:
    """An uncompressed iTXt chunk: UTF-8 under a Latin keyword."""
    return Chunk(b"iTXt", keyword.encode("latin-1") + b"\x00\x00\x00\x00\x00" + text.encode())


def pad_png(data: bytes, count: int) -> bytes:
    """The same PNG, `count` bytes larger (12 or more): a comment of spaces."""
    return png_with_chunks(data, Chunk(b"tEXt", (b"Comment\x00" + b" " * count)[: count - 12]))


def pad_webp(data: bytes, count: int) -> bytes:
    """The same WebP, `count` bytes larger (8 or more, even): an unknown chunk at the end."""
    count += count % 2
    padding = b"PADD" + struct.pack("<I", count - 8) + bytes(count - 8)
    return data[:4] + struct.pack("<I", len(data) - 8 + count) + data[8:] + padding


def pad_avif(data: bytes, count: int) -> bytes:
    """The same AVIF, `count` bytes larger (8 or more): a box of free space at the end (ISO/IEC 14496-12, 8.1.2)."""
    return data + struct.pack(">I4s", count, b"free") + bytes(count - 8)


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG in order, picture data not unpacked. Raises CompositionError for a broken or cut file."""
    if not data.startswith(PNG_SIGNATURE):
        raise CompositionError(f"not a PNG: begins with {data[:8]!r}, expected {PNG_SIGNATURE!r}.")
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if data[at + 8 + length : at + 12 + length] != _checksum(kind, body):
            raise CompositionError(f"PNG is damaged or breaks off in its chunk {kind!r} at byte {at}. Write it again.")
        at += 12 + length
        yield Chunk(kind, body)
        if kind == b"IEND":
            return
    raise CompositionError(f"PNG of {len(data)} bytes breaks off before its end chunk (IEND). Write it again.")


def read_text(data: bytes, keyword: str) -> str | None:
    """The uncompressed iTXt text under `keyword` in a PNG, None where there is none."""
    head = keyword.encode("latin-1") + b"\x00"
    for chunk in png_chunks(data):
        if chunk.kind == b"iTXt" and chunk.data.startswith(head + b"\x00"):
            _language, _translated, text = chunk.data[len(head) + 2 :].split(b"\x00", 2)
            return text.decode()
    return None


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _png_chunk(chunk: Chunk) -> bytes:
    return struct.pack(">I", len(chunk.data)) + chunk.kind + chunk.data + _checksum(chunk.kind, chunk.data)


def _checksum(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
