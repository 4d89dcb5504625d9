"""Rows that could not be used, and the bad_rows.csv that tells people so."""

import csv
from collections.abc import Iterable
from typing import NamedTuple, TextIO

HEADER = ("line", "column", "value", "reason")
LONGEST_CELL = 200  # characters of a cell shown; a person looks the rest up by its line

# A spreadsheet runs a cell that begins with one of these (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM = "\ufeff"


class BadRow(NamedTuple):
    """One row left out: 1-based line (or sheet row), the first column at fault, what stood there, and why."""

    line: int
    column: str
    value: str
    reason: str


def write_bad_rows(rows: Iterable[BadRow], stream: TextIO) -> int:
    """Write bad_rows.csv and return the number of rows; open `stream` with encoding="utf-8" and newline="".

    The byte order mark comes from here, because Excel takes a CSV file without one for the local code page.
    """
    stream.write(BOM)
    writer = csv.writer(stream)
    writer.writerow(HEADER)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        writer.writerow((row.line, safe_cell(row.column), safe_cell(row.value), safe_cell(row.reason)))
    return count


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, at most LONGEST_CELL characters and the mark long."""
    shown = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    shown = shown.replace("\0", "\\0")
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown
