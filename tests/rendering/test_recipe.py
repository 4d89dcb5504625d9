"""A scene's settings become the job's parts; what is wrong is named by file and field."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.errors import TemplateError
from tasks.prompts.library import Library, load_library
from tasks.rendering.job import ModelRef, Sampler
from tasks.rendering.recipe import check_recipes, recipe_of
from tasks.shapes import Size

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
MODEL = ModelRef(name="kolors", revision="r1")


def write_scene(folder: Path, **fields: Any) -> Library:
    (folder / "scenes").mkdir()
    scene = {"id": "beach", "title": {"zh": "海滩"}} | fields
    (folder / "scenes/beach.yaml").write_text(yaml.safe_dump(scene), encoding="utf-8")
    return load_library(folder)


def test_every_scene_of_the_project_makes_a_job() -> None:
    assert check_recipes(load_library(TEMPLATES)) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"staging": {"share": 1.4}}, r"beach.yaml: staging.share: .*less than or equal to 1 \(found 1.4\)"),
        ({"staging": {"groud": 0.5}}, r"beach.yaml: staging.groud: unknown field. .*did you mean ground\?"),
        ({"shadow": {"softness": "very"}}, r"beach.yaml: shadow.softness: .*found 'very'"),
        ({"controls": [{"kind": "lines"}]}, r"beach.yaml: controls.0.kind: .*'canny', 'depth' or 'pose'"),
        ({"sampler": "dpm-52"}, r"beach.yaml: sampler: there is no preset 'dpm-52'. .*did you mean dpm-25\?"),
    ],
)
def test_a_wrong_setting_is_named_by_file_and_field(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    library = write_scene(tmp_path, **fields)
    with pytest.raises(TemplateError, match=message):
        recipe_of(library, library.scene("beach"), model=MODEL)
    [problem] = check_recipes(library)
    assert re.search(message, f"{problem.file}: {problem.message}")


def test_the_scenes_light_gives_the_shadow_its_direction() -> None:
    library = load_library(TEMPLATES)
    recipe = recipe_of(library, library.scene("summer-beach"), model=MODEL)
    assert recipe.shadow is not None
    assert recipe.shadow.direction == 30


def test_a_model_may_bring_its_own_size_and_sampler() -> None:
    library = load_library(TEMPLATES)
    sampler = Sampler(preset="dpm-25", steps=8, guidance_scale=3)
    recipe = recipe_of(library, library.scene("city-night"), model=MODEL, size=Size(512, 512), sampler=sampler)
    job = recipe.job(prompt="", negative_prompt="", seed=1, product_image="0" * 64)
    assert (job.size, job.sampler) == (Size(512, 512), sampler)


def test_reference_pictures_enter_the_job_by_digest(tmp_path: Path) -> None:
    (tmp_path / "look.png").write_bytes(b"one")
    library = write_scene(tmp_path, reference={"images": ["look.png"], "scale": 0.4})
    recipe = recipe_of(library, library.scene("beach"), model=MODEL)
    assert recipe.reference is not None
    assert recipe.reference.images == (library.references["look.png"],)
