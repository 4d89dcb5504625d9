"""`shangxin placements`, as a person and as a program call it."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from flows.cli import main
from tasks.settings import use_settings


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHANGXIN_OUT", str(tmp_path / "out"))
    use_settings(None)


def picture(folder: Path, *, size: tuple[int, int]) -> Path:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(buffer, "JPEG")
    path = folder / "picture.jpg"
    path.write_bytes(buffer.getvalue())
    return path


def test_list_has_every_placement_and_sets_narrow_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["placements", "list", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert len(everything) == 65
    assert main(["placements", "list", "--json", "--placements", "taobao，google-display"]) == 0
    chosen = [each["id"] for each in json.loads(capsys.readouterr().out)]
    assert len(chosen) == 24
    assert chosen[0] == "taobao-main"


def test_show_gives_each_rule_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["placements", "show", "taobao-white", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["rules"]["min_kb"]["value"] == 38
    assert shown["rules"]["min_kb"]["source"].startswith("https://")
    assert main(["placements", "show", "taobao-white"]) == 0
    assert "2026-11-23" in capsys.readouterr().out


def test_check_exits_by_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = picture(tmp_path, size=(300, 250))
    assert main(["placements", "check", str(file), "--placements", "google-300x250", "--json"]) == 0
    (audit,) = json.loads(capsys.readouterr().out)
    assert audit["result"] == "pass"
    assert main(["placements", "check", str(file), "--placements", "google-728x90"]) == 1
    assert "728x90" in capsys.readouterr().out
    assert main(["placements", "check", str(file), "--placements", "taobao-main"]) == 0
    assert main(["placements", "check", str(file), "--placements", "taobao-main", "--strict"]) == 1


def test_check_without_a_placement_or_a_file_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["placements", "check", str(picture(tmp_path, size=(30, 30)))]) == 2
    assert "--placements" in capsys.readouterr().err
    assert main(["placements", "check", "nowhere.jpg", "--placements", "taobao"]) == 2
    assert main(["placements", "show", "taobao-mian"]) == 2


def test_old_rules_are_named_by_lint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from datetime import UTC, datetime

    import flows.placements as commands

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls(2028, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(commands, "datetime", Later)
    assert main(["lint"]) == 0
    assert "taobao-main" in capsys.readouterr().out
