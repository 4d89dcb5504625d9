"""`shangxin inspect`: for people and programs, whatever the file."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from flows.campaign import produce_campaign
from flows.cli import main
from flows.reproduce import reproduce_here
from tasks.banners.placement import load_placements
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.labels import Labeller, read_labels
from tasks.delivery.manifest import read_manifest
from tasks.settings import PROJECT
from tasks.workplace import open_workplace
from tests.delivery.labelled import CREDITS, make_origin, picture

PLACEMENT = load_placements(PROJECT / "templates" / "placements")["google-300x250"]


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    path = tmp_path / "a picture.jpg"
    path.write_bytes(Labeller(make_origin(sku="[red]杯[/]"), CREDITS).label(picture("jpeg"), PLACEMENT)[0])
    return path


def test_a_delivered_file_tells_everything(delivered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(delivered)]) == 0
    shown = capsys.readouterr().out
    for words in ("as delivered", "sRGB", "91330100MA2X", "ProduceID", "青屿品牌视觉组", "[red]杯[/]", "kolors-nano"):
        assert words in shown


def test_json_holds_the_same(delivered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(delivered), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["state"], found["format"], found["size"]) == ("untouched", "jpeg", [80, 64])
    assert found["labels"]["aigc"]["Label"] == "1"
    assert found["labels"]["recipe"]["sku"] == "[red]杯[/]"


def test_a_file_coded_again_is_told_and_counts_as_failure(delivered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Image.open(io.BytesIO(delivered.read_bytes())) as opened:
        opened.save(delivered, "JPEG", quality=60, xmp=opened.info["xmp"])
    assert main(["inspect", str(delivered)]) == 1
    assert "changed or encoded again" in capsys.readouterr().out


def test_a_strangers_file_has_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "stranger.webp"
    path.write_bytes(picture("webp", icc_profile=None))
    assert main(["inspect", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "无 none" in shown
    assert "none embedded" in shown


@pytest.mark.parametrize(
    "data", [b"", b"no picture", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n" + bytes(40)]
)
def test_what_is_no_picture_is_one_plain_line(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken"
    path.write_bytes(data)
    assert main(["inspect", str(path)]) == 2
    assert f"error: {path}: " in capsys.readouterr().err


def test_a_missing_file_is_one_plain_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "no.jpg")]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.usefixtures("prefect_server")
def test_a_runs_files_carry_labels_and_lead_back_to_their_masters(catalogue: Path, here: Path) -> None:
    brief = CampaignBrief(
        catalog=str(catalogue), scenes=("white-studio",), placements=("taobao-main",), model="sleep-1ms", limit=1
    )
    produce_campaign(brief, "run-1")
    marked = brief.model_copy(update={"visible_mark": True})
    assert produce_campaign(marked, "run-2")["fresh"] == 0

    store, made = open_workplace().store, []
    for run_id in ("run-1", "run-2"):
        (line,) = read_manifest(store.get(f"runs/{run_id}/manifest.jsonl"))
        (rendition,) = line.renditions
        made.append(rendition)
        recipe = read_labels(store.get(rendition.key)).recipe
        assert recipe is not None
        assert (recipe.job_id, recipe.take, recipe.seed) == (line.job_id, line.take, line.seed)
        assert {finding.check: finding.passed for finding in rendition.findings}["labels"]
    assert [each.placement for each in made] == ["taobao-main", "taobao-main.marked"]

    console = Console(record=True, width=200)
    assert reproduce_here(here / "out" / made[0].key, console, catalog="") == 0
    assert "Bit for bit the same" in console.export_text()
