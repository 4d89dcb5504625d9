"""Reading a table in chunks, whatever its format: every cell text, every row with its real line number."""

from collections.abc import Iterator

from tasks.catalog.chunk import Chunk
from tasks.catalog.delimited import read_delimited
from tasks.catalog.source import TableSource

CHUNK_ROWS = 20_000


def read_chunks(source: TableSource, *, chunk_rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The table in chunks of at most `chunk_rows` rows; memory does not grow with the table.

    CatalogError where the table as a whole cannot be read: empty, header only, of no known encoding, broken.
    """
    match source.suffix:
        case ".xlsx":
            from tasks.catalog.spreadsheet import read_xlsx  # openpyxl: 10 MB that a CSV does without

            return read_xlsx(source, chunk_rows=chunk_rows)
        case ".parquet":
            from tasks.catalog.parquet import read_parquet

            return read_parquet(source, chunk_rows=chunk_rows)
        case _:
            return read_delimited(source, chunk_rows=chunk_rows)
