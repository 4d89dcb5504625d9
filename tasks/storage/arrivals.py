"""Objects with what tells one version from the next: for inboxes that are watched and stores that are swept."""

import errno
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Unpack

from tasks.errors import StorageError
from tasks.storage.keys import PART, check_key
from tasks.storage.local import explained_path
from tasks.storage.open import AccessOptions, is_s3, local_path, parse_s3


class Arrival(NamedTuple):
    """One version of one object. `etag` changes with its bytes; `modified` is in seconds since 1970."""

    key: str
    etag: str
    bytes: int
    modified: float


class Arrivals(Protocol):
    """Listing, looking at and moving objects under an address. Errors are those of the stores."""

    uri: str

    def listed(self, prefix: str, *, deep: bool = False) -> Iterator[Arrival]:
        """Objects right under a prefix that ends with a slash; `deep`: all under it."""
        ...

    def look(self, key: str) -> Arrival | None:
        """The object as it is now, or None where there is none."""
        ...

    def move(self, arrival: Arrival, key: str) -> bool:
        """Put that very version under another key; False where it was rewritten since, or is gone."""
        ...


def open_arrivals(uri: str, **access: Unpack[AccessOptions]) -> Arrivals:
    """What arrives under a folder or an `s3://bucket/prefix`."""
    if is_s3(uri):
        from tasks.storage.s3_client import S3Access

        bucket, prefix = parse_s3(uri)
        return S3Arrivals(bucket, prefix, access=S3Access(**access))
    return FolderArrivals(Path(local_path(uri)))


class FolderArrivals:
    """Files under a folder; the ETag is the MD5 of the bytes, as S3 has it for a plain upload."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.uri = str(self.folder)

    def listed(self, prefix: str, *, deep: bool = False) -> Iterator[Arrival]:
        folder = self.folder / check_key(prefix.rstrip("/"))
        with explained_path(folder):
            names = sorted(folder.rglob("*") if deep else folder.iterdir()) if folder.is_dir() else []
        for path in names:
            found = self.look(path.relative_to(self.folder).as_posix()) if not path.name.startswith(PART) else None
            if found:
                yield found

    def look(self, key: str) -> Arrival | None:
        path = self.folder / check_key(key)
        with explained_path(path), suppress(FileNotFoundError, NotADirectoryError):
            if path.is_file() and not path.is_symlink():
                status = path.stat()
                with path.open("rb") as file:
                    etag = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
                return Arrival(key, etag, status.st_size, status.st_mtime)
        return None

    def move(self, arrival: Arrival, key: str) -> bool:
        found = self.look(arrival.key)
        if found is None or found.etag != arrival.etag:
            return False
        target = self.folder / check_key(key)
        with explained_path(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                (self.folder / arrival.key).replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.move(self.folder / arrival.key, target)
        return True


class S3Arrivals:
    """Objects under a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, *, access: Any) -> None:
        from tasks.storage.s3_client import shared_client

        self.bucket, self.prefix = bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.uri = f"s3://{bucket}/{self.prefix}".rstrip("/")
        self._access = access
        self._client = shared_client(access)

    def listed(self, prefix: str, *, deep: bool = False) -> Iterator[Arrival]:
        request = {"Bucket": self.bucket, "Prefix": self.prefix + prefix}
        if not deep:
            request["Delimiter"] = "/"
        with self._explained(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(**request):
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self.prefix)
                    yield Arrival(key, _bare(entry["ETag"]), int(entry["Size"]), entry["LastModified"].timestamp())

    def look(self, key: str) -> Arrival | None:
        from botocore.exceptions import ClientError

        from tasks.storage.s3_client import is_absent

        with self._explained(key):
            try:
                found = self._client.head_object(Bucket=self.bucket, Key=self.prefix + check_key(key))
            except ClientError as error:
                if is_absent(error):
                    return None
                raise
        return Arrival(key, _bare(found["ETag"]), int(found["ContentLength"]), found["LastModified"].timestamp())

    def move(self, arrival: Arrival, key: str) -> bool:
        """Copying and deleting both name the version: what is written in between stays where it is."""
        source = {"Bucket": self.bucket, "Key": self.prefix + arrival.key}
        copy = {"CopySource": source, "CopySourceIfMatch": arrival.etag, **self._access.put_options()}
        if "Tagging" in copy:
            copy["TaggingDirective"] = "REPLACE"
        try:
            with self._explained(arrival.key):
                self._client.copy_object(Bucket=self.bucket, Key=self.prefix + check_key(key), **copy)
                if self.look(arrival.key) != arrival:
                    return False  # services that know no conditional deletion ignore the condition
                self._client.delete_object(**source, IfMatch=f'"{arrival.etag}"')
        except StorageError:
            found = self.look(arrival.key)
            if found is None or found.etag != arrival.etag:
                return False
            raise
        return True

    def _explained(self, key: str) -> Any:
        from tasks.storage.s3_client import explained

        return explained(f"{self.uri}/{key}", self._access)


def _bare(etag: str) -> str:
    return etag.strip('"')
