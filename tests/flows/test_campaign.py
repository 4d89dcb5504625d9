"""The main flow on a real Prefect server, with a renderer that only sleeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.campaign import produce_campaign
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import bad_rows_key, manifest_key, report_key
from tasks.delivery.manifest import ManifestLine, read_manifest
from tasks.workplace import Workplace, open_workplace

pytestmark = pytest.mark.usefixtures("prefect_server", "here")

SCENES = ("white-studio", "wood-morning")


def make_brief(catalogue: Path, **changes: Any) -> CampaignBrief:
    fields = {"scenes": SCENES, "placements": ("taobao-main", "taobao-white"), "model": "sleep-1ms"}
    return CampaignBrief(catalog=str(catalogue), **{**fields, **changes})


def manifest_of(workplace: Workplace, run_id: str) -> list[ManifestLine]:
    return list(read_manifest(workplace.store.get(manifest_key(run_id))))


def test_every_usable_row_ends_in_the_manifest_and_every_other_in_bad_rows(catalogue: Path) -> None:
    counts = produce_campaign(make_brief(catalogue), "run-1")

    workplace = open_workplace()
    lines = manifest_of(workplace, "run-1")
    assert counts["total"] == len(lines) == 6
    assert {(line.sku, line.scene) for line in lines} == {
        (sku, scene) for sku in ("杯/1", "B-2", "C-3") for scene in SCENES
    }
    bad = workplace.store.get(bad_rows_key("run-1")).decode("utf-8-sig").splitlines()
    assert len(bad) == 2
    assert bad[1].startswith("5,image,no.png,")


def test_every_key_of_the_manifest_is_in_the_store_with_its_checksum(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")

    workplace = open_workplace()
    for line in manifest_of(workplace, "run-1"):
        assert line.master is not None
        for key, sha256 in [
            (line.master.key, line.master.sha256),
            *((made.key, made.sha256) for made in line.renditions),
        ]:
            stored = workplace.store.head(key)
            assert stored is not None
            assert stored.sha256 == sha256
    approved = [line for line in manifest_of(workplace, "run-1") if line.status == "approved"]
    assert {line.scene for line in approved} == {"white-studio"}
    assert {made.placement for line in approved for made in line.renditions} == {"taobao-main", "taobao-white"}


def test_only_approved_pictures_are_delivered(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")

    workplace = open_workplace()
    rejected = [line for line in manifest_of(workplace, "run-1") if line.status == "rejected"]
    assert rejected, "the sleeping renderer's flat grounds must not pass for pictures"
    assert all(not line.renditions for line in rejected)
    delivered = {key.split("/")[3].split("-")[0] for key in workplace.store.keys("renditions/")}
    assert delivered.isdisjoint({line.job_id for line in rejected})


def test_a_second_run_renders_nothing_and_says_the_same(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")
    again = produce_campaign(make_brief(catalogue), "run-2")

    workplace = open_workplace()
    assert again["fresh"] == 0
    assert [line.master for line in manifest_of(workplace, "run-1")] == [
        line.master for line in manifest_of(workplace, "run-2")
    ]
    assert workplace.ledger.spent("run-2") == 0


def test_new_placements_are_composed_from_stored_masters(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")
    again = produce_campaign(make_brief(catalogue, placements=("google-300x250",)), "run-2")

    assert again["fresh"] == 0
    lines = manifest_of(open_workplace(), "run-2")
    made = [made.placement for line in lines if line.status == "approved" for made in line.renditions]
    assert made == ["google-300x250"] * 3


def test_a_changed_title_reaches_the_report_without_rendering_again(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace("白瓷杯", "骨瓷杯"), encoding="utf-8")
    again = produce_campaign(make_brief(catalogue), "run-2")

    assert again["fresh"] == 0
    assert "骨瓷杯" in open_workplace().store.get(report_key("run-2")).decode()


def test_a_cancelled_run_stops_and_leaves_no_manifest(catalogue: Path) -> None:
    ledger = open_workplace().ledger
    brief = make_brief(catalogue)
    ledger.begin_run("run-1", brief.model_dump_json())
    ledger.cancel("run-1")
    counts = produce_campaign(brief, "run-1")

    assert counts["unfinished"] == 6
    assert not open_workplace().store.exists(manifest_key("run-1"))
    assert ledger.run("run-1").state == "stopped"


def test_a_run_stops_at_its_budget_and_a_later_one_goes_on(catalogue: Path) -> None:
    brief = make_brief(catalogue, model="sleep-20ms", max_cost=1e-9)
    stopped = produce_campaign(brief, "run-1")
    assert stopped["unfinished"] > 0

    finished = produce_campaign(brief.model_copy(update={"max_cost": None}), "run-2")
    assert finished["unfinished"] == 0
    assert finished["total"] == 6


def test_findings_travel_with_value_and_limit(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")

    first = json.loads(open_workplace().store.get(manifest_key("run-1")).splitlines()[0])
    for finding in first["verdict"]["findings"]:
        assert set(finding) >= {"check", "value", "limit", "passed"}
    assert {"sku", "scene", "variant", "take", "job_id", "status", "prompt", "seed", "size", "model"} <= set(first)
