"""Excel workbooks (.xlsx): the first visible sheet, streamed by openpyxl."""

import datetime as dt
import math
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.chunk import Chunk, empty, frame_of, no_rows
from tasks.catalog.source import TableSource, opened_seekable
from tasks.errors import CatalogError

# openpyxl holds the shared strings in memory, whatever the sheet's size
MAX_STRINGS_BYTES = 512 << 20
# SyntaxError: what both XML parsers raise; RuntimeError: a packing that zipfile does not know, or a password
_BROKEN = (
    zipfile.BadZipFile, InvalidFileException, SyntaxError, RuntimeError, KeyError, ValueError, TypeError,
    AttributeError, IndexError, EOFError,
)  # fmt: skip


def read_xlsx(source: TableSource, *, chunk_rows: int) -> Iterator[Chunk]:
    """Chunks of the first visible sheet; a formula counts as the value that Excel stored for it."""
    header: tuple[str, ...] = ()
    rows: list[list[str]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    found = False
    for line, cells in _rows(source):
        if not header:
            header = tuple(_without_blank_end(cells))
            continue
        if any(cell.strip() for cell in cells[len(header) :]):
            bad.append(_too_wide(line, cells, width=len(header)))
        else:
            rows.append((cells + [""] * len(header))[: len(header)])
            lines.append(line)
        if len(rows) + len(bad) >= chunk_rows:
            found = True
            yield Chunk(header, frame_of(rows, width=len(header)), lines, bad)
            rows, lines, bad = [], [], []
    if rows or bad:
        yield Chunk(header, frame_of(rows, width=len(header)), lines, bad)
    elif not header:
        raise empty(source.name)
    elif not found:
        raise no_rows(source.name, header)


def _too_wide(line: int, cells: list[str], *, width: int) -> BadRow:
    surplus = " ".join(cell for cell in cells[width:] if cell.strip())
    return BadRow(line, f"#{width + 1}", surplus, "too many cells: text beyond the last header (表头之外还有内容)")


def _rows(source: TableSource) -> Iterator[tuple[int, list[str]]]:
    """Sheet row and cells of every row that is not blank."""
    with opened_seekable(source) as stream:
        try:
            with zipfile.ZipFile(stream) as packed:
                _check_size(source.name, packed)
            stream.seek(0)
            with warnings.catch_warnings():
                # openpyxl warns of styles and validations that it drops; neither matters to a reader of values
                warnings.simplefilter("ignore", UserWarning)
                workbook = load_workbook(stream, read_only=True, data_only=True)
            visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
            if not visible:
                raise empty(source.name)
            visible[0].reset_dimensions()  # some exporters write a wrong size, and rows beyond it would be lost
            for line, values in enumerate(visible[0].iter_rows(values_only=True), start=1):
                cells = [cell_text(value) for value in values]
                if any(cells):
                    yield line, cells
        except _BROKEN as error:
            raise CatalogError(
                f"{source.name}: not a readable .xlsx workbook ({type(error).__name__}: {error}). "
                "Save it again from the spreadsheet as .xlsx or CSV UTF-8."
            ) from error


def _check_size(name: str, packed: zipfile.ZipFile) -> None:
    for part in packed.infolist():
        if part.filename.casefold().endswith("sharedstrings.xml") and part.file_size > MAX_STRINGS_BYTES:
            raise CatalogError(
                f"{name}: the workbook's texts unpack to {part.file_size:,} bytes, over the {MAX_STRINGS_BYTES:,} "
                "that are read. Save it as CSV UTF-8."
            )


def _without_blank_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return [cell.strip() for cell in cells]


def cell_text(value: Any) -> str:  # noqa: PLR0911 a table of cases
    """A cell of a typed table as a person reads it: 12.0 is "12", midnight is a date."""
    match value:
        case None:
            return ""
        case str():
            return value
        case float() if math.isnan(value):
            return ""
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case list() | tuple():
            return "\n".join(cell_text(part) for part in value)
        case bytes():
            return value.decode("utf-8", errors="replace")
        case _:
            return str(value)
