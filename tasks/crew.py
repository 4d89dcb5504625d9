"""The threads beside a renderer: finishers that take its pictures off its hands, and the keeper of its leases."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from tasks.delivery.ledger import Ledger
from tasks.errors import LedgerError

FINISHERS = 2  # threads that judge, encode and store while the renderer goes on
WAITING = 6  # finished pictures that may wait for them: six of 1024x1024 with their evidence take about 100 MB


class Finishers:
    """A few threads behind a bounded queue; the first error of any of them is raised to whoever submits next."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(FINISHERS, thread_name_prefix="finish")
        self._room = threading.Semaphore(WAITING)
        self._pending: list[Future[None]] = []

    def submit(self, work: Callable[[], None]) -> None:
        """Queue the work, waiting while the queue is full."""
        self._room.acquire()
        self._raise_first_error()
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._room.release())
        self._pending.append(future)

    def _raise_first_error(self) -> None:
        done = [future for future in self._pending if future.done()]
        self._pending = [future for future in self._pending if not future.done()]
        for future in done:
            future.result()

    def __enter__(self) -> "Finishers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            self._raise_first_error()


class LeaseKeeper:
    """Renews one owner's leases from a thread while the context lasts."""

    def __init__(self, ledger: Ledger, owner: str, seconds: float) -> None:
        self._ledger, self._owner, self._seconds = ledger, owner, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease-keeper", daemon=True)

    def __enter__(self) -> "LeaseKeeper":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._stop.wait(self._seconds / 4):
            try:
                self._ledger.renew(self._owner, self._seconds)
            except LedgerError:
                continue  # the database may be back before the lease ends; the commit will tell
