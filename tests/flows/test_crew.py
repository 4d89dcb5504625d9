"""The threads beside a renderer: no error is lost, nothing waits for ever, leases outlive a busy database."""

import threading
from pathlib import Path

import pytest

from tasks.crew import FINISHERS, WAITING, Finishers, LeaseKeeper
from tasks.delivery.ledger import Ledger, open_ledger
from tasks.errors import LedgerUnavailable, StorageError


def refuse() -> None:
    raise StorageError("no room")


def test_everything_submitted_is_done_when_the_context_ends() -> None:
    done: list[int] = []
    with Finishers() as finishers:
        for number in range(50):
            finishers.submit(lambda number=number: done.append(number))
    assert sorted(done) == list(range(50))


def test_an_error_of_the_last_work_is_not_lost() -> None:
    with pytest.raises(StorageError, match="no room"), Finishers() as finishers:
        finishers.submit(refuse)


def test_an_error_stops_whoever_submits_next_and_the_work_that_waits() -> None:
    submitted, done = 0, []
    with pytest.raises(StorageError, match="no room"), Finishers() as finishers:  # noqa: PT012
        for submitted in range(1000):
            finishers.submit(refuse if submitted == 3 else lambda: done.append(threading.get_ident()))
    assert submitted < 999
    assert len(set(done)) <= FINISHERS


def test_submitting_waits_while_too_many_pictures_are_in_memory() -> None:
    gate, submitted = threading.Event(), []

    def submit_many(finishers: Finishers) -> None:
        for number in range(WAITING + 2):
            finishers.submit(lambda: gate.wait(10) and None)
            submitted.append(number)

    with Finishers() as finishers:
        feeder = threading.Thread(target=submit_many, args=(finishers,))
        feeder.start()
        feeder.join(0.3)
        held = len(submitted)
        gate.set()
        feeder.join(10)
    assert held == WAITING
    assert len(submitted) == WAITING + 2


def test_ctrl_c_lets_work_in_hand_finish_and_drops_the_rest() -> None:
    begun, gate, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        gate.wait(10)
        done.append(1)

    with pytest.raises(KeyboardInterrupt), Finishers() as finishers:  # noqa: PT012
        for _ in range(WAITING):
            finishers.submit(work)
        begun.wait(10)
        threading.Timer(0.05, gate.set).start()
        raise KeyboardInterrupt
    assert 1 <= len(done) <= FINISHERS


class BusyLedger:
    """A ledger whose database is busy the first times."""

    def __init__(self, ledger: Ledger, *, busy: int) -> None:
        self._ledger, self._busy = ledger, busy
        self.renewed = threading.Event()

    def renew(self, owner: str, seconds: float) -> int:
        self._busy -= 1
        if self._busy >= 0:
            raise LedgerUnavailable("database is locked. Another try may help.")
        self.renewed.set()
        return self._ledger.renew(owner, seconds)


def test_a_busy_database_does_not_end_the_keeper_of_leases(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    busy = BusyLedger(ledger, busy=2)
    with LeaseKeeper(busy, "me", 0.04):
        assert busy.renewed.wait(10)
    ledger.close()
