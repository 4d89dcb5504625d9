"""People are drawn as the pose net was trained to see them, from keypoints in a scene or a file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tasks.errors import RenderError, TemplateError
from tasks.prompts.library import Library, load_library
from tasks.rendering.controls import draw_control
from tasks.rendering.job import ControlUse, ModelRef, Person, Staging
from tasks.rendering.poses import read_people
from tasks.rendering.recipe import recipe_of
from tasks.rendering.skeleton import COLOURS, LIMBS, draw_skeletons
from tasks.shapes import Size

STANDING = (
    (0.5, 0.2), (0.5, 0.3), (0.42, 0.3), (0.4, 0.42), (0.4, 0.52), (0.58, 0.3), (0.6, 0.42), (0.6, 0.52), (0.45, 0.55),
    (0.45, 0.7), (0.45, 0.88), (0.55, 0.55), (0.55, 0.7), (0.55, 0.88), (0.48, 0.18), (0.52, 0.18), (0.46, 0.19),
    (0.54, 0.19),
)  # fmt: skip
FRAME = Size(256, 256)


def at(picture: np.ndarray, point: tuple[float, float]) -> tuple[int, ...]:
    return tuple(int(value) for value in picture[round(point[1] * 256), round(point[0] * 256)])


def test_joints_have_the_palette_of_openpose_and_limbs_are_dimmed() -> None:
    drawn = draw_skeletons((Person(keypoints=STANDING),), FRAME)
    assert at(drawn, STANDING[10]) == COLOURS[10]
    assert at(drawn, STANDING[4]) == COLOURS[4]
    first, second = LIMBS[8]  # knee to ankle
    middle = tuple((a + b) / 2 for a, b in zip(STANDING[first], STANDING[second], strict=True))
    assert at(drawn, middle) == tuple(round(0.6 * value) for value in COLOURS[8])
    assert (drawn[0] == 0).all()


def test_a_keypoint_not_seen_takes_its_limbs_with_it() -> None:
    hidden = tuple(None if index == 10 else point for index, point in enumerate(STANDING))
    drawn = draw_skeletons((Person(keypoints=hidden),), FRAME)
    assert at(drawn, (0.45, 0.8)) == (0, 0, 0)
    assert at(drawn, STANDING[9]) == COLOURS[9]


def test_the_control_has_the_works_size_and_needs_somebody() -> None:
    expected, alpha = np.zeros((128, 192, 3), np.uint8), np.zeros((128, 192), np.uint8)
    use = ControlUse(kind="pose")
    drawn = draw_control(use, expected, alpha, Staging(), people=(Person(keypoints=STANDING),))
    assert drawn.shape == (128, 192, 3)
    assert drawn.any()
    with pytest.raises(RenderError, match="nobody to draw"):
        draw_control(use, expected, alpha, Staging())


def pose_file(folder: Path, *, count: int = 18, **changes: Any) -> Path:
    order = range(18) if count == 18 else (*range(8), 0, *range(8, 18), *[0] * 6)
    numbers = [n for index in order for n in (STANDING[index][0] * 500, STANDING[index][1] * 1000, 0.9)]
    content = {"canvas_width": 500, "canvas_height": 1000, "people": [{"pose_keypoints_2d": numbers}], **changes}
    path = folder / "poses" / "standing.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("count", [18, 25])
def test_a_file_of_18_or_25_keypoints_gives_the_same_person(tmp_path: Path, count: int) -> None:
    (person,) = read_people(pose_file(tmp_path, count=count))
    assert np.allclose(person["keypoints"], STANDING)


@pytest.mark.parametrize(
    "changes", [{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}, {"canvas_width": 0}, {"people": 3}]
)
def test_what_is_no_pose_is_refused_with_what_was_expected(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="18 or 25 triples"):
        read_people(pose_file(tmp_path, **changes))


def library_of(folder: Path, **fields: Any) -> Library:
    (folder / "scenes").mkdir(exist_ok=True)
    scene = {"id": "walk", "title": {"zh": "街拍"}, "controls": [{"kind": "pose"}]} | fields
    (folder / "scenes/walk.yaml").write_text(yaml.safe_dump(scene), encoding="utf-8")
    return load_library(folder)


def test_a_scenes_pose_file_becomes_the_jobs_keypoints(tmp_path: Path) -> None:
    pose_file(tmp_path)
    library = library_of(tmp_path, people=[{"file": "poses/standing.json"}])
    recipe = recipe_of(library, library.scene("walk"), model=ModelRef(name="k", revision="1"))
    assert np.allclose(recipe.people[0].keypoints, STANDING)


@pytest.mark.parametrize(
    ("people", "message"),
    [([], "nobody to draw"), ([{"file": "../x.json"}], "not a file under"), ([{"file": "no.json"}], "no such file")],
)
def test_a_scene_with_a_pose_of_nobody_is_told_so(tmp_path: Path, people: list[Any], message: str) -> None:
    library = library_of(tmp_path, people=people)
    with pytest.raises(TemplateError, match=message):
        recipe_of(library, library.scene("walk"), model=ModelRef(name="k", revision="1"))
