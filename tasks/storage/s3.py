"""A store in a bucket of any S3-compatible service; the only place, with its client, that knows boto3."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import ClientError

from tasks.errors import StorageUnavailable
from tasks.storage.base import StoredObject
from tasks.storage.keys import check_key, check_prefix
from tasks.storage.s3_client import S3Access, explained, is_absent, read_whole, shared_client

NO_CHECKSUMS = frozenset({"NotImplemented", "InvalidRequest", "InvalidArgument", "XNotImplemented"})


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
        digest = hashlib.sha256(data)
        with self._explained(key):
            self._send(self._name(key), data, digest=digest.digest(), content_type=content_type)
            self._verify(key, data, sha256=digest.hexdigest())
        return StoredObject(key, digest.hexdigest(), len(data))

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
                sha256 = hashlib.sha256(self._read(name)).hexdigest()
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

    def _send(self, name: str, data: bytes, *, digest: bytes, content_type: str) -> None:
        request: dict[str, Any] = {
            "Bucket": self.bucket,
            "Key": name,
            "Body": data,
            "ContentType": content_type,
            "Metadata": {"sha256": digest.hex()},
        }
        if self._sends_checksums:
            try:
                self._client.put_object(**request, ChecksumSHA256=base64.b64encode(digest).decode())
                return
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in NO_CHECKSUMS:
                    raise
        self._client.put_object(**request)
        self._sends_checksums = False  # it took the object only without: do not ask it again

    def _verify(self, key: str, data: bytes, *, sha256: str) -> None:
        name = self._name(key)
        found = self._head(name)
        if found is None:
            raise StorageUnavailable(f"{self.uri}/{key}: the store took the object and does not have it. Put it again.")
        if found["ContentLength"] == len(data) and self._arrived(found, name, data, sha256=sha256):
            return
        raise StorageUnavailable(
            f"{self.uri}/{key}: {found['ContentLength']} other bytes came back instead of the {len(data)} written. "
            "Another writer or a faulty proxy changed them; put it again."
        )

    def _arrived(self, found: dict[str, Any], name: str, data: bytes, *, sha256: str) -> bool:
        kept = _service_sha256(found)
        if kept:
            return kept == sha256
        if found["ETag"].strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest():
            return True
        return self._read(name) == data

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
