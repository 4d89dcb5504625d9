"""Which encoding a text table is in, told from its bytes alone."""

import codecs
from typing import NamedTuple

from tasks.catalog.source import TableSource, opened
from tasks.errors import CatalogError

BLOCK_BYTES = 1 << 20

# GB18030 text passes for UTF-8 only by accident, two or three characters long; this many in a row are no accident.
_ENOUGH_UTF8 = 16

_FOREIGN = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a zip file (an .xlsx by the wrong name?)",
    b"\xd0\xcf\x11\xe0": "an old .xls workbook",
    b"\x1f\x8b": "a gzip file (a .csv.gz by the wrong name?)",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
}


class _Failure(NamedTuple):
    offset: int
    line: int
    byte: int
    wide_before: int  # characters beyond ASCII that did decode


def detect_encoding(source: TableSource) -> str:
    """ "utf-8-sig" or "gb18030", whichever fits every byte; memory is one block.

    UTF-8 wins where both fit. CatalogError names the byte and line where neither does, or where a byte is NUL.
    """
    with opened(source) as stream:
        head = stream.read(4)
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise CatalogError(f"{source.name}: found {kind}, expected CSV text in UTF-8 or GB18030. Save it as such.")
    utf8 = _try(source, "utf-8-sig")
    if utf8 is None:
        return "utf-8-sig"
    if head.startswith(codecs.BOM_UTF8) or utf8.wide_before >= _ENOUGH_UTF8:
        raise CatalogError(f"{source.name}: UTF-8 text with a damaged byte, {_place(utf8)}. Export the file again.")
    gb18030 = _try(source, "gb18030")
    if gb18030 is None:
        return "gb18030"
    raise CatalogError(
        f"{source.name}: neither UTF-8 (fails at {_place(utf8)}) nor GB18030 (fails at {_place(gb18030)}). "
        "Save the file as CSV UTF-8."
    )


def _place(failure: _Failure) -> str:
    return f"byte 0x{failure.byte:02x} at offset {failure.offset:,}, line {failure.line:,}"


def _try(source: TableSource, encoding: str) -> _Failure | None:
    """Where strict decoding first fails, None if it never does."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read, lines, wide = 0, 1, 0
    with opened(source) as stream:
        while True:
            block = stream.read(BLOCK_BYTES)
            if b"\0" in block:
                at = block.index(b"\0")
                line = lines + block.count(b"\n", 0, at)
                raise CatalogError(
                    f"{source.name}: a NUL byte at offset {read + at:,}, line {line:,}: not a text table, or a damaged "
                    "one. Export the file again as CSV UTF-8."
                )
            read += len(block)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                good = error.object[: error.start]
                start = read - len(error.object)
                return _Failure(
                    offset=start + error.start,
                    line=lines + good.count(b"\n"),
                    byte=error.object[error.start],
                    wide_before=wide + _wide(good.decode(encoding, errors="ignore")),
                )
            if not block:
                return None
            lines += block.count(b"\n")
            if wide < _ENOUGH_UTF8 and not text.isascii():
                wide += _wide(text)


def _wide(text: str) -> int:
    """Characters beyond ASCII."""
    return len(text) - len(text.encode("ascii", errors="ignore"))
