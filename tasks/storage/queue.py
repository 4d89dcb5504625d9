"""S3's events by way of SQS: at least once, in any order, sometimes late. They say where to look, nothing more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Unpack
from urllib.parse import unquote_plus

import orjson

from tasks.errors import StorageError
from tasks.storage.open import AccessOptions
from tasks.storage.s3_client import S3Access, explained, shared_client

LONG_POLL_SECONDS = 20  # SQS's most
VISIBLE_AGAIN_SECONDS = 120  # how long a message stays hidden from other watchers, renewed while its work goes on
MOST_MESSAGES = 10  # SQS's most at a time


class Notice(NamedTuple):
    """One message. `places` are (bucket, key) of the objects it speaks of; none where it is no S3 event at all."""

    handle: str
    places: tuple[tuple[str, str], ...]
    received: int


class EventQueue:
    """One SQS queue. A message that is not settled comes back by itself; too often, and the queue's own policy puts it
    into its dead-letter queue."""

    def __init__(self, url: str, **access: Unpack[AccessOptions]) -> None:
        self.url, self._access = url, S3Access(**access)
        self._client = shared_client(self._access, "sqs")

    def receive(self, *, wait_seconds: int = LONG_POLL_SECONDS) -> list[Notice]:
        """Messages that wait, or come within the time; empty where none do."""
        with self._explained():
            found = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=MOST_MESSAGES,
                WaitTimeSeconds=min(wait_seconds, LONG_POLL_SECONDS),
                VisibilityTimeout=VISIBLE_AGAIN_SECONDS,
                AttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Notice(
                each["ReceiptHandle"],
                tuple(places_of(each["Body"])),
                int(each.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for each in found.get("Messages", ())
        ]

    def settle(self, notice: Notice) -> None:
        """Its work is done, or there was none: it does not come back."""
        with self._explained():
            self._client.delete_message(QueueUrl=self.url, ReceiptHandle=notice.handle)

    def give_back(self, notice: Notice, *, seconds: int = 0) -> None:
        """It may come back after so many seconds, for another try here or elsewhere."""
        with self._explained():
            self._client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=notice.handle, VisibilityTimeout=seconds
            )

    def keeping(self, notices: list[Notice], *, every_seconds: float = VISIBLE_AGAIN_SECONDS / 3) -> "Keeping":
        """Keeps messages hidden from other watchers while the context lasts."""
        return Keeping(self, notices, every_seconds)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self.url.rpartition("@")[2], self._access):
            yield


class Keeping:
    """A thread that extends messages' visibility. A watcher that dies stops doing so, and they come back."""

    def __init__(self, queue: EventQueue, notices: list[Notice], every_seconds: float) -> None:
        self._queue, self._notices, self._every = queue, notices, every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._extend, name="message-keeper", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _extend(self) -> None:
        while not self._stop.wait(self._every):
            for notice in self._notices:
                try:
                    self._queue.give_back(notice, seconds=VISIBLE_AGAIN_SECONDS)
                except StorageError:
                    continue  # it comes back early at worst, and then finds its work done


def places_of(body: str) -> Iterator[tuple[str, str]]:
    """(bucket, key) of the objects that a message announces, from S3 itself, through SNS or through EventBridge.

    S3's test event, deletions and what is no event at all announce nothing. Keys come url-encoded, `+` for a space;
    EventBridge alone sends them plain.
    """
    message = _object(body)
    if isinstance(message.get("Message"), str):  # SNS wraps what it passes on
        message = _object(message["Message"])
    detail = message.get("detail")
    if isinstance(detail, dict) and message.get("detail-type") == "Object Created":
        yield from _place(detail, decode=False)
    records = message.get("Records")
    for record in records if isinstance(records, list) else ():
        if isinstance(record, dict) and str(record.get("eventName", "")).removeprefix("s3:").startswith(
            "ObjectCreated"
        ):
            yield from _place(record.get("s3"), decode=True)


def _place(found: Any, *, decode: bool) -> Iterator[tuple[str, str]]:
    try:
        bucket, key = found["bucket"]["name"], found["object"]["key"]
    except (KeyError, TypeError):
        return
    if isinstance(bucket, str) and isinstance(key, str):
        yield bucket, unquote_plus(key) if decode else key


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
