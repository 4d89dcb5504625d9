"""What is judged over a whole run: duplicates across jobs, in catalogue order whatever came first."""

from pathlib import Path
from typing import Any

import pytest

from flows.campaign import produce_campaign
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.manifest import ManifestLine, comparable, read_manifest
from tasks.settings import Settings, use_settings
from tasks.workplace import open_workplace

pytestmark = pytest.mark.usefixtures("prefect_server", "here")


def write_catalogue(folder: Path, name: str, rows: list[tuple[str, str]]) -> Path:
    lines = ["sku,title,image,category", *(f"{sku},白瓷杯,{image},drinkware" for sku, image in rows)]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def produce(catalogue: Path, run_id: str) -> dict[str, ManifestLine]:
    brief = CampaignBrief(
        catalog=str(catalogue), scenes=("white-studio",), placements=("taobao-main",), model="sleep-1ms"
    )
    produce_campaign(brief, run_id)
    lines = read_manifest(open_workplace().store.get(manifest_key(run_id)))
    return {line.sku: line for line in lines}


def duplicate_finding(line: ManifestLine) -> Any:
    assert line.verdict
    return next(finding for finding in line.verdict.findings if finding.check == "duplicate")


def test_the_later_of_two_like_pictures_waits_for_a_person_and_is_not_delivered(catalogue: Path) -> None:
    twins = write_catalogue(catalogue.parent, "twins.csv", [("A", "p0.png"), ("B", "p1.png"), ("C", "p0.png")])
    lines = produce(twins, "run-1")

    assert {sku: line.status for sku, line in lines.items()} == {"A": "approved", "B": "approved", "C": "review"}
    assert not duplicate_finding(lines["C"]).passed
    assert lines["A"].job_id in duplicate_finding(lines["C"]).detail
    assert lines["A"].renditions
    assert lines["C"].renditions == ()


def test_catalogue_order_decides_even_where_the_later_picture_was_made_first(
    catalogue: Path, here: Path, small_templates: Path
) -> None:
    late = write_catalogue(catalogue.parent, "late.csv", [("C", "p0.png")])
    both = write_catalogue(catalogue.parent, "both.csv", [("A", "p0.png"), ("C", "p0.png")])
    alone = produce(late, "run-1")
    together = produce(both, "run-2")
    alone_again = produce(late, "run-3")
    use_settings(Settings(out=here / "fresh", templates=small_templates))
    undisturbed = produce(both, "run-1")

    assert alone["C"].status == "approved"
    assert together["A"].status == "approved"
    assert together["C"].status == "review"
    assert [comparable(line) for line in together.values()] == [comparable(line) for line in undisturbed.values()]
    assert comparable(alone_again["C"]) == comparable(alone["C"])
