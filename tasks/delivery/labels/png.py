"""XMP in PNG: an uncompressed iTXt chunk "XML:com.adobe.xmp" (XMP part 3, 1.1.5). The picture is never touched."""

import struct
import zlib
from collections.abc import Iterator

from tasks.banners.container import PNG_SIGNATURE, png_with_chunks, text_chunk
from tasks.errors import LabelError

SIGNATURE = PNG_SIGNATURE
KEYWORD = "XML:com.adobe.xmp"
LARGEST_PACKET = 2**20

_HEAD = KEYWORD.encode() + b"\x00"
# What decides the pixels a viewer shows, animations included.
_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"acTL", b"fcTL", b"fdAT"}


def insert(data: bytes, packet: bytes) -> bytes:
    """The same file with this packet as its only XMP, right behind the header."""
    if len(packet) > LARGEST_PACKET:
        raise LabelError(f"labels take {len(packet)} bytes, at most {LARGEST_PACKET}. Shorten the brand's texts.")
    chunks = list(_chunks(data))
    if any(_is_xmp(data, *chunk) for chunk in chunks):
        kept = [data[begin - 8 : end + 4] for kind, begin, end in chunks if not _is_xmp(data, kind, begin, end)]
        data = PNG_SIGNATURE + b"".join(kept)
    return png_with_chunks(data, text_chunk(KEYWORD, packet.decode()))


def find(data: bytes) -> bytes | None:
    """The XMP packet, None where there is none; a compressed one is unpacked."""
    for kind, begin, end in _chunks(data):
        if _is_xmp(data, kind, begin, end):
            return _packet(data[begin + len(_HEAD) : end])
    return None


def picture_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """What decides the pixels: header, palette, transparency, colour space and picture data."""
    view = memoryview(data)
    for kind, begin, end in _chunks(data):
        if kind in _PICTURE:
            yield view[begin - 4 : end]


def _is_xmp(data: bytes, kind: bytes, begin: int, end: int) -> bool:
    return kind == b"iTXt" and data.startswith(_HEAD, begin, end)


def _packet(body: bytes) -> bytes:
    """Behind the keyword: compression flag and method, language and translated keyword (each with a NUL), text."""
    try:
        _language, _translated, text = body[2:].split(b"\x00", 2)
        if not body[0]:
            return text
        opened = zlib.decompressobj()
        return opened.decompress(text, LARGEST_PACKET) + opened.unconsumed_tail[:1]
    except (ValueError, IndexError, zlib.error) as error:
        raise LabelError(f"the XMP chunk of this PNG is damaged ({error}). Label the file again.") from error


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of each chunk's body. Only text is compared with its checksum: pixels have the digest."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, begin, end = data[at + 4 : at + 8], at + 8, at + 8 + length
        if end + 4 > len(data):
            break
        if kind == b"iTXt" and zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise LabelError(f"PNG is damaged in its text at byte {at}. Write it again.")
        yield kind, begin, end
        if kind == b"IEND":
            return
        at = end + 4
    raise LabelError(f"PNG of {len(data)} bytes breaks off before its end chunk (IEND). Write it again.")
