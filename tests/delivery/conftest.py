"""Ledgers on both databases, empty."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.delivery.ledger import Ledger, open_ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
def open_another(url: str) -> Iterator[Callable[[], Ledger]]:
    """Opens the same ledger again, as another process would."""
    opened: list[Ledger] = []

    def another() -> Ledger:
        opened.append(open_ledger(url))
        return opened[-1]

    yield another
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_another: Callable[[], Ledger]) -> Ledger:
    return open_another()
