"""Cutting delimited text into records, with the physical line each one starts on.

The quoting is that of RFC 4180, quotes inside an unquoted cell (27" monitor) being plain characters. Regular blocks are
cut by numpy on the bytes; a block with a quote in an odd place is cut by the csv module, which is exact and slower, and
rewritten so that what leaves here is always regular.
"""

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.catalog.bad_rows import BadRow
from tasks.errors import CatalogError

LONGEST_RECORD = 1 << 20  # bytes; past it a quote was opened and never closed
_NEWLINE, _QUOTE = ord("\n"), ord('"')

Integers = NDArray[np.int64]


class Records(NamedTuple):
    """Regular records of one width, as UTF-8 bytes, and the 1-based line each starts on; the misfits beside them."""

    data: bytes
    lines: list[int]
    bad: list[BadRow]


class _Cut(NamedTuple):
    """Complete records in a block: byte bounds, fields counted, newlines before each; and where the rest starts."""

    starts: Integers
    ends: Integers
    fields: Integers
    newlines_before: Integers
    rest: int
    newlines_before_rest: int


class RecordCutter:
    """Feed it blocks of UTF-8 text with newline line ends; it gives back complete records.

    `width` is the number of columns. A record with more cells is a misfit, unless the surplus is empty; one with fewer
    is left for the parser to fill up. CatalogError for a quote that is never closed.
    """

    def __init__(self, *, name: str, delimiter: str, width: int, line: int = 1) -> None:
        self.name, self.delimiter, self.width = name, delimiter, width
        self._line = line  # of the first byte of _rest
        self._rest = b""

    def feed(self, block: bytes) -> Records:
        data = self._rest + block
        last = data.rfind(b"\n") + 1
        cut = cut_regular(data[:last], delimiter=self.delimiter)
        if cut is None:
            return self._feed_irregular(data, last)
        records = self._collect(data, cut)
        self._keep(data[cut.rest :], newlines=cut.newlines_before_rest)
        return records

    def finish(self) -> Records:
        """The last record, which may lack its newline."""
        line = self._line
        records = self.feed(b"\n") if self._rest else Records(b"", [], [])
        if self._rest:
            raise self._unclosed(line)
        return records

    def _keep(self, rest: bytes, *, newlines: int) -> None:
        self._rest, self._line = rest, self._line + newlines
        if len(rest) > LONGEST_RECORD:
            raise self._unclosed(self._line)

    def _unclosed(self, line: int) -> CatalogError:
        return CatalogError(
            f'{self.name}: line {line:,}: a quote (") is opened in this row and never closed. '
            "Close it, or double it if it is part of the text."
        )

    def _collect(self, data: bytes, cut: _Cut) -> Records:
        """Records that fit as they stand; the others are parsed one by one."""
        fits = (cut.fields <= self.width) & (cut.ends > cut.starts)
        lines = (cut.newlines_before + self._line)[fits].tolist()
        if fits.all():
            return Records(data[: cut.rest], lines, [])
        pieces = [data[a : b + 1] for a, b in zip(cut.starts[fits].tolist(), cut.ends[fits].tolist(), strict=True)]
        bad: list[BadRow] = []
        for index in np.flatnonzero(~fits & (cut.ends > cut.starts)).tolist():
            line = int(cut.newlines_before[index]) + self._line
            text = data[cut.starts[index] : cut.ends[index]].decode()
            cells = next(csv.reader(io.StringIO(text, newline="\n"), delimiter=self.delimiter))
            piece = self._fit(cells, line=line, bad=bad)
            if piece:
                at = int(np.searchsorted(lines, line))
                lines.insert(at, line)
                pieces.insert(at, piece)
        return Records(b"".join(pieces), lines, bad)

    def _fit(self, cells: list[str], *, line: int, bad: list[BadRow]) -> bytes:
        """The record rewritten regularly, or nothing and an entry in `bad`."""
        surplus = cells[self.width :]
        if any(cell.strip() for cell in surplus):
            bad.append(
                BadRow(
                    line,
                    f"#{self.width + 1}",
                    self.delimiter.join(surplus),
                    f"too many cells: found {len(cells)}, the header has {self.width}; put quotes around a cell that "
                    "contains the separator (列数多于表头，含分隔符的单元格请加引号)",
                )
            )
            return b""
        out = io.StringIO()
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n").writerow(cells[: self.width])
        return out.getvalue().encode()

    def _feed_irregular(self, data: bytes, last: int) -> Records:
        pieces, lines, bad = [], [], []
        rest, newlines = last, 0
        for record in _parse(data[:last].decode(), delimiter=self.delimiter):
            line = self._line + record.newlines_before
            if record.unfinished:
                rest, newlines = record.start, record.newlines_before
                break
            newlines = record.newlines_after
            if record.error:
                bad.append(BadRow(line, "", record.text.strip(), record.error))
            elif record.cells:
                piece = self._fit(record.cells, line=line, bad=bad)
                if piece:
                    pieces.append(piece)
                    lines.append(line)
        self._keep(data[rest:], newlines=newlines)
        return Records(b"".join(pieces), lines, bad)


