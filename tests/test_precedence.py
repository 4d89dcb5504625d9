"""Shards that make room for a more urgent run."""

import time
from pathlib import Path

import pytest

from tasks import precedence
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import Ledger, open_ledger
from tasks.precedence import Precedence
from tests.delivery.small_jobs import plan


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "LEAST_SECONDS", 0.2)
    monkeypatch.setattr(precedence, "LOOK_SECONDS", 0.0)


def begin(ledger: Ledger, run_id: str, priority: str, model: str = "kolors") -> None:
    ledger.begin_run(run_id, CampaignBrief(catalog=f"{run_id}.csv", model=model).model_dump_json())
    ledger.note(run_id, priority=priority)
    ledger.add_jobs(run_id, plan(2))


def test_a_shard_gets_something_done_and_then_gives_way_to_an_urgent_run(ledger: Ledger) -> None:
    begin(ledger, "night", "normal")
    shard = Precedence(ledger, "night")
    begin(ledger, "urgent", "high")
    assert not shard.overtaken()
    time.sleep(precedence.LEAST_SECONDS)
    assert shard.overtaken()


@pytest.mark.parametrize(
    ("priority", "model"),
    [pytest.param("normal", "kolors", id="no more urgent"), pytest.param("high", "kolors-nano", id="another model's")],
)
def test_a_shard_goes_on_beside_a_run_that_is(ledger: Ledger, priority: str, model: str) -> None:
    begin(ledger, "night", "normal")
    begin(ledger, "other", priority, model)
    shard = Precedence(ledger, "night")
    time.sleep(precedence.LEAST_SECONDS)
    assert not shard.overtaken()


def test_an_urgent_run_gives_way_to_none(ledger: Ledger) -> None:
    begin(ledger, "urgent", "high")
    begin(ledger, "other", "high")
    shard = Precedence(ledger, "urgent")
    time.sleep(precedence.LEAST_SECONDS)
    assert not shard.overtaken()
