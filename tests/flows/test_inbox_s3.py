"""Catalogues dropped into S3: by listing, by events through SQS, half-uploaded, rewritten, with keys of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
from pydantic import SecretStr

from flows.inbox import watch_inbox
from tasks.inbox import Desk
from tasks.settings import Settings, use_settings
from tasks.storage.arrivals import Arrival
from tasks.storage.queue import EventQueue
from tasks.workplace import Workplace, open_workplace
from tests.flows.test_inbox import BRIEF
from tests.storage.faulty import FaultyStore, NthPut
from tests.storage.test_s3 import FaultyProxy

pytestmark = pytest.mark.usefixtures("prefect_server")

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


def depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_without_a_queue_the_bucket_is_listed(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    in_s3()
    upload(s3, bucket, catalogue)
    (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    assert keys_of(s3, bucket, f"shop/processed/{outcome['run_id']}/") == {"新 品+1.csv", "新 品+1.brief.yaml"}
    here = keys_of(s3, bucket, "shop/inbox/")
    assert {"新 品+1.status.json", "新 品+1.bad_rows.csv", "新 品+1.results.jsonl"} <= here
    assert "新 品+1.csv" not in here
    tagged = s3.get_object_tagging(Bucket=bucket, Key="shop/inbox/新 品+1.status.json")["TagSet"]
    assert tagged == [{"Key": "from", "Value": "inbox"}]


def test_an_event_through_the_queue_starts_a_campaign_and_its_messages_are_settled(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    url, arn = make_queue(sqs)
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]})
    workplace = in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue)
    notices = Desk(workplace).receive(wait_seconds=1)
    assert (bucket, "shop/inbox/新 品+1.csv") in {place for notice in notices for place in notice.places}
    with Desk(workplace).attending(notices):
        (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    while Desk(workplace).waiting() or depth(sqs, url):  # the answers' own events
        assert watch_inbox() == []


def event(bucket: str, key: str) -> str:
    from urllib.parse import quote_plus

    place = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}}
    return orjson.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": place}]}).decode()


def test_doubled_reordered_and_foreign_messages_do_no_harm(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    url, _ = make_queue(sqs)
    in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue, "goods.csv")
    bodies = [
        event(bucket, "shop/inbox/later.csv"),
        *3 * [event(bucket, "shop/inbox/goods.csv")],
        event("another-bucket", "shop/inbox/goods.csv"),
        event(bucket, "shop/inbox/../../etc/passwd.csv"),
        '{"Event": "s3:TestEvent"}',
        "no JSON at all",
        orjson.dumps({"Message": event(bucket, "shop/inbox/goods.csv")}).decode(),
    ]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    assert watch_inbox() == []
    assert depth(sqs, url) == 0
    assert len(open_workplace().ledger.runs()) == 1


def test_the_message_of_a_watcher_that_died_comes_back_and_the_run_goes_on(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    """Its message was received and never settled, its run had begun: the next watcher goes on with both."""
    dead, dead_arn = make_queue(sqs)
    policy = orjson.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5}).decode()
    url, _ = make_queue(sqs, RedrivePolicy=policy)
    workplace = in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue, "goods.csv")
    sqs.send_message(QueueUrl=url, MessageBody=event(bucket, "shop/inbox/goods.csv"))
    desk = Desk(workplace)
    (notice,) = desk.receive(wait_seconds=1)
    first = desk.begin(desk.whole()[0])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=notice.handle, VisibilityTimeout=0)  # time passes

    (outcome,) = watch_inbox()
    assert (outcome["state"], outcome["run_id"], outcome["tries"]) == ("done", first.status.run_id, 2)
    assert depth(sqs, url) == depth(sqs, dead) == 0


def test_a_message_whose_drop_must_wait_goes_back(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    from tasks.errors import StorageUnavailable

    url, _ = make_queue(sqs)
    workplace = in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue, "goods.csv")
    sqs.send_message(QueueUrl=url, MessageBody=event(bucket, "shop/inbox/goods.csv"))
    workplace.store = FaultyStore(workplace.store, NthPut("masters/", 1, StorageUnavailable("away")))
    (outcome,) = watch_inbox()

    assert outcome["state"] == "interrupted"
    assert depth(sqs, url) == 1


def test_credentials_of_a_bucket_are_used_for_that_bucket_alone(in_s3: Callable[..., Workplace], bucket: str) -> None:
    workplace = in_s3(s3_access_key=SecretStr("all"), s3_secret_key=SecretStr("others"))
    assert workplace.access(f"s3://{bucket}/x")["access_key"].get_secret_value() == "a"  # type: ignore[union-attr]
    assert workplace.access("s3://pictures/x")["access_key"].get_secret_value() == "all"  # type: ignore[union-attr]
    assert workplace.access("s3://pictures/x")["tags"] == ()


# ---- what has not arrived whole, and what changes afterwards


def test_an_upload_in_parts_is_no_drop_until_it_is_complete(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    upload(s3, bucket, catalogue, "other.csv")
    s3.delete_object(Bucket=bucket, Key="shop/inbox/other.csv")
    place = {"Bucket": bucket, "Key": "shop/inbox/goods.csv"}
    begun = s3.create_multipart_upload(**place)["UploadId"]
    part = s3.upload_part(**place, UploadId=begun, PartNumber=1, Body=catalogue.read_bytes())
    assert Desk(workplace).waiting() == []
    done = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**place, UploadId=begun, MultipartUpload=done)
    assert [each.key for each in Desk(workplace).whole()] == ["inbox/goods.csv"]


def test_what_is_rewritten_between_two_looks_waits_for_the_next(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    upload(s3, bucket, catalogue, "goods.csv")

    class Rewritten(Desk):
        def waiting(self) -> list[Arrival]:
            found = super().waiting()
            s3.put_object(Bucket=bucket, Key="shop/inbox/goods.csv", Body=catalogue.read_bytes() + b"\n")
            return found

    assert Rewritten(workplace).whole() == []
    assert [each.key for each in Desk(workplace).whole()] == ["inbox/goods.csv"]


def test_a_rewrite_during_the_run_stays_in_the_inbox_and_is_made_next(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    upload(s3, bucket, catalogue, "goods.csv")
    newer = catalogue.read_bytes() + "E-5,新杯,p0.png,drinkware\n".encode()
    place = {"Bucket": bucket, "Key": "shop/inbox/goods.csv"}
    store = workplace.store
    workplace.store = FaultyStore(store, lambda key: key.startswith("masters/") and s3.put_object(**place, Body=newer))
    (first,) = watch_inbox()
    workplace.store = store
    assert s3.get_object(**place)["Body"].read() == newer
    (second,) = watch_inbox()

    assert first["run_id"] != second["run_id"]
    assert (first["counts"]["total"], second["counts"]["total"]) == (3, 4)
    moved = f"shop/processed/{second['run_id']}/goods.csv"
    assert s3.get_object(Bucket=bucket, Key=moved)["Body"].read() == newer
    assert "goods.csv" not in keys_of(s3, bucket, "shop/inbox/")


def test_what_cannot_be_made_moves_to_failed_with_its_reason(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    in_s3()
    upload(s3, bucket, catalogue, "goods.csv")
    s3.put_object(Bucket=bucket, Key="shop/inbox/goods.brief.yaml", Body=b"copy_file: ../../secrets.csv\n")
    (outcome,) = watch_inbox()
    assert outcome["state"] == "failed"
    assert keys_of(s3, bucket, f"shop/failed/{outcome['run_id']}/") == {"goods.csv", "goods.brief.yaml"}
    status = orjson.loads(s3.get_object(Bucket=bucket, Key="shop/inbox/goods.status.json")["Body"].read())
    assert "lies outside" in status["reason"]


def test_a_copy_file_beside_the_drop_is_used(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    copy = "sku,copy_headline\nB-2,明前头采\n".encode()
    s3.put_object(Bucket=bucket, Key="shop/inbox/words.copy.txt", Body=copy)
    found = workplace.copy_file(f"s3://{bucket}/shop/inbox/words.copy.txt")
    assert found.cells == {"B-2": {"copy_headline": "明前头采"}}


# ---- the queue


def test_a_long_poll_returns_as_soon_as_something_comes(bucket: str, sqs: Any, in_s3: Callable[..., Workplace]) -> None:
    url, _ = make_queue(sqs)
    desk = Desk(in_s3(inbox_queue=url))
    later = threading.Timer(
        1.0, sqs.send_message, kwargs={"QueueUrl": url, "MessageBody": event(bucket, "shop/inbox/goods.csv")}
    )
    later.start()
    (notice,) = desk.receive(wait_seconds=20)
    later.join()
    assert notice.places == ((bucket, "shop/inbox/goods.csv"),)


def test_a_message_stays_hidden_while_its_work_goes_on(sqs: Any, s3_endpoint: str) -> None:
    """Its visibility is shortened to a second, as if much time had passed: the keeper extends it before it ends."""
    url, _ = make_queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    queue = EventQueue(url, endpoint=s3_endpoint, access_key=SecretStr("a"), secret_key=SecretStr("b"))
    (notice,) = queue.receive(wait_seconds=1)
    queue.give_back(notice, seconds=1)
    with queue.keeping([notice], every_seconds=0.1):
        time.sleep(1.5)
        assert queue.receive(wait_seconds=0) == []
    queue.give_back(notice, seconds=0)
    assert len(queue.receive(wait_seconds=1)) == 1


def test_a_message_that_kills_every_watcher_ends_in_the_dead_letter_queue_and_its_drop_is_not_lost(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    dead, dead_arn = make_queue(sqs)
    policy = orjson.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}).decode()
    url, _ = make_queue(sqs, RedrivePolicy=policy)
    desk = Desk(in_s3(inbox_queue=url))
    upload(s3, bucket, catalogue, "goods.csv")
    sqs.send_message(QueueUrl=url, MessageBody=event(bucket, "shop/inbox/goods.csv"))
    for _ in range(2):
        (notice,) = desk.receive(wait_seconds=1)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=notice.handle, VisibilityTimeout=0)
    assert desk.receive(wait_seconds=1) == []
    assert (depth(sqs, url), depth(sqs, dead)) == (0, 1)

    (outcome,) = watch_inbox()
    assert outcome["state"] == "done"


# ---- buckets of their own


class Witness(FaultyProxy):
    """Notes whose key each request to each bucket was signed with."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.seen: set[tuple[str, str]] = set()

    def _pass_on(self, client: Any, request: bytes, *, cut: bool) -> None:
        first, _, rest = request.partition(b"\r\n")
        who = rest.partition(b"Credential=")[2].partition(b"/")[0].decode()
        self.seen.add((first.split(b" ")[1].decode().split("/")[1].partition("?")[0], who))
        super()._pass_on(client, request, cut=cut)


def test_each_bucket_is_asked_with_its_own_key_at_its_own_endpoint(  # noqa: PLR0917 fixtures
    catalogue: Path, bucket: str, s3: Any, s3_endpoint: str, tmp_path: Path, small_templates: Path
) -> None:
    s3.create_bucket(Bucket="their-inbox")
    ours, theirs = Witness(s3_endpoint), Witness(s3_endpoint)
    own = {"endpoint": theirs.endpoint, "access_key": "their-key", "secret_key": "their-word"}
    use_settings(
        Settings(
            out=tmp_path / "out",
            templates=small_templates,
            store=f"s3://{bucket}/pictures",
            s3_endpoint=ours.endpoint,
            s3_access_key=SecretStr("our-key"),
            s3_secret_key=SecretStr("our-word"),
            inbox="s3://their-inbox/shop",
            s3_buckets={"their-inbox": own},
            inbox_settle_seconds=0,
        )
    )
    upload(s3, "their-inbox", catalogue, "goods.csv")
    (outcome,) = watch_inbox()
    use_settings(None)
    assert outcome["state"] == "done"
    assert ours.seen == {(bucket, "our-key")}
    assert theirs.seen == {("their-inbox", "their-key")}
    ours.close()
    theirs.close()
