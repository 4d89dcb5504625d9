"""From an address to a store or to an open file: a local path, `file://`, or `s3://bucket/key`."""

import io
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypedDict, Unpack, cast
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from tasks.errors import ConfigurationError, StorageError
from tasks.storage.base import ObjectStore
from tasks.storage.keys import check_key
from tasks.storage.local import LocalStore, explained_path

BUCKET = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$")
SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]+)://")  # two letters at least: C:\ is a drive


class AccessOptions(TypedDict, total=False):
    """How S3 is reached; empty or absent: AWS, us-east-1 and boto3's own credential chain."""

    endpoint: str
    region: str
    access_key: SecretStr | None
    secret_key: SecretStr | None
    encryption: str
    kms_key: str
    storage_class: str
    tags: tuple[tuple[str, str], ...]


class S3Address(NamedTuple):
    """Bucket and key (or prefix) of an `s3://` address; the key is taken literally, never percent-decoded."""

    bucket: str
    key: str


def open_store(uri: str, **access: Unpack[AccessOptions]) -> ObjectStore:
    """The store at a folder's path, `file://` or `s3://bucket/prefix`. Opening touches neither disk nor network."""
    if is_s3(uri):
        from tasks.storage.s3 import S3Store  # boto3: 10 MB and a quarter of a second that a folder does without
        from tasks.storage.s3_client import S3Access

        bucket, prefix = parse_s3(uri)
        if prefix.strip("/"):
            check_key(prefix.strip("/"))
        return S3Store(bucket, prefix, access=S3Access(**access))
    return LocalStore(local_path(uri))


def open_binary(uri: str, **access: Unpack[AccessOptions]) -> BinaryIO:
    """A seekable binary file that is read as it is used; S3 objects come in ranges of 8 MiB, each tried again."""
    if is_s3(uri):
        from tasks.storage.s3_client import S3Access
        from tasks.storage.s3_file import READ_AHEAD_BYTES, S3File

        bucket, key = parse_s3(uri)
        return cast(BinaryIO, io.BufferedReader(S3File(bucket, key, access=S3Access(**access)), READ_AHEAD_BYTES))
    path = local_path(uri)
    with explained_path(path):
        if path.exists() and not path.is_file():
            raise StorageError(f"{uri}: not a file. Name one file, not a folder or a device.")
        return path.open("rb")


def read_bytes(uri: str, *, max_bytes: int, **access: Unpack[AccessOptions]) -> bytes:
    """All of a file or object, or StorageError where it is larger than `max_bytes`."""
    with open_binary(uri, **access) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise StorageError(f"{uri}: larger than {max_bytes} bytes, the most that is read here. Make it smaller.")
    return data


def is_s3(uri: str) -> bool:
    return uri.lower().startswith("s3://")


def parse_s3(uri: str) -> S3Address:
    """Split `s3://bucket/key`; `?` and `#` are ordinary characters of a key."""
    bucket, _, key = uri[len("s3://") :].partition("/")
    if not BUCKET.match(bucket):
        raise ConfigurationError(f"{uri!r}: {bucket!r} is no bucket name. Write s3://bucket/prefix.")
    return S3Address(bucket, key)


def local_path(uri: str) -> Path:
    scheme = SCHEME.match(uri)
    if not scheme:
        return Path(uri)
    if scheme[1].lower() != "file":
        raise ConfigurationError(f"{scheme[1]}:// is not supported as an address. Use a folder, a file or s3://.")
    return Path(unquote(urlsplit(uri).path))
