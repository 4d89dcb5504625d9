"""Bad input from end to end: every row ends in the manifest or in bad_rows.csv, and nobody gets a traceback."""

import csv
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from flows.campaign import produce_campaign
from flows.cli import main
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import bad_rows_key, manifest_key, report_key
from tasks.delivery.manifest import ManifestLine, read_manifest
from tasks.errors import CatalogError
from tasks.settings import PROJECT, use_settings
from tasks.workplace import open_workplace
from tests.storage.faulty import FaultyStore

MODEL = "sleep-1ms"
WHITE = ["--scenes", "white-studio", "--model", MODEL]

in_a_flow = pytest.mark.usefixtures("prefect_server", "here")


def make_brief(catalogue: Path, **changes: Any) -> CampaignBrief:
    fields = {"scenes": ("white-studio",), "placements": ("taobao-main",), "model": MODEL}
    return CampaignBrief(catalog=str(catalogue), **{**fields, **changes})


def manifest_of(run_id: str) -> list[ManifestLine]:
    return list(read_manifest(open_workplace().store.get(manifest_key(run_id))))


def bad_rows_of(run_id: str) -> list[dict[str, str]]:
    text = open_workplace().store.get(bad_rows_key(run_id)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_catalogue(folder: Path, rows: list[tuple[str, str]]) -> Path:
    """A catalogue of (sku, image) rows; the first row is line 2."""
    path = folder / "goods.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("sku", "title", "image", "category"))
        writer.writerows((sku, "白瓷杯", image, "drinkware") for sku, image in rows)
    return path


def pack_shot(mode: str = "RGB", colour: Any = (200, 40, 60), ground: Any = (255, 255, 255)) -> Image.Image:
    picture = Image.new(mode, (320, 400), ground)
    ImageDraw.Draw(picture).ellipse((60, 40, 260, 360), fill=colour)
    return picture


@pytest.fixture
def odd_pictures(tmp_path: Path) -> Path:
    """A catalogue of every kind of picture that shops send and pipelines stumble over."""
    whole = io.BytesIO()
    pack_shot().save(whole, "JPEG")
    (tmp_path / "truncated.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (tmp_path / "mislabelled.png").write_bytes(b"<!DOCTYPE html><html>404</html>")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("L", (40_000, 40)).save(tmp_path / "wide.png")
    frames = [pack_shot(colour=colour) for colour in ((200, 0, 0), (0, 200, 0))]
    frames[0].save(tmp_path / "animated.webp", save_all=True, append_images=frames[1:], lossless=True)
    pack_shot("CMYK", (0, 200, 180, 20), (0, 0, 0, 0)).save(tmp_path / "cmyk.jpg")
    pack_shot("I;16", 20_000, 65_535).save(tmp_path / "deep.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    pack_shot(colour=(20, 90, 160)).save(tmp_path / "turned.jpg", exif=turned)
    names = ["truncated.jpg", "mislabelled.png", "dot.png", "wide.png", "animated.webp"]
    return write_catalogue(tmp_path, [(name, name) for name in [*names, "cmyk.jpg", "deep.png", "turned.jpg"]])


@in_a_flow
def test_pictures_that_cannot_be_used_are_listed_and_odd_ones_that_can_are_delivered(odd_pictures: Path) -> None:
    counts = produce_campaign(make_brief(odd_pictures), "run-1")

    reasons = {row["line"]: row["reason"] for row in bad_rows_of("run-1")}
    assert set(reasons) == {"2", "3", "4", "5", "6"}
    for line, word in {"2": "truncated", "3": "HTML", "4": "small", "5": "40", "6": "animat"}.items():
        assert word in reasons[line]
    assert [line.sku for line in manifest_of("run-1")] == ["cmyk.jpg", "deep.png", "turned.jpg"]
    assert {line.status for line in manifest_of("run-1")} == {"approved"}
    assert counts["failed"] == 0


HOSTILE_SKUS = [
    "../../etc/passwd",
    "=cmd()",
    "a/b\\c",
    "..",
    "🫖茶壶",
    "杯" * 300,
    "x" * 300,
    "<script>alert(1)</script>",
]
KEY = re.compile(r"(masters|renditions/[a-z0-9-]+)/(?!\.)[A-Za-z0-9._%~-]{1,255}/[0-9a-f]+-0\.(png|jpg|webp)")


@in_a_flow
def test_no_sku_leaves_the_store_or_reaches_a_reader_unescaped(catalogue: Path, here: Path) -> None:
    skus = [*HOSTILE_SKUS, "=1+1", "x" * 301]
    hostile = write_catalogue(
        catalogue.parent, [(sku, "p0.png") for sku in skus[:-2]] + [(skus[-2], "no.png"), (skus[-1], "p0.png")]
    )
    before = {path.name for path in here.iterdir()}
    produce_campaign(make_brief(hostile), "run-1")

    lines = manifest_of("run-1")
    assert [line.sku for line in lines] == HOSTILE_SKUS
    keys = [key for line in lines for key in (line.master.key, *(made.key for made in line.renditions)) if line.master]
    assert all(KEY.fullmatch(key) for key in keys)
    assert len({line.master.key for line in lines if line.master}) == len(HOSTILE_SKUS)
    assert {path.name for path in here.iterdir()} - {"out"} == before
    made = {path.name for path in (here / "out").iterdir() if not path.name.startswith("ledger.db")}
    assert made == {"masters", "renditions", "runs"}
    bad = bad_rows_of("run-1")
    assert [row["line"] for row in bad] == ["10", "11"]
    assert not [cell for row in bad for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    report = open_workplace().store.get(report_key("run-1")).decode()
    assert "<script>alert(1)" not in report


@in_a_flow
def test_where_every_row_is_bad_the_list_is_written_and_named(tmp_path: Path) -> None:
    catalogue = write_catalogue(tmp_path, [("A-1", "no.png"), ("A-2", "none.png")])
    with pytest.raises(CatalogError, match=r"none of the 2 rows.*runs/run-1/bad_rows\.csv"):
        produce_campaign(make_brief(catalogue), "run-1")

    assert [row["line"] for row in bad_rows_of("run-1")] == ["2", "3"]
    assert open_workplace().ledger.run("run-1").state == "failed"


@in_a_flow
def test_a_picture_that_changes_after_planning_fails_alone_and_is_planned_anew(catalogue: Path) -> None:
    workplace = open_workplace()

    def change(key: str) -> None:
        if key.endswith("bad_rows.csv"):  # written when planning is over and rendering has not begun
            pack_shot().save(catalogue.parent / "p1.png")

    workplace.store = FaultyStore(workplace.store, change)
    counts = produce_campaign(make_brief(catalogue), "run-1")
    workplace.store = workplace.store.store

    assert (counts["failed"], counts["unfinished"]) == (1, 0)
    failed = [line for line in manifest_of("run-1") if line.status == "failed"]
    assert [line.sku for line in failed] == ["B-2"]
    assert "changed" in failed[0].reason
    again = produce_campaign(make_brief(catalogue), "run-2")
    assert (again["total"], again["fresh"], again["failed"]) == (3, 1, 0)


@in_a_flow
def test_the_dirty_sample_delivers_its_good_rows_and_lists_the_others(tmp_path: Path) -> None:
    counts = produce_campaign(make_brief(PROJECT / "catalogs" / "sample" / "dirty.csv"), "run-1")

    assert counts["total"] == 3
    assert len(manifest_of("run-1")) == 3
    assert [row["line"] for row in bad_rows_of("run-1")] == ["3", "4", "6", "7", "8", "9", "10"]
    assert all(row["reason"] for row in bad_rows_of("run-1"))


@pytest.fixture
def planning(tmp_path: Path, small_templates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which `plan` works, with templates of its own that may be spoilt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHANGXIN_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("SHANGXIN_TEMPLATES", str(tmp_path / "templates"))
    shutil.copytree(small_templates, tmp_path / "templates")
    yield tmp_path
    use_settings(None)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.csv", b""),
        ("header.csv", b"sku,title,image\n"),
        ("blank.csv", b"\n\n\n"),
        ("noise.csv", bytes(range(256)) * 40),
        ("cut.xlsx", b"PK\x03\x04 and nothing more"),
        ("cut.parquet", b"PAR1 and nothing more"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00 and nothing more"),
        ("columns.csv", b"name,picture\nA,b.png\n"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_a_plain_line(
    name: str, data: bytes, planning: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (planning / name).write_bytes(data)

    assert main(["plan", name, *WHITE]) == 2
    told = capsys.readouterr().err
    assert name in told
    assert told.count("\n") < 4


def test_planning_lists_the_rows_where_every_one_is_bad(planning: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_catalogue(planning, [("A-1", "no.png"), ("A-2", "none.png")])

    assert main(["plan", "goods.csv", *WHITE]) == 2
    told = capsys.readouterr()
    assert "none.png" in told.out
    assert "none of the 2 rows" in told.err


def test_a_template_that_reaches_for_python_is_named_with_its_file(
    planning: Path, catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = planning / "templates" / "scenes" / "white-studio.yaml"
    spoilt = scene.read_text(encoding="utf-8").replace("纯白摄影棚", "'{{ product.__class__.__mro__ }}'")
    scene.write_text(spoilt, encoding="utf-8")

    assert main(["plan", str(catalogue), *WHITE]) == 2
    told = capsys.readouterr().err
    assert "white-studio.yaml" in told
    assert "__class__" in told
    assert "Traceback" not in told
