"""How S3 is reached: access, one shared client for each access, and what its errors mean to us."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 botocore's own, by its own name
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ResponseStreamingError,
)
from pydantic import BaseModel, Field, SecretStr
from urllib3.exceptions import HTTPError

from tasks.errors import StorageError, StorageUnavailable

T = TypeVar("T")

ATTEMPTS = 5
CONNECTIONS = 32
SERVER_ERROR = 500

NO_ANSWER = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError, HTTPError, OSError)
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
PASSING_CODES = frozenset(
    {"SlowDown", "RequestTimeout", "RequestTimeoutException", "InternalError", "ServiceUnavailable", "Throttling"}
    | {"ThrottlingException", "TooManyRequestsException", "BandwidthLimitExceeded", "OperationAborted", "BadDigest"}
)
PASSING_STATUSES = frozenset({408, 429})
ABSENT_CODES = frozenset({"404", "NoSuchKey", "NotFound"})
REFUSALS = {
    "NoSuchBucket": "there is no such bucket. Create it, or correct the store's address",
    "AccessDenied": "access was denied. Grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket",
    "403": "access was denied. Grant s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket",
    "InvalidAccessKeyId": "the access key is not known there. Check SHANGXIN_S3_ACCESS_KEY and the endpoint",
    "SignatureDoesNotMatch": "the secret key does not fit. Check SHANGXIN_S3_SECRET_KEY",
    "ExpiredToken": "the credentials have expired. Renew them",
    "RequestTimeTooSkewed": "this machine's clock is wrong. Synchronise it",
    "PermanentRedirect": "the bucket lives in another region. Set SHANGXIN_S3_REGION",
    "PreconditionFailed": "the object was rewritten while it was being read. Read it again once it is complete",
    "412": "the object was rewritten while it was being read. Read it again once it is complete",
    "EntityTooLarge": "the object is too large for this endpoint",
    "QuotaExceeded": "the store is full. Free some space and run again",
    "XMinioStorageFull": "the store is full. Free some space and run again",
}


class S3Access(BaseModel, frozen=True, extra="forbid"):
    """Where S3 is and who we are there; without keys, boto3's own chain (environment, profile, role) is asked."""

    endpoint: str = ""
    region: str = "us-east-1"
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    attempts: int = Field(default=ATTEMPTS, ge=1)
    encryption: str = ""
    kms_key: str = ""
    storage_class: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    def put_options(self) -> dict[str, str]:
        """What every object is written with: server-side encryption, storage class and tags, where they are set."""
        options = {
            "ServerSideEncryption": self.encryption,
            "SSEKMSKeyId": self.kms_key,
            "StorageClass": self.storage_class,
            "Tagging": urlencode(self.tags),
        }
        return {name: value for name, value in options.items() if value}


@lru_cache(maxsize=32)
def shared_client(access: S3Access, service: str = "s3") -> Any:
    """One client for each access and service: it is thread-safe and keeps its connections open."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": access.attempts},  # exponential back-off with jitter
        max_pool_connections=CONNECTIONS,
        connect_timeout=5,
        read_timeout=60,
        # We send and check SHA-256 ourselves; the default CRC trailers are refused by older S3-compatible servers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if access.endpoint else "auto"},
    )
    session: Any = boto3.session.Session()  # its stubs know a service by its literal name alone
    return session.client(
        service,
        endpoint_url=access.endpoint or None,
        region_name=access.region,
        aws_access_key_id=_revealed(access.access_key),
        aws_secret_access_key=_revealed(access.secret_key),
        config=config,
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def read_body(client: Any, read: Callable[[Any], T], *, attempts: int, **request: Any) -> T:
    """Get one object or range and `read` its body from the start as often as it is cut; boto3 retries all but that."""
    for attempt in range(attempts):
        with client.get_object(**request)["Body"] as body:
            try:
                return read(body)
            except NO_ANSWER:
                if attempt + 1 == attempts:
                    raise
        time.sleep(random.uniform(0, min(5.0, 0.1 * 2**attempt)))
    raise AssertionError("attempts is at least 1")


def read_whole(client: Any, *, attempts: int, **request: Any) -> bytes:
    """The bytes of one object or range."""
    return read_body(client, lambda body: bytes(body.read()), attempts=attempts, **request)


def is_absent(error: ClientError) -> bool:
    return _code(error) in ABSENT_CODES


@contextmanager
def explained(where: str, access: S3Access) -> Iterator[None]:
    """Turn boto3's errors into the store's: unavailable where another try may help, refused where it will not."""
    try:
        yield
    except ClientError as error:
        raise _from_answer(error, where) from None
    except NO_CREDENTIALS:
        raise StorageError(
            f"{where}: no S3 credentials were found. Set SHANGXIN_S3_ACCESS_KEY and SHANGXIN_S3_SECRET_KEY, "
            "or give this machine a profile or a role."
        ) from None
    except NO_ANSWER as error:
        raise StorageUnavailable(
            f"{where}: {_host(access)} did not answer or cut the transfer ({type(error).__name__}). "
            "Another try may help; if it does not, check the endpoint and the network."
        ) from None
    except (ParamValidationError, BotoCoreError) as error:
        raise StorageError(f"{where}: the request could not be made ({type(error).__name__}).") from None


def _from_answer(error: ClientError, where: str) -> StorageError:
    """`from None` above and the code alone here: boto3's own text may hold addresses with user names in them."""
    code = _code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status >= SERVER_ERROR or status in PASSING_STATUSES or code in PASSING_CODES:
        return StorageUnavailable(f"{where}: the store answered {status} {code}. Another try may help.")
    if code in ABSENT_CODES:
        return StorageError(f"no object at {where}. `keys()` lists what there is.")
    reason = REFUSALS.get(code, f"the store answered {status} {code}")
    return StorageError(f"{where}: {reason}.")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _host(access: S3Access) -> str:
    """Host and port alone: an endpoint may carry a user name and a password."""
    parts = urlsplit(access.endpoint)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or "S3"
