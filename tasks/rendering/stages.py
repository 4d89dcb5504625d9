"""Stages in threads of their own with bounded queues between them, so that the slowest one never waits.

Each stage takes batches of its own size. What a stage need not touch passes it by. An error in a stage, or the caller
leaving early, ends all of them.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One step: `work` turns a batch of up to `batch` items with equal `key` into their outcomes, one each.

    `takes` says which items it works on, the others pass by. Up to `ahead` items wait before it, no more.
    """

    name: str
    work: Callable[[Sequence[Any]], Iterable[Any]]
    batch: int = 1
    ahead: int = 2
    key: Callable[[Any], Hashable] = lambda _: None
    takes: Callable[[Any], bool] = lambda _: True


def run_stages(items: Iterable[Any], stages: Sequence[Stage], *, name: str = "stage") -> Generator[Any]:
    """Yield what comes out of the last stage. `items` is read in a thread of its own, only as fast as there is room.

    An error of any stage is raised here once the threads are gone. Closing the generator ends them too.
    """
    channels = [Channel(stage.ahead + stage.batch - 1) for stage in stages] + [Channel(2)]
    failures: list[BaseException] = []

    def guarded(run: Callable[[], None], out: Channel) -> None:
        try:
            run()
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            failures.append(error)
            for channel in channels:
                channel.close()
        finally:
            out.end()

    runs = [(lambda: _feed(items, channels[0]), channels[0], "source")]
    for stage, source, sink in zip(stages, channels, channels[1:], strict=False):
        runs.append((lambda stage=stage, source=source, sink=sink: _work(stage, source, sink), sink, stage.name))  # type: ignore[misc]
    threads = [
        threading.Thread(target=guarded, args=(run, out), name=f"{name}-{title}", daemon=True)
        for run, out, title in runs
    ]
    for thread in threads:
        thread.start()
    try:
        while (item := channels[-1].get()) is not END:
            yield item
    except Closed:
        pass
    finally:
        for channel in channels:
            channel.close()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _feed(items: Iterable[Any], sink: "Channel") -> None:
    for item in items:
        sink.put(item)


def _work(stage: Stage, source: "Channel", sink: "Channel") -> None:
    batch: list[Any] = []
    while True:
        item = source.get()
        if item is not END and not stage.takes(item):
            sink.put(item)
            continue
        if batch and (item is END or stage.key(item) != stage.key(batch[0])):
            _do(stage, batch, sink)
            batch = []
        if item is END:
            return
        batch.append(item)
        if len(batch) == stage.batch:
            _do(stage, batch, sink)
            batch = []


def _do(stage: Stage, batch: Sequence[Any], sink: "Channel") -> None:
    for outcome in stage.work(batch):
        sink.put(outcome)


END = object()


class Closed(Exception):
    """The other side is gone; whoever meets this ends quietly."""


class Channel:
    """A queue of bounded length whose waiting ends when it is closed."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: deque[Any] = deque()
        self._ended = self._closed = False
        self._changed = threading.Condition()

    def put(self, item: Any) -> None:
        """Wait for room. Raises Closed once the channel is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._room)
            if self._closed:
                raise Closed
            self._waiting.append(item)
            self._changed.notify_all()

    def get(self) -> Any:
        """The next item, END after the last. Raises Closed once the channel is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting or self._ended)
            if self._closed:
                raise Closed
            item = self._waiting.popleft() if self._waiting else END
            self._changed.notify_all()
            return item

    def end(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
