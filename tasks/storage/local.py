"""A store in a local folder: every write lands whole, verified, or not at all."""

import errno
import hashlib
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from tasks.errors import StorageError, StorageUnavailable
from tasks.storage.base import StoredObject
from tasks.storage.keys import PART, check_key, check_prefix

CHUNK_BYTES = 1 << 20
ABANDONED_SECONDS = 3600.0  # no write takes an hour; a part older than this belongs to a writer that was killed

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.EBUSY})
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStore:
    """Objects are files under a folder, which is made at the first write.

    A case-insensitive file system folds keys that differ in case only; our keys end in a job's digest, so no object
    overwrites another there, but folders of SKUs such as `A1` and `a1` become one.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.uri = str(self.folder)

    def __repr__(self) -> str:
        return f"LocalStore({self.uri!r})"

    def put(self, key: str, data: bytes, *, content_type: str) -> StoredObject:
        return self._put(key, io.BytesIO(data))

    def put_file(self, key: str, path: Path, *, content_type: str) -> StoredObject:
        self._path(key)
        with explained_path(path), path.open("rb") as source:
            return self._put(key, source)

    def _put(self, key: str, source: BinaryIO) -> StoredObject:
        path = self._path(key)
        with _explained(key, self.folder):
            part, digest, size = _write_part(path.parent, source)
            try:
                _verify(part, digest, key=key)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            _sync_folder(path.parent)
            _remove_abandoned(path.parent)
        return StoredObject(key, digest, size)

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with _explained(key, self.folder):
            try:
                return path.read_bytes()
            except ABSENT:
                raise StorageError(f"no object {key!r} in {self.uri}. `keys()` lists what there is.") from None

    def exists(self, key: str) -> bool:
        path = self._path(key)
        with _explained(key, self.folder):
            return path.is_file()

    def head(self, key: str) -> StoredObject | None:
        path = self._path(key)
        with _explained(key, self.folder):
            try:
                digest, size = _digest_path(path)
            except ABSENT:
                return None
        return StoredObject(key, digest, size)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys in sorted order within each folder; writes in progress and their leftovers are not keys."""
        check_prefix(prefix)
        start, _, begins = prefix.rpartition("/")
        with _explained(prefix, self.folder):
            yield from _walk(self.folder / start, f"{start}/" if start else "", begins)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _explained(key, self.folder), suppress(*ABSENT):
            path.unlink()

    def sweep(self, *, older_than_seconds: float = ABANDONED_SECONDS) -> int:
        """Remove what killed writers left anywhere in the store; returns how many leftovers went."""
        with _explained("", self.folder):
            folders = [Path(path) for path, _, _ in os.walk(self.folder)]
            return sum(_remove_abandoned(folder, older_than_seconds=older_than_seconds) for folder in folders)

    def _path(self, key: str) -> Path:
        return self.folder / check_key(key)


def _write_part(folder: Path, source: BinaryIO) -> tuple[Path, str, int]:
    """Write and flush to a new file beside the target: a rename within one folder is atomic."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{PART}{uuid4().hex}"
    try:
        with part.open("xb") as file:
            digest, size = _digest(source, copy=file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part, digest, size


def _verify(part: Path, expected: str, *, key: str) -> None:
    found, _ = _digest_path(part)
    if found != expected:
        raise StorageUnavailable(
            f"{key}: read back {found[:12]} after writing {expected[:12]}. The disk or the file system is failing."
        )


def _digest(source: BinaryIO, *, copy: BinaryIO | None = None) -> tuple[str, int]:
    """SHA-256 and number of bytes of a file, copied on the way where asked for."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if copy:
            copy.write(chunk)
    return digest.hexdigest(), size


def _digest_path(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return _digest(file)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; folders cannot be opened on Windows, where this is not needed."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(folder: Path, *, older_than_seconds: float = ABANDONED_SECONDS) -> int:
    limit, removed = time.time() - older_than_seconds, 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(PART):
                with suppress(FileNotFoundError):  # its writer finished, or somebody else swept
                    if entry.stat().st_mtime <= limit:
                        Path(entry.path).unlink()
                        removed += 1
    return removed


def _walk(folder: Path, above: str, begins: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry.name, entry.is_dir()) for entry in found)
    except ABSENT:
        return
    for name, is_folder in entries:
        if not name.startswith(begins) or name.startswith(PART):
            continue
        if is_folder:
            yield from _walk(folder / name, f"{above}{name}/", "")
        else:
            yield f"{above}{name}"


@contextmanager
def _explained(key: str, folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into the store's errors, with the way out."""
    try:
        yield
    except OSError as error:
        raise _as_storage_error(error, key=key, folder=folder) from error


@contextmanager
def explained_path(path: Path) -> Iterator[None]:
    """The same for one file outside any store."""
    with _explained(path.name, path.parent):
        yield


def _as_storage_error(error: OSError, *, key: str, folder: Path) -> StorageError:
    where, what = f"{key or 'the store'} in {folder}", os.strerror(error.errno) if error.errno else str(error)
    if error.errno in FULL:
        return StorageError(f"{where}: {what}. Nothing half-written was left; free some space and run again.")
    if error.errno in REFUSED:
        return StorageError(f"{where}: {what}. Give this user access to the folder, or choose another.")
    if error.errno in PASSING:
        return StorageUnavailable(f"{where}: {what}. Another try may help.")
    return StorageError(f"{where}: {what}.")
