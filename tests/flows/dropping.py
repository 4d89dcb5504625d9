"""An inbox in S3 and a queue for its events: fixtures and what fills them."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest

from tasks.settings import Settings, use_settings
from tasks.workplace import Workplace, open_workplace

BRIEF = "scenes: [white-studio]\nplacements: [taobao-main]\nmodel: sleep-1ms\n"
QUEUES = count()


@pytest.fixture
def s3(s3_endpoint: str) -> Iterator[Any]:
    client = boto3.client("s3", endpoint_url=s3_endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    yield client
    client.close()


@pytest.fixture
def sqs(s3_endpoint: str) -> Iterator[Any]:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client("sqs", endpoint_url=s3_endpoint, region_name="us-east-1", **keys)
    yield client
    client.close()


@pytest.fixture
def in_s3(s3_endpoint: str, bucket: str, tmp_path: Path, small_templates: Path) -> Iterator[Callable[..., Workplace]]:
    """Puts settings with an inbox in S3 in force; the inbox's bucket has access of its own, the pictures' has none."""

    def open_with(**changes: Any) -> Workplace:
        own = {"endpoint": s3_endpoint, "access_key": "a", "secret_key": "b", "tags": {"from": "inbox"}}
        settings = Settings(
            out=tmp_path / "out",
            templates=small_templates,
            inbox=f"s3://{bucket}/shop",
            s3_buckets={bucket: own},
            inbox_settle_seconds=0,
            inbox_queue_endpoint=s3_endpoint,
            **changes,
        )
        use_settings(settings)
        return open_workplace()

    yield open_with
    use_settings(None)


def upload(s3: Any, bucket: str, catalogue: Path, name: str = "新 品+1.csv") -> None:
    for picture in catalogue.parent.glob("p*.png"):
        s3.upload_file(str(picture), bucket, f"shop/inbox/{picture.name}")
    s3.put_object(Bucket=bucket, Key=f"shop/inbox/{name.partition('.')[0]}.brief.yaml", Body=BRIEF.encode())
    s3.upload_file(str(catalogue), bucket, f"shop/inbox/{name}")


def keys_of(s3: Any, bucket: str, prefix: str) -> set[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
    return {entry["Key"].removeprefix(prefix) for entry in found}


def make_queue(sqs: Any, **attributes: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=f"drops-{next(QUEUES)}", Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def make_queue_with_dead_letters(sqs: Any, *, receives: int) -> tuple[str, str]:
    """A queue and the one that takes what was received so often; their addresses."""
    dead, dead_arn = make_queue(sqs)
    policy = orjson.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": receives}).decode()
    url, _ = make_queue(sqs, RedrivePolicy=policy)
    return url, dead


def depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def event(bucket: str, key: str) -> str:
    from urllib.parse import quote_plus

    place = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}}
    return orjson.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": place}]}).decode()
