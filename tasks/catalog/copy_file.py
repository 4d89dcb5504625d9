"""A copy file: a CSV with a column for the SKU and columns of copy, which win over the catalogue's."""

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tasks.catalog.columns import field_of
from tasks.catalog.copy_columns import is_copy_column
from tasks.errors import ConfigurationError

_ELSEWHERE = ("sku", "price", "selling_points")  # columns that mean the same in a catalogue


class CopyFile(NamedTuple):
    """Cells by SKU, and the file's digest."""

    cells: Mapping[str, Mapping[str, str]]
    digest: str

    def over(self, sku: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """A product's facts with this file's copy on top."""
        own = self.cells.get(sku)
        if not own:
            return facts
        changed = {**facts, "copy_cells": {**facts.get("copy_cells", {}), **_kept(own, copy=True)}}
        if "copy" in own:
            changed["copy_text"] = own["copy"]
        return {**changed, **_kept(own, copy=False)}


def read_copy_file(path: Path) -> CopyFile:
    """The copy in a CSV (UTF-8 or GB18030). ConfigurationError: not readable, no SKU, a column that is no copy."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: the copy file cannot be read ({error.strerror}).") from error
    return parse_copy_file(data, str(path))


def parse_copy_file(data: bytes, where: str) -> CopyFile:
    """The same from a file's bytes; `where` is its name in errors."""
    reader = csv.DictReader(io.StringIO(_decoded(data, where), newline=""))
    header = [name.strip() for name in reader.fieldnames or ()]
    sku = next((name for name in header if field_of(name) == "sku"), None)
    if sku is None:
        raise ConfigurationError(f"{where}: no column for the SKU. Found: {', '.join(header) or 'nothing'}.")
    for name in header:
        if name and not is_copy_column(name) and field_of(name) not in _ELSEWHERE:
            raise ConfigurationError(
                f"{where}: column {name!r} is no copy. Expected sku and columns such as copy_headline, copy_subline_en."
            )
    reader.fieldnames = header
    rows = {
        str(row[sku]).strip(): {name: cell.strip() for name, cell in row.items() if name and cell and name != sku}
        for row in reader
    }
    return CopyFile(rows, hashlib.sha256(data).hexdigest())


def _decoded(data: bytes, where: str) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigurationError(f"{where}: is neither UTF-8 nor GB18030. Save it as CSV UTF-8.")


def _kept(cells: Mapping[str, str], *, copy: bool) -> dict[str, str]:
    """The cells of copy by their header, or those of the catalogue's own fields by their field."""
    if copy:
        return {name: value for name, value in cells.items() if is_copy_column(name) and name != "copy"}
    return {field: value for name, value in cells.items() if (field := field_of(name)) in ("price", "selling_points")}
