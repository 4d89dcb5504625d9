"""`shangxin models`: what it prints and how it exits; no torch for what only looks."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cli import main
from tasks.settings import use_settings


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHANGXIN_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("SHANGXIN_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    use_settings(None)
    yield
    use_settings(None)


@pytest.fixture
def scheduler(tmp_path: Path) -> Path:
    """A set of which only a wrong scheduler arrived."""
    folder = tmp_path / "models" / "kolors" / "Kolors-diffusers" / "scheduler"
    folder.mkdir(parents=True)
    config = '{"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}'
    (folder / "scheduler_config.json").write_text(config)
    return folder


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """Output with line breaks of the console undone."""
    return " ".join(capsys.readouterr().out.split())


def test_list_names_sets_that_are_not_here_with_the_command_and_the_licences(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "list"]) == 0
    text = shown(capsys)
    assert "kolors not here: `shangxin models fetch kolors`" in text
    assert "Kolors Model License (2024-07-06)" in text
    assert "ChatGLM3-6B Model License" in text


def test_list_says_what_a_set_lacks(scheduler: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scheduler.is_dir()
    assert main(["models", "list"]) == 0
    assert "without Kolors-Inpainting, Kolors-ControlNet-Canny" in shown(capsys)


def test_verify_of_a_wrong_set_exits_with_two_and_names_each_fault(
    scheduler: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", "kolors"]) == 2
    text = shown(capsys)
    assert "scheduler_config.json; 1000 steps, beta_end 0.012" in text
    assert "expected 1100 steps, beta_end 0.014, scaled_linear, sigma_max 29.06" in text
    assert "Kolors-diffusers/unet is missing" in text


def test_verify_of_nothing_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify"]) == 2
    assert "run `shangxin models fetch kolors --only Kolors-diffusers`" in shown(capsys)


def test_wrong_set_is_not_pinned(scheduler: Path) -> None:
    assert main(["models", "verify", "--pin"]) == 2
    assert not (scheduler.parents[1] / "set.lock.json").exists()


def test_convert_without_a_set_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "convert"]) == 2
    assert "shangxin models fetch kolors" in capsys.readouterr().err


def test_fetch_without_a_place_asks_for_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SHANGXIN_MODELS_DIR")
    assert main(["models", "fetch"]) == 2
    assert "set SHANGXIN_MODELS_DIR or give --dir" in capsys.readouterr().err


def test_unknown_set_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", "kolors-huge"]) == 2
    assert "there is: kolors" in capsys.readouterr().err


def test_run_with_a_set_that_is_not_here_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("models", ignore_errors=True)
    Path("c.csv").write_text("sku,title,image\nA,杯,a.png\n", encoding="utf-8")
    assert main(["plan", "c.csv", "--model", "kolors"]) == 2
    assert "run `shangxin models fetch kolors`" in capsys.readouterr().err


def test_doctor_shows_every_licence_with_what_commercial_use_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    text = shown(capsys)
    assert "商用须先向许可方填表登记" in text
    assert "commercial use needs registration with the licensor" in text
    assert "https://github.com/THUDM/ChatGLM3/blob/main/MODEL_LICENSE" in text


@pytest.mark.parametrize("command", [["models", "list"], ["doctor"]])
def test_models_that_help_are_named_with_their_licence_where_they_are_and_where_not(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(command)
    absent = shown(capsys)
    assert "depth-anything/Depth-Anything-V2-Small-hf" in absent
    assert "Apache-2.0" in absent
    assert "not needed" in absent
    folder = tmp_path / "models" / "depth-anything-v2-small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "depth_anything"}')
    (folder / "model.safetensors").write_bytes(b"any")
    main(command)
    found = shown(capsys)
    assert "depth-anything-v2-small" in found
    assert absent.count("not needed") - found.count("not needed") == 1


def test_looking_at_sets_does_not_import_torch() -> None:
    code = "import sys; from flows.cli import main; main(['models', 'list']); main(['models', 'verify']);"
    code += "sys.exit(int('torch' in sys.modules or 'prefect' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path.cwd(), check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
