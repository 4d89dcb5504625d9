"""A store that refuses when told to: what full disks, lost rights and cut lines look like from above."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.errors import StorageError
from tasks.storage.base import ObjectStore, StoredObject


def never(key: str) -> None:
    """A fault that does not come."""


class FaultyStore:
    """Another store, with a fault before every write: a callable that gets the key and may raise."""

    def __init__(self, store: ObjectStore, fault: Callable[[str], None] = never) -> None:
        self.store, self.fault, self.uri = store, fault, store.uri

    def __repr__(self) -> str:
        return f"FaultyStore({self.store!r})"

    def put(self, key: str, data: bytes, *, content_type: str) -> StoredObject:
        self.fault(key)
        return self.store.put(key, data, content_type=content_type)

    def put_file(self, key: str, path: Path, *, content_type: str) -> StoredObject:
        self.fault(key)
        return self.store.put_file(key, path, content_type=content_type)

    def get(self, key: str) -> bytes:
        return self.store.get(key)

    def exists(self, key: str) -> bool:
        return self.store.exists(key)

    def head(self, key: str) -> StoredObject | None:
        return self.store.head(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return self.store.keys(prefix)

    def delete(self, key: str) -> None:
        self.store.delete(key)


class NthPut:
    """Raises at the n-th write of a key that begins so, and at every later one: an outage does not pass by itself."""

    def __init__(self, prefix: str, nth: int, error: StorageError) -> None:
        self._prefix, self._left, self._error = prefix, nth, error

    def __call__(self, key: str) -> None:
        if key.startswith(self._prefix):
            self._left -= 1
            if self._left <= 0:
                raise self._error
