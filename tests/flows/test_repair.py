"""Campaigns whose pictures come out badly: what is repaired, what a person gets, what stays on record."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.campaign import produce_campaign
from flows.reproduce import reproduce_here
from flows.summary import print_summary
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key, report_key
from tasks.delivery.manifest import ManifestLine, comparable, read_manifest
from tasks.errors import RenderError
from tasks.settings import get_settings, use_settings
from tasks.workplace import open_workplace
from tests.flows.conftest import Renderers
from tests.flows.painting import MODEL, Drawn, digest_of

pytestmark = pytest.mark.usefixtures("prefect_server", "here")


def make_brief(catalogue: Path, **changes: Any) -> CampaignBrief:
    fields = {"scenes": ("wood-morning",), "placements": ("taobao-main",), "model": MODEL}
    return CampaignBrief(catalog=str(catalogue), **{**fields, **changes})


def manifest_of(run_id: str) -> dict[str, ManifestLine]:
    return {line.sku: line for line in read_manifest(open_workplace().store.get(manifest_key(run_id)))}


def statuses(line: ManifestLine) -> list[str]:
    return [take.status for take in line.takes]


def test_each_fault_is_mended_as_the_table_says_or_goes_to_a_person(catalogue: Path, paint: Renderers) -> None:
    renderer = paint({"p0.png": ["growth", ""], "p1.png": ["dark"], "p2.png": ["noise"]})
    produce_campaign(make_brief(catalogue), "run-1")
    lines = manifest_of("run-1")

    grown = lines["杯/1"]
    assert (grown.status, grown.take, statuses(grown)) == ("approved", 1, ["review", "approved"])
    steering = grown.takes[1].steering
    assert (steering["by"], steering["keep_ring"]) == ("repair", 12)
    assert "growth" in steering["causes"]
    assert {made.placement for made in grown.renditions} == {"taobao-main"}

    dark = lines["B-2"]
    assert (dark.status, dark.takes[0].status) == ("approved", "review")
    assert (dark.takes[1].steering["causes"], dark.takes[1].steering["seed_of"]) == (["exposure"], 0)
    drawn = [drawn.take for drawn in renderer.drawn if drawn.product == grown_digest(catalogue, "p1.png")]
    assert drawn.count(0) == 1, "the first drawing is toned, not drawn again"
    assert 1 not in drawn
    assert dark.takes[1].cost < dark.takes[0].cost / 10

    noisy = lines["C-3"]
    assert (noisy.status, statuses(noisy)) == ("rejected", ["rejected"] * 3)
    assert not noisy.renditions
    for line in lines.values():
        assert all(open_workplace().store.exists(take.key) for take in line.takes)
        assert line.cost == pytest.approx(sum(take.cost for take in line.takes))


def grown_digest(catalogue: Path, image: str) -> str:
    return digest_of(open_workplace(), catalogue, image)


def test_repaired_masters_are_reproduced_bit_for_bit(catalogue: Path, paint: Renderers, here: Path) -> None:
    paint({"p0.png": ["growth", ""], "p1.png": ["dark"]})
    produce_campaign(make_brief(catalogue), "run-1")
    for sku in ("杯/1", "B-2"):
        line = manifest_of("run-1")[sku]
        assert line.master
        assert line.take >= 1
        console = Console(record=True, width=200)
        reproduce_here(here / "out" / line.master.key, console, catalog=str(catalogue))
        assert "Bit for bit the same" in console.export_text()


def test_a_budget_stops_repairs_and_the_next_run_goes_on_to_the_same_manifest(
    catalogue: Path, paint: Renderers, here: Path
) -> None:
    defects = {"p0.png": ["growth", ""], "p1.png": ["noise", "noise", ""], "p2.png": ["growth"]}
    paint(defects)
    stopped = produce_campaign(make_brief(catalogue, max_cost=0.001), "stopped")
    assert stopped["unfinished"]
    assert not open_workplace().store.exists(manifest_key("stopped"))
    resumed = produce_campaign(make_brief(catalogue), "resumed")
    assert resumed["unfinished"] == 0
    disturbed = {sku: comparable(line) for sku, line in manifest_of("resumed").items()}

    use_settings(get_settings().model_copy(update={"out": here / "other"}))
    paint(defects)
    produce_campaign(make_brief(catalogue), "undisturbed")
    assert {sku: comparable(line) for sku, line in manifest_of("undisturbed").items()} == disturbed


def test_the_best_of_several_candidates_is_kept_and_all_are_on_record(catalogue: Path, paint: Renderers) -> None:
    paint({"p0.png": ["", "noise", ""], "p1.png": ["growth", "", "growth"]})
    brief = make_brief(catalogue, scenes=("wood-morning", "white-studio"), candidates=3)
    produce_campaign(brief, "run-1")
    lines = list(read_manifest(open_workplace().store.get(manifest_key("run-1"))))
    drawn = {line.sku: line for line in lines if line.scene == "wood-morning"}

    assert drawn["杯/1"].take in (0, 2)
    assert statuses(drawn["杯/1"]) == ["approved", "rejected", "approved"]
    assert (drawn["B-2"].take, statuses(drawn["B-2"])) == (1, ["review", "approved", "review"])
    assert all(line.status == "approved" and line.renditions for line in lines)
    assert all(len(line.takes) == 1 for line in lines if line.scene == "white-studio")
    again = produce_campaign(brief, "run-2")
    assert again["fresh"] == 0


def test_a_run_in_which_everything_fails_says_the_likeliest_cause_before_anything_else(
    catalogue: Path, paint: Renderers
) -> None:
    paint({"p0.png": ["noise"], "p1.png": ["noise"], "p2.png": ["growth"]})
    produce_campaign(make_brief(catalogue), "run-1")
    console = Console(record=True, width=200)
    print_summary(open_workplace(), "run-1", console)
    told = console.export_text()
    assert "The likeliest common cause: 画面噪乱 Noise instead of a picture (2/3)" in told
    assert told.index("likeliest common cause") < told.index("结果 outcome")
    page = open_workplace().store.get(report_key("run-1")).decode()
    assert page.index("最可能的共同原因") < page.index('class="figures"')


def test_a_repair_that_cannot_be_made_leaves_the_take_there_was(catalogue: Path, paint: Renderers) -> None:
    renderer = paint({"p0.png": ["growth"]})
    plant = renderer.plant

    def fail_later(drawn: Drawn) -> str:
        if drawn.take:
            raise RenderError("out of memory")
        return plant(drawn)

    renderer.plant = fail_later
    counts = produce_campaign(make_brief(catalogue), "run-1")
    line = manifest_of("run-1")["杯/1"]
    assert counts["failed"] == 0
    assert (line.status, line.take, statuses(line)) == ("review", 0, ["review"])
