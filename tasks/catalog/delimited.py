"""CSV and TSV, gzipped or not, in UTF-8 or GB18030, read by pandas in chunks."""

import codecs
import csv
import io
from collections.abc import Iterator

import pandas as pd

from tasks.catalog.chunk import Chunk, empty, no_rows
from tasks.catalog.encoding import detect_encoding
from tasks.catalog.records import LONGEST_RECORD, RecordCutter, Records, cut_regular
from tasks.catalog.source import TableSource, opened
from tasks.errors import CatalogError

BLOCK_BYTES = 1 << 19
SEPARATORS = (",", "\t", ";")


def read_delimited(source: TableSource, *, chunk_rows: int) -> Iterator[Chunk]:
    """Chunks of a delimited text; the separator is the one that the header uses most."""
    blocks = _blocks(source, encoding=detect_encoding(source))
    head, rest, line = _head(source, blocks)
    separator = _separator(head, usual="\t" if ".tsv" in source.suffix else ",")
    header = tuple(cell.strip() for cell in next(csv.reader(io.StringIO(head), delimiter=separator)))
    cutter = RecordCutter(name=source.name, delimiter=separator, width=len(header), line=line)
    found = False
    for records in _records(cutter, rest, blocks):
        for chunk in _chunks(source.name, records, header=header, separator=separator, chunk_rows=chunk_rows):
            found = True
            yield chunk
    if not found:
        raise no_rows(source.name, header)


def _blocks(source: TableSource, *, encoding: str) -> Iterator[bytes]:
    """The text as UTF-8 with newline line ends, about BLOCK_BYTES at a time."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    with opened(source) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()


def _head(source: TableSource, blocks: Iterator[bytes]) -> tuple[str, bytes, int]:
    """The header record, the text after it in its block, and the line that this text starts on."""
    data = b""
    for block in blocks:
        data += block
        body = data.lstrip(b"\n \t")
        # a separator that cannot occur, as the real one is not known yet
        cut = cut_regular(body[: body.rfind(b"\n") + 1], delimiter="\x1f") if b"\n" in body else None
        end = int(cut.ends[0]) if cut and cut.ends.size else body.find(b"\n")
        if end >= 0:
            return body[:end].decode(), body[end + 1 :], data.count(b"\n", 0, len(data) - len(body) + end + 1) + 1
        if len(body) > LONGEST_RECORD:
            raise CatalogError(f"{source.name}: no line end in the first {len(body):,} bytes; expected a CSV header.")
    if not data.strip():
        raise empty(source.name)
    return data.strip().decode(), b"", 1


def _separator(head: str, *, usual: str) -> str:
    return max(SEPARATORS, key=lambda separator: (head.count(separator), separator == usual))


def _records(cutter: RecordCutter, rest: bytes, blocks: Iterator[bytes]) -> Iterator[Records]:
    yield cutter.feed(rest)
    for block in blocks:
        yield cutter.feed(block)
    yield cutter.finish()


def _chunks(
    name: str, records: Records, *, header: tuple[str, ...], separator: str, chunk_rows: int
) -> Iterator[Chunk]:
    if not records.lines:
        if records.bad:
            yield Chunk(header, pd.DataFrame(columns=range(len(header)), dtype=object), [], records.bad)
        return
    parsed = pd.read_csv(
        io.BytesIO(records.data),
        sep=separator,
        header=None,
        names=range(len(header)),
        index_col=False,
        # Python strings at once: Arrow-backed ones take three times as long to get out again
        dtype=object,
        keep_default_na=False,
        na_filter=False,
        skip_blank_lines=False,
        encoding="utf-8",
        chunksize=chunk_rows,
    )
    start, bad = 0, records.bad
    with parsed:
        for frame in parsed:
            lines = records.lines[start : start + len(frame)]
            if len(lines) != len(frame):
                break
            start += len(frame)
            below = [row for row in bad if row.line <= lines[-1] or start == len(records.lines)]
            bad = bad[len(below) :]
            yield Chunk(header, frame, lines, below)
    if start != len(records.lines):
        raise CatalogError(
            f"{name}: between lines {records.lines[0]:,} and {records.lines[-1]:,}: pandas and the line counter "
            f"disagree about the rows ({start} and {len(records.lines)}). Please report this file."
        )
