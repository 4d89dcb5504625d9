"""Where a table's bytes come from: a local file, or whatever a caller can open twice."""

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from tasks.errors import CatalogError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".xlsx", ".parquet")


class TableSource(NamedTuple):
    """A table by name (its ending says the format) and a way to open it; `open` may be called more than once."""

    name: str
    open: Callable[[], BinaryIO]

    @property
    def suffix(self) -> str:
        """One of SUFFIXES; CatalogError for any other ending."""
        name = self.name.casefold()
        for suffix in sorted(SUFFIXES, key=len, reverse=True):
            if name.endswith(suffix):
                return suffix
        raise CatalogError(
            f"{self.name}: this kind of file is not read as a catalogue. "
            f"Expected one of {' '.join(SUFFIXES)}; save it from the spreadsheet as CSV UTF-8 or .xlsx."
        )


def local_source(path: Path | str) -> TableSource:
    """A table in a local file; CatalogError where there is no such file."""
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise CatalogError(f"{path}: found {found}, expected a catalogue file ({' '.join(SUFFIXES)}).")
    return TableSource(str(path), lambda: path.open("rb"))


@contextmanager
def opened(source: TableSource) -> Iterator[BinaryIO]:
    """The table's bytes, unpacked if gzipped; what goes wrong on the way is a CatalogError."""
    try:
        with source.open() as stream:
            if source.suffix.endswith(".gz"):
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CatalogError(f"{source.name}: the gzip file is broken or cut off ({error}). Pack it again.") from error
    except OSError as error:
        raise CatalogError(f"{source.name}: cannot be read ({error.strerror or error}).") from error


@contextmanager
def opened_seekable(source: TableSource) -> Iterator[BinaryIO]:
    """As `opened`, and the stream can seek: one that cannot is spooled to a temporary file."""
    with opened(source) as stream:
        if stream.seekable():
            yield stream
            return
        with tempfile.TemporaryFile() as spool:
            shutil.copyfileobj(stream, spool)
            spool.seek(0)
            yield cast(BinaryIO, spool)
