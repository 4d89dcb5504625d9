"""A real S3 protocol server for the tests."""

import itertools
from collections.abc import Iterator

import boto3
import pytest
from pydantic import SecretStr

from tasks.storage.s3_client import S3Access

SECRET = "planted-secret-2f9c"
NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # seconds to import: only where a test asks for it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3_access(s3_endpoint: str) -> S3Access:
    return S3Access(endpoint=s3_endpoint, access_key=SecretStr("planted-id"), secret_key=SecretStr(SECRET), attempts=3)


@pytest.fixture
def bucket(s3_endpoint: str) -> str:
    name = f"pictures-{next(NUMBERS)}"
    client = boto3.client(
        "s3", endpoint_url=s3_endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket=name)
    client.close()
    return name