def cut_regular(data: bytes, *, delimiter: str) -> _Cut | None:
    """Bounds of the complete records in data (which starts with a record), None where a quote is in an odd place."""
    codes = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(codes == _NEWLINE)
    delimiters = np.flatnonzero(codes == ord(delimiter))
    quotes = np.flatnonzero(codes == _QUOTE)
    ends = newlines
    if quotes.size:
        if not _quotes_are_regular(codes, quotes, delimiter=ord(delimiter)):
            return None
        # an even number of quotes before a character: it stands outside quotes
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    starts = np.concatenate(([0], ends[:-1] + 1)) if ends.size else ends
    rest = int(ends[-1]) + 1 if ends.size else 0
    return _Cut(
        starts=starts,
        ends=ends,
        fields=np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1,
        newlines_before=np.searchsorted(newlines, starts),
        rest=rest,
        newlines_before_rest=int(np.searchsorted(newlines, rest)),
    )


def _quotes_are_regular(codes: NDArray[np.uint8], quotes: Integers, *, delimiter: int) -> bool:
    """Every opening quote follows a separator, every closing one precedes one; a doubled quote closes and opens."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = codes[np.maximum(opening - 1, 0)]
    fine_before = (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE) | (opening == 0)
    after = codes[closing + 1]
    fine_after = (after == delimiter) | (after == _NEWLINE) | (after == _QUOTE)
    return bool(fine_before.all() and fine_after.all())


class _Parsed(NamedTuple):
    cells: list[str]
    start: int  # byte offset
    newlines_before: int
    newlines_after: int
    unfinished: bool = False
    error: str = ""
    text: str = ""


def _parse(text: str, *, delimiter: str) -> Iterator[_Parsed]:
    """Records by the csv module; the last may be unfinished, a broken one carries its error."""
    taken: list[str] = []
    ended = False

    def physical_lines() -> Iterator[str]:
        nonlocal ended
        for line in io.StringIO(text, newline="\n"):
            taken.append(line)
            yield line
        ended = True

    reader = csv.reader(physical_lines(), delimiter=delimiter, strict=True)
    start = lines = 0
    while True:
        taken.clear()
        error, cells = "", []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            error = _explain(str(problem))
        raw = "".join(taken)
        yield _Parsed(cells, start, lines, lines + len(taken), unfinished=ended, error=error, text=raw)
        if ended:
            return
        start, lines = start + len(raw.encode()), lines + len(taken)


def _explain(problem: str) -> str:
    if "field larger" in problem:
        return "a cell of over 131,072 characters: a quote was opened here and never closed (引号未闭合)"
    return (
        "a quoted cell goes on after its closing quote; double the quotes that belong to the text "
        "(引号后还有内容，文本中的引号请写成两个)"
    )
