"""Catalogues announced through SQS: doubled, reordered, given back, kept hidden, dead."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from flows.inbox import watch_inbox
from tasks.inbox import Desk
from tasks.storage.queue import EventQueue
from tasks.workplace import Workplace, open_workplace
from tests.flows.dropping import depth, event, make_queue, make_queue_with_dead_letters, upload
from tests.storage.faulty import FaultyStore, NthPut

pytestmark = pytest.mark.usefixtures("prefect_server")


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
    url, dead = make_queue_with_dead_letters(sqs, receives=5)
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
    url, dead = make_queue_with_dead_letters(sqs, receives=2)
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
