import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.quality.evidence import Evidence
from tasks.quality.models import Models, check_with_models
from tasks.quality.thresholds import load_thresholds
from tests.quality import pictures
from tests.quality.planting import letters

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
MODELS = Models()


@pytest.fixture(scope="module")
def clean() -> Evidence:
    return pictures.master("marble", "bottle", seed=3)  # its label has lines of type


def test_letters_in_the_background_are_found_where_they_stand(clean: Evidence) -> None:
    (before,) = (each for each in check_with_models(clean, LIMITS, MODELS) if each.check == "text")
    defect = letters(clean, 1.0, 1)
    (after,) = (each for each in check_with_models(defect, LIMITS, MODELS) if each.check == "text")

    assert before.passed
    assert before.value is not None
    assert (after.passed, after.cause, after.severity) == (False, "text", "review")
    changed = (defect.pixels != clean.pixels).any(axis=2)
    assert after.box is not None
    left, top, right, bottom = after.box
    assert changed[top:bottom, left:right].any()


def test_a_scene_with_lettering_is_not_asked(clean: Evidence) -> None:
    found = check_with_models(letters(clean, 1.0, 1), LIMITS.without("text"), MODELS)

    assert "text" not in {each.check for each in found}


def test_threads_share_one_detector(clean: Evidence) -> None:
    models = Models()
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: check_with_models(clean, LIMITS, models), range(3)))

    assert found[0] == found[1] == found[2]


def test_without_the_package_the_check_says_that_it_could_not_measure(tmp_path: Path) -> None:
    (tmp_path / "rapidocr.py").write_text("raise ImportError('not here')")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
from pathlib import Path
from tasks.findings import judge
from tasks.quality.models import Models, check_with_models
from tasks.quality.thresholds import load_thresholds
from tests.quality import pictures
limits = load_thresholds(Path("templates/quality")).choose()
picture = pictures.master("marble", "mug", side=256)
for one in (limits, limits.strict):
    found = check_with_models(picture, one, Models())
    text = next(each for each in found if each.check == "text")
    print(text.value, text.passed, text.cause, text.severity, "not here" in text.detail, judge([text]).status)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )

    assert done.stdout.splitlines() == [
        "None False not_measured note True approved",
        "None False not_measured review True review",
    ]
