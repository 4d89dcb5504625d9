"""Several masters a picture: each placement is cut from the one that fits it, and new ones without rendering."""

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from flows.campaign import produce_campaign
from flows.laptop import compose_here
from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_stored
from tasks.settings import PROJECT, Settings, use_settings
from tasks.shapes import Size
from tasks.workplace import open_workplace
from tests.flows.rendering import approve

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_each_placement_comes_from_the_master_planned_for_it(catalogue: Path, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(PROJECT / "templates", templates)
    use_settings(Settings(out=tmp_path / "out", templates=templates))
    brief = CampaignBrief(
        catalog=str(catalogue),
        scenes=("wood-morning",),
        placements=("taobao-main", "wechat-cover"),
        masters=2,
        limit=1,
        model="sleep-1ms",
    )
    produce_campaign(brief, "run-1")

    workplace = open_workplace()
    ledger = workplace.ledger
    for record in ledger.results("run-1"):  # a person takes the stand-in's flat grounds for pictures
        approve(ledger, record)
    assert sum(compose_stored(workplace, "run-1", brief)) == 2
    records = list(ledger.results("run-1"))
    made = {record.job.size: {each.placement for each in record.renditions} for record in records}
    wide = next(size for size in made if size != Size(1024, 1024))
    assert made == {Size(1024, 1024): {"taobao-main"}, wide: {"wechat-cover"}}
    assert wide.ratio > 2
    assert len({record.job.seed for record in records}) == 1

    # a new placement goes to the master whose shape is nearest; nothing is rendered
    assert compose_here(("meta-feed-square", "google-970x250"), Console(quiet=True), limit=None) == 0
    later = {record.job.size: {each.placement for each in record.renditions} for record in ledger.results("run-1")}
    assert later[Size(1024, 1024)] - made[Size(1024, 1024)] == {"meta-feed-square"}
    assert later[wide] - made[wide] == {"google-970x250"}
    assert ledger.counts("run-1").approved == len(records)
    use_settings(None)
