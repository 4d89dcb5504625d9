"""Parquet, in row batches by pyarrow."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.catalog.chunk import Chunk, empty, frame_of, no_rows
from tasks.catalog.source import TableSource, opened_seekable
from tasks.catalog.spreadsheet import cell_text
from tasks.errors import CatalogError


def read_parquet(source: TableSource, *, chunk_rows: int) -> Iterator[Chunk]:
    """Chunks of a Parquet table; a row's line is its number, the first being 1."""
    with opened_seekable(source) as stream:
        try:
            table = pq.ParquetFile(stream)
            header = tuple(name.strip() for name in table.schema_arrow.names)
            if not header:
                raise empty(source.name)
            if not table.metadata.num_rows:
                raise no_rows(source.name, header)
            first = 1
            for batch in table.iter_batches(batch_size=chunk_rows, use_threads=False):
                columns = [_texts(column) for column in batch.columns]
                rows = list(zip(*columns, strict=True))
                yield Chunk(header, frame_of(rows, width=len(header)), list(range(first, first + len(rows))), [])
                first += len(rows)
        except (pa.ArrowException, ValueError, OverflowError) as error:  # text that is none, times out of range
            raise CatalogError(f"{source.name}: not a readable Parquet file ({error}). Write it again.") from error


def _texts(column: pa.Array) -> list[str]:
    """A column's cells as text; plain text without gaps, the usual case, goes straight through."""
    if pa.types.is_string(column.type) and not column.null_count:
        texts: list[str] = column.to_pylist()
        return texts
    return [cell_text(value) for value in column.to_pylist()]
