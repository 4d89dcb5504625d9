"""`shangxin doctor` on what banners need: fonts and their characters, copy, logos, file formats."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from flows.cli import main
from tasks.banners.formats import written_formats
from tasks.settings import PROJECT

HEADER = "sku,title,image,brand,copy,copy_badge,copy_en\n"


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The templates that ship, to be spoiled."""
    folder = tmp_path / "templates"
    shutil.copytree(PROJECT / "templates", folder)
    monkeypatch.setenv("SHANGXIN_TEMPLATES", str(folder))
    monkeypatch.setenv("SHANGXIN_OUT", str(tmp_path / "out"))
    return folder


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Three products: sound copy, an emoji in the headline, and in another language and in what can be left out."""
    Image.new("RGB", (700, 700), "teal").save(tmp_path / "a.png")
    rows = [
        "A,茶,a.png,山月,春天，装进一罐,新茶,",
        "B,杯,a.png,山月,慢一点🌞,,",
        "C,灯,a.png,山月,点亮它,שלום,Light it 🔥",
    ]
    path = tmp_path / "c.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["doctor", *arguments])
    return status, " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("templates")
def test_what_ships_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = doctor(capsys)
    assert status == 0
    for family in ("sans", "serif", "latin"):
        for weight in ("regular", "bold"):
            assert f"✓ font {family} {weight}" in text
    for form in ("jpeg", "png", "webp", "avif"):
        assert f"✓ format {form} written, read back, sRGB inside" in text
    assert "✓ colour profiles littleCMS" in text
    assert "products.csv: the fonts here have every character of it" in text
    assert "✓ logos 13 of 13 brands" in text


def test_a_missing_weight_is_told_with_the_way_out(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (templates / "fonts" / "ShangxinSerif-Bold.otf").unlink()
    status, text = doctor(capsys)
    assert status == 2
    assert "✗ fonts " in text
    assert "font is missing, and copy is set in it" in text
    assert "Restore templates/fonts" in text


def test_a_font_without_everyday_characters_is_told(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(templates / "fonts" / "ShangxinLatin-Bold.otf", templates / "fonts" / "ShangxinSans-Bold.otf")
    status, text = doctor(capsys)
    assert status == 2
    assert "✗ font sans bold ShangxinSans-Bold.otf: 342 characters, without 一丁七" in text
    assert "(3755 of everyday print)" in text


@pytest.mark.usefixtures("templates")
def test_copy_that_cannot_be_set_is_told_by_line(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = doctor(capsys, str(catalogue))
    assert status == 0
    assert "line 3 (B, zh-CN): headline '慢一点🌞' holds emoji" in text
    assert "banners are refused" in text
    assert "line 4 (C, zh-CN): badge 'שלום' is written from right to left" in text
    assert "line 4 (C, en): headline 'Light it 🔥' holds emoji" in text
    assert "(A," not in text


@pytest.mark.usefixtures("templates")
def test_lint_tells_it_too_and_fails_for_a_headline(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(catalogue)]) == 2
    text = " ".join(capsys.readouterr().out.split())
    assert "error " in text
    assert "line 3, headline (zh-CN): '慢一点🌞' holds emoji" in text
    assert "line 4, badge (zh-CN)" in text


def test_a_logo_that_is_no_picture_is_told(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (templates / "brands" / "qingyu.png").write_bytes(b"no picture")
    (templates / "brands" / "mowu.png").unlink()
    status, text = doctor(capsys)
    assert status == 0
    assert "! logo qingyu qingyu.png cannot be read (UnidentifiedImageError)" in text
    assert "! logo mowu mowu.png cannot be read (FileNotFoundError)" in text


def test_a_format_that_the_libraries_lack_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dict(written_formats()) == {"jpeg": "", "png": "", "webp": "", "avif": ""}
    monkeypatch.delitem(Image.SAVE, "AVIF")  # as a Pillow built without libavif has it
    told = dict(written_formats())
    assert "cannot be written here (KeyError" in told["avif"]
    assert told["webp"] == ""
