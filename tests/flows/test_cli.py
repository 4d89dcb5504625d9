"""The command line: exit codes, plain errors, and commands that need no rendering."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cli import main
from flows.options import Wanted
from tasks.errors import ConfigurationError
from tasks.settings import Settings, use_settings

SCENES = ["--scenes", "white-studio,wood-morning", "--model", "sleep-1ms"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHANGXIN_OUT", str(tmp_path / "out"))
    yield
    use_settings(None)


def test_plan_prints_one_json_object_a_line(catalogue: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["plan", str(catalogue), "--json", *SCENES]) == 0

    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    jobs = [line for line in lines if "job_id" in line]
    assert [job["sku"] for job in jobs] == ["杯/1", "杯/1", "B-2", "B-2", "C-3", "C-3"]
    assert all(not job["done"] and job["job"]["prompt"] and job["job"]["seed"] for job in jobs)
    assert [line["bad_row"]["line"] for line in lines if "bad_row" in line] == [5]


def test_plan_for_people_names_bad_rows_jobs_and_cost(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(catalogue), *SCENES]) == 0

    shown = capsys.readouterr().out
    assert "no.png" in shown
    assert "wood-morning 3" in shown
    assert "USD" in shown


def test_planning_writes_no_store_and_starts_no_prefect(catalogue: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from flows.cli import main; main(['plan', sys.argv[1], '--model', 'sleep-1ms']);"
        "sys.exit(int('prefect' in sys.modules or 'torch' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(catalogue)], cwd=Path.cwd(), check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert {path.name.split("-")[0] for path in (tmp_path / "out").iterdir()} == {"ledger.db"}


def test_explain_shows_each_part_with_its_file(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(catalogue), "--sku", "B-2", "--scene", "wood-morning"]) == 0

    shown = capsys.readouterr().out
    assert "scenes/wood-morning.yaml" in shown
    assert "prompts/base.yaml" in shown


def test_explain_says_what_sampler_and_tunings_may_change_in_both_languages(
    catalogue: Path, small_templates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    templates = Path(shutil.copytree(small_templates, tmp_path / "templates"))
    scene = templates / "scenes" / "wood-morning.yaml"
    scene.write_text(f"{scene.read_text(encoding='utf-8')}\nsampler: dpm-25-fast\n", encoding="utf-8")
    use_settings(Settings(out=tmp_path / "out", templates=templates))
    shown = {}
    for name, model in (
        ("wood-morning", "sleep-1ms"),
        ("wood-morning", "kolors-nano:fused-qkv"),
        ("white-studio", "kolors-nano"),
    ):
        assert main(["explain", str(catalogue), "--sku", "B-2", "--scene", name, "--model", model]) == 0
        shown[name, model] = " ".join(capsys.readouterr().out.split())
    assert "dpm-25-fast: 以上两项合用" in shown["wood-morning", "sleep-1ms"]
    assert "outlines may be looser" in shown["wood-morning", "sleep-1ms"]
    nano = shown["wood-morning", "kolors-nano:fused-qkv"]
    assert "dpm-25: 步数" in nano  # the draft set's own sampler stands in for the scene's
    assert "fused-qkv: 自注意力" in nano
    assert "nothing is drawn" in shown["white-studio", "kolors-nano"]


def test_the_templates_that_ship_have_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 0
    assert "12 scenes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["plan", "nowhere.csv"], "nowhere.csv"),
        (["plan", "{catalogue}", "--model", "sleep-1ms", "--scenes", "summer-beech"], "summer-beach"),
        (["plan", "{catalogue}", "--placements", "taobao-mian"], "taobao-main"),
        (["plan", "{catalogue}", "--model", "kolors-mano"], "kolors-mano"),
        (["plan", "{catalogue}", "--variants", "99"], "--variants"),
        (["plan"], "catalog"),
        (["explain", "{catalogue}", "--sku", "X", "--scene", "wood-morning"], "'X'"),
        (["run", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_used_is_named_in_a_plain_line(arguments: list[str], expected: str, catalogue: Path) -> None:
    done = _shangxin([word.replace("{catalogue}", str(catalogue)) for word in arguments])

    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def _shangxin(arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flows", *arguments]
    root = str(Path(__file__).parents[2])
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root})


def test_an_option_that_cannot_be_used_is_named() -> None:
    with pytest.raises(ConfigurationError, match="--variants"):
        Wanted(variants=0).brief("a.csv")
