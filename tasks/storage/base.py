"""What a store is. Every store passes the contract suite in tests/storage."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """An object as the store reports it after writing: it was read back, not assumed."""

    key: str
    sha256: str
    bytes: int


class ObjectStore(Protocol):
    """Keys are relative, slash-separated, percent-safe; writes are atomic and idempotent.

    Errors: StorageUnavailable where another try may help (no answer, cut transfer, 5xx, slow-down),
    StorageError where it will not (refused, no such key, disk full, bad key).
    """

    uri: str

    def put(self, key: str, data: bytes, *, content_type: str) -> StoredObject:
        """Write and verify by checksum. Putting the same bytes again is harmless."""
        ...

    def put_file(self, key: str, path: Path, *, content_type: str) -> StoredObject:
        """The same for what is too large for memory: a manifest of a million jobs."""
        ...

    def get(self, key: str) -> bytes: ...

    def exists(self, key: str) -> bool: ...

    def head(self, key: str) -> StoredObject | None:
        """Size and SHA-256 as stored, or None where there is no such object."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]: ...

    def delete(self, key: str) -> None:
        """Gone afterwards, whether it was there or not."""
        ...
