"""Catalogues dropped into an inbox that is a folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.inbox import take_drop, watch_inbox
from tasks.delivery.keys import manifest_key
from tasks.inbox import Desk, is_catalogue, run_id_of
from tasks.settings import PROJECT, Settings, use_settings
from tasks.storage.arrivals import Arrival
from tasks.telemetry import REGISTRY
from tasks.workplace import open_workplace
from tests.flows.dropping import BRIEF
from tests.storage.faulty import FaultyStore, NthPut, never

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def folder(tmp_path: Path, small_templates: Path) -> Iterator[Path]:
    """An inbox in a folder, empty."""
    root = tmp_path / "drops"
    (root / "inbox").mkdir(parents=True)
    use_settings(
        Settings(
            out=tmp_path / "out", templates=small_templates, inbox=str(root), inbox_settle_seconds=0, inbox_tries=2
        )
    )
    yield root
    use_settings(None)


def drop(catalogue: Path, root: Path, *, brief: str = BRIEF, name: str = "goods.csv") -> Path:
    for picture in catalogue.parent.glob("p*.png"):
        shutil.copy(picture, root / "inbox")
    stem = name.partition(".")[0]
    if brief:
        (root / "inbox" / f"{stem}.brief.yaml").write_text(brief, encoding="utf-8")
    return Path(shutil.copy(catalogue, root / "inbox" / name))


def status_of(root: Path, stem: str = "goods") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "inbox" / f"{stem}.status.json").read_text(encoding="utf-8"))
    return found


def test_a_drop_is_made_by_its_brief_and_answered_beside_it(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder)
    before = REGISTRY.get_sample_value("shangxin_inbox_drops_total", {"state": "done"}) or 0.0
    (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    assert REGISTRY.get_sample_value("shangxin_inbox_drops_total", {"state": "done"}) == before + 1
    assert outcome["counts"]["total"] == outcome["counts"]["approved"] == 3
    status = status_of(folder)
    assert (status["run_id"], status["state"], status["tries"]) == (outcome["run_id"], "done", 1)
    assert ",image,no.png," in (folder / "inbox" / "goods.bad_rows.csv").read_text(encoding="utf-8-sig")
    assert len((folder / "inbox" / "goods.results.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    moved = folder / "processed" / status["run_id"]
    assert {path.name for path in moved.iterdir()} == {"goods.csv", "goods.brief.yaml"}
    assert not (folder / "inbox" / "goods.csv").exists()
    assert watch_inbox() == []


def test_the_same_file_twice_is_the_same_run_and_renders_nothing(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder)
    (first,) = watch_inbox()
    drop(catalogue, folder)
    (second,) = watch_inbox()

    assert second["run_id"] == first["run_id"]
    assert second["counts"]["fresh"] == 0 or second["counts"] == first["counts"]
    assert len(open_workplace().ledger.runs()) == 1
    assert open_workplace().ledger.size() == 3
    assert not (folder / "inbox" / "goods.csv").exists()


@pytest.mark.parametrize(
    ("brief", "text", "expected"),
    [
        ("scenes: [white-studio]\ncatalog: /etc/passwd.csv\n", None, "Leave it out"),
        ("scens: [white-studio]\n", None, "scens"),
        (BRIEF + "copy_file: ../../etc/passwd\n", None, "lies outside"),
        (BRIEF + "copy_file: /etc/passwd\n", None, "lies outside"),
        ("scenes: [white-studoi]\nmodel: sleep-1ms\n", None, "white-studio"),
        (BRIEF, "sku,title,image\n", "no rows"),
        (BRIEF, "sku,title,image\nA,B,gone.png\n", "none of the 1 rows"),
    ],
)
def test_what_cannot_be_made_moves_to_failed_with_its_reason(
    brief: str, text: str | None, expected: str, catalogue: Path, folder: Path
) -> None:
    path = drop(catalogue, folder, brief=brief)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    (outcome,) = watch_inbox()

    assert outcome["state"] == "failed"
    assert expected in status_of(folder)["reason"]
    assert (folder / "failed" / outcome["run_id"] / "goods.csv").exists()
    assert watch_inbox() == []


def test_one_bad_drop_does_not_keep_the_others_waiting(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder, name="a.csv").write_text("nonsense", encoding="utf-8")
    drop(catalogue, folder, name="b.csv")
    outcomes = {outcome["file"]: outcome["state"] for outcome in watch_inbox()}
    assert outcomes == {"a.csv": "failed", "b.csv": "done"}


def test_what_changes_between_two_looks_is_left_for_later(catalogue: Path, folder: Path) -> None:
    """The second look is made while somebody still writes: `grow` runs between the two."""
    path = drop(catalogue, folder)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:40], encoding="utf-8")

    class Writing(Desk):
        def waiting(self) -> list[Arrival]:
            found = super().waiting()
            path.write_text(whole, encoding="utf-8")
            return found

    assert Writing(open_workplace()).whole() == []
    assert [each.key for each in Desk(open_workplace()).whole()] == ["inbox/goods.csv"]


def test_a_rewrite_during_the_run_is_a_new_campaign_afterwards(catalogue: Path, folder: Path) -> None:
    path = drop(catalogue, folder)
    workplace = open_workplace()
    store = workplace.store
    newer = catalogue.read_text(encoding="utf-8") + "E-5,新杯,p0.png,drinkware\n"
    workplace.store = FaultyStore(store, lambda key: rewrite(path, newer) if key.startswith("masters/") else None)
    (first,) = watch_inbox()
    workplace.store = store
    assert path.read_text(encoding="utf-8") == newer
    (second,) = watch_inbox()

    assert first["run_id"] != second["run_id"]
    assert (first["counts"]["total"], second["counts"]["total"]) == (3, 4)
    assert (folder / "processed" / second["run_id"] / "goods.csv").read_text(encoding="utf-8") == newer
    assert (folder / "processed" / second["run_id"] / "goods.brief.yaml").exists()


def rewrite(path: Path, text: str) -> None:
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def test_an_outage_leaves_the_drop_waiting_and_the_next_look_finishes_it(catalogue: Path, folder: Path) -> None:
    from tasks.errors import StorageUnavailable

    drop(catalogue, folder)
    workplace = open_workplace()
    store = FaultyStore(workplace.store, NthPut("masters/", 2, StorageUnavailable("the store is away")))
    workplace.store = store
    (first,) = watch_inbox()
    assert (first["state"], first["tries"]) == ("interrupted", 1)
    assert (folder / "inbox" / "goods.csv").exists()

    store.fault = never
    (second,) = watch_inbox()
    assert (second["state"], second["tries"], second["run_id"]) == ("done", 2, first["run_id"])


def test_what_dies_each_time_is_set_aside(catalogue: Path, folder: Path) -> None:
    """Two beginnings that nobody finished, as a killed watcher leaves them: the third sets the drop aside."""
    drop(catalogue, folder)
    desk = Desk(open_workplace())
    for _ in range(2):
        desk.begin(desk.waiting()[0])
    (outcome,) = watch_inbox()
    assert outcome["state"] == "failed"
    assert "2 interrupted tries" in outcome["reason"]
    assert (folder / "failed" / outcome["run_id"] / "goods.csv").exists()


@pytest.mark.slow
def test_a_watcher_killed_in_the_middle_loses_nothing(
    catalogue: Path, folder: Path, warm_home: Path, small_templates: Path
) -> None:
    """A real process, kill -9 when some pictures are made: the next watcher goes on, and renders only the rest."""
    out = open_workplace().settings.out
    shutil.copytree(warm_home, out / ".prefect")
    drop(
        catalogue, folder, brief=BRIEF.replace("[white-studio]", "[white-studio, wood-morning]").replace("1ms", "900ms")
    )
    environment = {
        **os.environ,
        "SHANGXIN_OUT": str(out),
        "SHANGXIN_TEMPLATES": str(small_templates),
        "SHANGXIN_INBOX_SETTLE_SECONDS": "0",
        "PYTHONPATH": str(PROJECT),
    }
    command = [sys.executable, "-m", "flows", "inbox", str(folder)]
    with (out / "watcher.log").open("wb") as log:
        watcher = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 150
    while not list((out / "masters").rglob("*.png")):
        assert watcher.poll() is None, (out / "watcher.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(watcher.pid, signal.SIGKILL)
    watcher.wait()
    before = {path: path.stat().st_mtime_ns for path in (out / "masters").rglob("*.png")}
    ledger = open_workplace().ledger
    committed = ledger.states().get("done", 0)
    assert status_of(folder)["state"] == "running"
    for owner in ledger.owners():
        ledger.bury(owner)  # as its leases would run out
    (outcome,) = watch_inbox()

    assert (outcome["state"], outcome["tries"]) == ("done", 2)
    assert outcome["counts"]["total"] == 6
    assert outcome["run_id"] == ledger.runs()[0].run_id
    assert len(ledger.runs()) == 1
    untouched = [path for path, written in before.items() if path.stat().st_mtime_ns == written]
    assert len(untouched) >= committed
    assert (folder / "processed" / outcome["run_id"] / "goods.csv").exists()


def test_two_watchers_with_one_drop_make_it_once(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder)
    here, there = Desk(open_workplace()), Desk(open_workplace())
    (seen_here,), (seen_there,) = here.whole(), there.whole()
    done = take_in_flow(here, seen_here)
    assert done["state"] == "done"
    assert take_in_flow(there, seen_there) is None


def take_in_flow(desk: Desk, arrival: Arrival) -> Any:
    outcome = take_drop(desk, arrival)
    return outcome.model_dump() if outcome else None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("inbox/goods.csv", True),
        ("inbox/货 品.XLSX", True),
        ("inbox/goods.csv.gz", True),
        ("inbox/goods.bad_rows.csv", False),
        ("inbox/goods.brief.yaml", False),
        ("inbox/old/goods.csv", False),
        ("inbox/.goods.csv", False),
        ("processed/goods.csv", False),
    ],
)
def test_only_tables_right_under_the_inbox_are_drops(key: str, expected: bool) -> None:
    assert is_catalogue(key) is expected


def test_a_run_id_is_a_key_whatever_the_file_is_called() -> None:
    names = ("inbox/../../etc.csv", "inbox/新品 目录.xlsx", "inbox/" + "x" * 200 + ".csv")
    for name in names:
        assert manifest_key(run_id_of(Arrival(name, "e", 1, 0.0), "")).startswith("runs/inbox-")
