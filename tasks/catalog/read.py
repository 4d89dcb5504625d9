"""Reading a catalogue: products out of a table, bad rows to whoever wants them."""

from collections import Counter
from collections.abc import Callable, Iterator

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.columns import map_columns
from tasks.catalog.images import ImageResolver
from tasks.catalog.product import Product
from tasks.catalog.rows import RowReader
from tasks.catalog.source import TableSource
from tasks.catalog.tables import CHUNK_ROWS, read_chunks
from tasks.errors import CatalogError


def read_products(
    source: TableSource,
    *,
    images: ImageResolver,
    on_bad: Callable[[BadRow], None],
    limit: int | None = None,
) -> Iterator[Product]:
    """The usable rows of a catalogue in order, at most `limit`; every other row goes to `on_bad` once.

    CatalogError where the table as a whole cannot be used, or where no row of it can.
    """
    for batch in read_product_batches(source, images=images, on_bad=on_bad, limit=limit):
        yield from batch


def read_product_batches(
    source: TableSource,
    *,
    images: ImageResolver,
    on_bad: Callable[[BadRow], None],
    limit: int | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[list[Product]]:
    """As `read_products`, by batches of at most `chunk_rows`."""
    reader: RowReader | None = None
    count = 0
    if limit is not None:
        chunk_rows = min(chunk_rows, max(limit, 64))  # a short look at a long catalogue checks few images
    for chunk in read_chunks(source, chunk_rows=chunk_rows):
        reader = reader or RowReader(map_columns(chunk.header, source=source.name), images=images)
        products, bad = reader.read(chunk)
        if limit is not None and count + len(products) >= limit:
            products = products[: limit - count]
            bad = [row for row in bad if row.line < products[-1].line]
        for row in bad:
            on_bad(row)
        count += len(products)
        if products:
            yield products
        if limit is not None and count >= limit:
            return
    if reader and not count:
        raise _all_bad(source.name, reader.kinds)


def _all_bad(name: str, kinds: Counter[str]) -> CatalogError:
    if not kinds:
        return CatalogError(f"{name}: every row under the header is blank. Expected one row per product.")
    commonest = "; ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common(5))
    return CatalogError(
        f"{name}: none of the {kinds.total():,} rows can be used. Commonest reasons: {commonest}. "
        "Look into bad_rows.csv for the lines."
    )
