"""A piece of a table, the same for every format."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from tasks.catalog.bad_rows import BadRow
from tasks.errors import CatalogError


class Chunk(NamedTuple):
    """Some rows of a table.

    `frame` has a column of Python strings for each name in `header`, by position; `lines` the 1-based line (or sheet
    row) each row starts on; `bad` the rows that had no place in the frame.
    """

    header: tuple[str, ...]
    frame: pd.DataFrame
    lines: list[int]
    bad: list[BadRow]


def frame_of(rows: Sequence[Sequence[str]], *, width: int) -> pd.DataFrame:
    """Rows of text as a frame of Python strings with columns 0..width-1."""
    return pd.DataFrame(rows, columns=range(width), dtype=object)


def no_rows(name: str, header: tuple[str, ...]) -> CatalogError:
    """The error for a table that has a header and nothing under it."""
    return CatalogError(f"{name}: no rows under the header ({', '.join(header)}). Expected one row per product.")


def empty(name: str) -> CatalogError:
    """The error for a table that has nothing in it."""
    return CatalogError(
        f"{name}: the table is empty. Expected a header row (sku, title, image, ...) and rows under it."
    )
