"""What is swept, what never is, and that a dry run touches nothing."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from sqlalchemy import update

from flows.campaign import produce_campaign
from flows.housekeeping import count_runs, tidy_up
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.ledger.tables import campaign
from tasks.errors import LedgerError
from tasks.housekeeping import tidy_store
from tasks.settings import get_settings, use_settings
from tasks.workplace import Workplace, open_workplace

pytestmark = pytest.mark.usefixtures("prefect_server", "here")

LONG_AGO = time.time() - 90 * 86_400


@pytest.fixture
def workplace(catalogue: Path) -> Workplace:
    """A store with one run, and in it: an earlier take, an orphan, and an orphan too young to go."""
    use_settings(get_settings().model_copy(update={"keep_runs": 1}))
    brief = CampaignBrief(
        catalog=str(catalogue), scenes=("white-studio",), placements=("taobao-main",), model="sleep-1ms"
    )
    produce_campaign(brief, "run-1")
    workplace = open_workplace()
    record = next(workplace.ledger.results("run-1"))
    assert record.master is not None
    with workplace.ledger.write() as connection:  # as if a person had asked for another take
        from tasks.delivery.ledger.tables import job, master

        connection.execute(update(job).where(job.c.job_id == record.job_id).values(take=1))
        later = record.master.key.replace("-0.png", "-1.png")
        connection.execute(update(master).where(master.c.job_id == record.job_id).values(take=1, key=later))
    workplace.store.put(later, workplace.store.get(record.master.key), content_type="image/png")
    workplace.store.put("masters/X/" + "ab" * 10 + "-0.png", b"of no job", content_type="image/png")
    for path in Path(workplace.store.uri).rglob("*.*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    workplace.store.put("masters/X/" + "cd" * 10 + "-0.png", b"just stored", content_type="image/png")
    return workplace


def pictures(workplace: Workplace) -> set[str]:
    return {*workplace.store.keys("masters/"), *workplace.store.keys("renditions/")}


def test_a_dry_run_counts_and_touches_nothing(workplace: Workplace) -> None:
    before = pictures(workplace)
    tidied = tidy_store(workplace, days=30, dry_run=True)
    assert (tidied.runs, tidied.superseded, tidied.orphans) == (0, 2, 1)
    assert pictures(workplace) == before


def test_earlier_takes_and_old_orphans_go_and_all_else_stays(workplace: Workplace) -> None:
    before = pictures(workplace)
    counted = tidy_store(workplace, days=30, dry_run=True)
    assert tidy_store(workplace, days=30, dry_run=False) == counted
    gone = before - pictures(workplace)

    assert len(gone) == 3
    assert "masters/X/" + "ab" * 10 + "-0.png" in gone
    assert "masters/X/" + "cd" * 10 + "-0.png" not in gone
    for record in workplace.ledger.results("run-1"):
        assert record.master is not None
        assert workplace.store.exists(record.master.key)
    assert tidy_store(workplace, days=30, dry_run=False)[1:3] == (0, 0)


def test_an_old_run_goes_with_its_report_and_its_pictures_stay(workplace: Workplace, catalogue: Path) -> None:
    produce_campaign(CampaignBrief(catalog=str(catalogue), scenes=("white-studio",), model="sleep-1ms"), "run-2")
    with workplace.ledger.write() as connection:
        connection.execute(update(campaign).values(finished=LONG_AGO))
    masters = {record.master.key for record in workplace.ledger.results("run-2") if record.master}
    assert tidy_store(workplace, days=30, dry_run=False).runs == 1

    assert [run.run_id for run in workplace.ledger.runs()] == ["run-2"]
    assert not list(workplace.store.keys("runs/run-1/"))
    assert workplace.store.exists(manifest_key("run-2"))
    assert masters <= pictures(workplace)
    assert workplace.ledger.size() == 3


def test_a_new_ledger_empties_no_store(workplace: Workplace) -> None:
    for key in list(workplace.store.keys("runs/")):
        workplace.store.delete(key)
    before = pictures(workplace)
    settings = get_settings().model_copy(update={"database": f"sqlite:///{get_settings().out}/new.db", "keep_days": 1})
    use_settings(settings)
    with pytest.raises(LedgerError, match="shangxin restore"):
        tidy_store(open_workplace(), days=1, dry_run=False)
    assert pictures(workplace) == before


def test_what_another_ledgers_manifest_lists_is_no_orphan(workplace: Workplace) -> None:
    settings = get_settings().model_copy(update={"database": f"sqlite:///{get_settings().out}/new.db"})
    listed = {record.master.key for record in workplace.ledger.results("run-1") if record.master and not record.take}
    use_settings(settings)
    tidy_store(open_workplace(), days=30, dry_run=False)
    assert listed <= pictures(workplace)


def test_prefects_own_runs_go_by_its_api(workplace: Workplace) -> None:
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    with get_client(sync_client=True) as client:
        assert count_runs(client, tomorrow) > 0
        assert count_runs(client, yesterday) == 0
        from flows.housekeeping import forget_runs

        forget_runs(client, tomorrow)
        assert count_runs(client, tomorrow) == 0
    outcome: dict[str, Any] = tidy_up(dry_run=True, days=30)
    assert outcome["flow_runs"] == 0
    assert outcome["orphans"] == 1
