"""A store in a bucket of any S3-compatible service; the only place, with its client, that knows boto3."""

import base64
import binascii
import hashlib
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

from tasks.errors import StorageUnavailable
from tasks.storage.base import StoredObject
from tasks.storage.keys import check_key, check_prefix
from tasks.storage.local import explained_path
from tasks.storage.s3_client import S3Access, explained, is_absent, read_body, read_whole, shared_client

CHUNK_BYTES = 1 << 20
NO_CHECKSUMS = frozenset({"NotImplemented", "InvalidRequest", "InvalidArgument", "XNotImplemented"})


class Digest(NamedTuple):
    """What is known of an object's bytes before they are sent."""

    sha256: bytes
    md5: bytes
    bytes: int

    @classmethod
    def of(cls, source: BinaryIO) -> "Digest":
        """Read a file from where it stands to its end."""
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        while chunk := source.read(CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
        return cls(sha256.digest(), md5.digest(), size)


class S3Store:
    """Objects are keys under a prefix of a bucket.

    A put counts once the bytes are known to have arrived: by the service's own SHA-256, else by an ETag that is the
    MD5 of the bytes, else by reading the object back.
    """

    def __init__(self, bucket: str, prefix: str = "", *, access: S3Access | None = None) -> None:
        self.bucket, self.prefix = bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.uri = f"s3://{bucket}/{self.prefix}".rstrip("/")
        self._access = access or S3Access()
        self._client = shared_client(self._access)
        self._sends_checksums = True

    def __repr__(self) -> str:
        return f"S3Store({self.uri!r})"

    def put(self, key: str, data: bytes, *, content_type: str) -> StoredObject:
        return self._put(key, io.BytesIO(data), content_type=content_type)

    def put_file(self, key: str, path: Path, *, content_type: str) -> StoredObject:
        check_key(key)
        with explained_path(path), path.open("rb") as source:
            return self._put(key, source, content_type=content_type)

    def _put(self, key: str, source: BinaryIO, *, content_type: str) -> StoredObject:
        digest = Digest.of(source)
        source.seek(0)
        with self._explained(key):
            self._send(self._name(key), source, digest=digest, content_type=content_type)
            self._verify(key, digest)
        return StoredObject(key, digest.sha256.hex(), digest.bytes)

    def get(self, key: str) -> bytes:
        name = self._name(key)
        with self._explained(key):
            return self._read(name)

    def exists(self, key: str) -> bool:
        name = self._name(key)
        with self._explained(key):
            return self._head(name) is not None

    def head(self, key: str) -> StoredObject | None:
        name = self._name(key)
        with self._explained(key):
            found = self._head(name)
            if found is None:
                return None
            sha256 = _service_sha256(found) or found.get("Metadata", {}).get("sha256")
            if not sha256:  # written by another tool, on a service that keeps no SHA-256
                sha256 = self._digest(name).sha256.hex()
            return StoredObject(key, sha256, int(found["ContentLength"]))

    def keys(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
        with self._explained(prefix):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self.prefix)

    def delete(self, key: str) -> None:
        name = self._name(key)
        with self._explained(key):
            self._client.delete_object(Bucket=self.bucket, Key=name)

    def _send(self, name: str, source: BinaryIO, *, digest: Digest, content_type: str) -> None:
        request: dict[str, Any] = {
            "Bucket": self.bucket,
            "Key": name,
            "Body": source,
            "ContentType": content_type,
            "Metadata": {"sha256": digest.sha256.hex()},
            **self._access.put_options(),
        }
        if self._sends_checksums:
            try:
                self._client.put_object(**request, ChecksumSHA256=base64.b64encode(digest.sha256).decode())
                return
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in NO_CHECKSUMS:
                    raise
            source.seek(0)
        self._client.put_object(**request)
        self._sends_checksums = False  # it took the object only without: do not ask it again

    def _verify(self, key: str, digest: Digest) -> None:
        name = self._name(key)
        found = self._head(name)
        if found is None:
            raise StorageUnavailable(f"{self.uri}/{key}: the store took the object and does not have it. Put it again.")
        if found["ContentLength"] == digest.bytes and self._arrived(found, name, digest):
            return
        raise StorageUnavailable(
            f"{self.uri}/{key}: {found['ContentLength']} other bytes came back instead of the {digest.bytes} written. "
            "Another writer or a faulty proxy changed them; put it again."
        )

    def _arrived(self, found: dict[str, Any], name: str, digest: Digest) -> bool:
        kept = _service_sha256(found)
        if kept:
            return kept == digest.sha256.hex()
        if found["ETag"].strip('"') == digest.md5.hex():
            return True
        return self._digest(name) == digest

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.head_object(Bucket=self.bucket, Key=name, ChecksumMode="ENABLED")
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return found

    def _read(self, name: str) -> bytes:
        return read_whole(self._client, attempts=self._access.attempts, Bucket=self.bucket, Key=name)

    def _digest(self, name: str) -> Digest:
        return read_body(self._client, Digest.of, attempts=self._access.attempts, Bucket=self.bucket, Key=name)

    def _name(self, key: str) -> str:
        return self.prefix + check_key(key)

    def _explained(self, key: str) -> AbstractContextManager[None]:
        return explained(f"{self.uri}/{key}", self._access)


def _service_sha256(found: dict[str, Any]) -> str:
    """The whole object's SHA-256 as the service keeps it; a multipart object has a checksum of checksums instead."""
    text = found.get("ChecksumSHA256", "")
    try:
        return base64.b64decode(text, validate=True).hex() if "-" not in text else ""
    except binascii.Error:
        return ""
