"""Takes that are asked for after the first round: by the check across pictures, and by people while a run waits."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from flows.campaign import produce_campaign
from flows.rounds import page_of
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.ledger import Filter, Wish
from tasks.delivery.manifest import ManifestLine, read_manifest
from tasks.workplace import open_workplace
from tests.flows.conftest import Renderers
from tests.flows.painting import MODEL

pytestmark = pytest.mark.usefixtures("prefect_server", "here")

PATIENCE_SECONDS = 200.0  # the run waits for ever for a reviewer who gave up


def make_brief(catalogue: Path, **changes: Any) -> CampaignBrief:
    fields = {"scenes": ("wood-morning",), "placements": ("taobao-main",), "model": MODEL}
    return CampaignBrief(catalog=str(catalogue), **{**fields, **changes})


def manifest_of(run_id: str) -> dict[str, ManifestLine]:
    return {line.sku: line for line in read_manifest(open_workplace().store.get(manifest_key(run_id)))}


def twins(catalogue: Path) -> Path:
    path = catalogue.parent / "twins.csv"
    path.write_text("sku,title,image,category\nA,杯,p0.png,drinkware\nB,杯,p0.png,drinkware\n", encoding="utf-8")
    return path


def test_the_later_of_two_like_pictures_gets_another_take(catalogue: Path, paint: Renderers) -> None:
    paint({"p0.png": ["alike", ""]})
    produce_campaign(make_brief(twins(catalogue)), "run-1")
    lines = manifest_of("run-1")
    assert (lines["A"].status, lines["A"].take) == ("approved", 0)
    assert (lines["B"].status, lines["B"].take) == ("approved", 1)
    assert lines["B"].takes[0].status == "review"
    assert lines["B"].takes[1].steering["causes"] == ["duplicate"]
    assert lines["B"].renditions


def test_a_picture_that_stays_like_another_goes_to_a_person_after_so_many_takes(
    catalogue: Path, paint: Renderers
) -> None:
    paint({"p0.png": ["alike"]})
    produce_campaign(make_brief(twins(catalogue)), "run-1")
    lines = manifest_of("run-1")
    assert (lines["B"].status, len(lines["B"].takes)) == ("review", 3)
    assert lines["A"].status == "approved"


class Reviewer(threading.Thread):
    """Asks for another take of the first picture that waits, then approves whatever does; notes what Prefect showed."""

    def __init__(self, run_id: str) -> None:
        super().__init__(daemon=True)
        self._run_id = run_id
        self.shown: set[StateType] = set()
        self.orders = 0

    def run(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        ledger = open_workplace().ledger
        while time.monotonic() < deadline:
            run = next((run for run in ledger.runs() if run.run_id == self._run_id), None)
            if run and run.totals.get("stage") == "waiting":
                for listed in ledger.listed(self._run_id, Filter("review"), limit=10):
                    self._decide(listed.place.job_id)
            if run and run.state != "running":
                return
            time.sleep(0.1)

    def _decide(self, job_id: str) -> None:
        self._look()
        ledger = open_workplace().ledger
        version = ledger.version(job_id)
        choice = "approve" if self.orders else "new_take"
        self.orders += choice == "new_take"
        ledger.decide(Wish(job_id, choice, version, "小林", f"{choice}-{version}", words="更亮"))  # type: ignore[arg-type]

    def _look(self) -> None:
        deadline = time.monotonic() + 20
        while StateType.PAUSED not in self.shown and time.monotonic() < deadline:
            with get_client(sync_client=True) as client:
                self.shown.update(run.state_type for run in client.read_flow_runs() if run.state_type)


def test_a_run_waits_for_people_where_the_brief_says_so_and_links_to_their_page(
    catalogue: Path, paint: Renderers
) -> None:
    paint({"p0.png": ["growth"]})
    reviewer = Reviewer("run-wait")
    reviewer.start()
    counts = produce_campaign(make_brief(catalogue, approval="wait", limit=1), "run-wait")
    reviewer.join(timeout=30)

    line = manifest_of("run-wait")["杯/1"]
    assert (counts["approved"], line.status) == (1, "approved")
    assert line.take == line.takes[-1].take > 1  # after those that the machine had tried
    assert line.takes[-1].steering == {"by": "person", "words": "更亮"}
    assert line.renditions
    assert StateType.PAUSED in reviewer.shown
    with get_client(sync_client=True) as client:
        artifacts = [each.data for each in client.read_artifacts() if each.key == "approval"]
    assert any(page_of(open_workplace(), "run-wait") in str(data) for data in artifacts)


def test_a_run_does_not_wait_unless_the_brief_says_so(catalogue: Path, paint: Renderers) -> None:
    paint({"p0.png": ["growth"]})
    counts = produce_campaign(make_brief(catalogue, limit=1), "run-1")
    assert counts["review"] == 1
    assert open_workplace().store.exists(manifest_key("run-1"))
