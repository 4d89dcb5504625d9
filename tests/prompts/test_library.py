"""Files under templates/ are read strictly: file and field of what is wrong are named."""

import shutil
from pathlib import Path

import pytest

from tasks.errors import TemplateError
from tasks.prompts.expand import expand
from tasks.prompts.library import Library, load_library
from tasks.prompts.lint import lint
from tasks.prompts.parts import PARTS
from tasks.shapes import Size
from tests.prompts.conftest import TEMPLATES, make_product

SCENE = "id: beach\ntitle: {zh: 海滩}\n"


def load(folder: Path, text: str, name: str = "scenes/beach.yaml") -> Library:
    (folder / "scenes").mkdir(exist_ok=True)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return load_library(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SCENE + "sahdow: {}\n", r"scenes/beach.yaml: unknown field sahdow. Known: .*; did you mean shadow\?"),
        (SCENE + "prompt: {set: {sruface: 沙}}\n", r"there is no part 'sruface'. Known: .*; did you mean surface\?"),
        (SCENE + "prompt: {ste: {surface: 沙}}\n", r"beach.yaml: unknown field prompt.ste"),
        (SCENE + "prompt: {set: {surface: 12}}\n", r"prompt.set.surface: .*string \(found 12\)"),
        (SCENE + "prompt: {set: {mood: 静}, drop: [mood]}\n", r"part mood is both given and dropped"),
        (SCENE + f"prompt: {{set: {{mood: {'静' * 2001}}}}}\n", r"prompt.mood: 2001 characters, at most 2000"),
        (SCENE + "size: [1000, 1024]\n", r"size: 1000x1024 does not fit: both sides must be multiples of 64"),
        (SCENE + "light: 400\n", r"light: .*less than 360 \(found 400\)"),
        (SCENE + "title: {zh: 沙滩}\n", r"beach.yaml: cannot be read: key 'title' is written twice"),
        ("title: {zh: 海滩}\n", r"beach.yaml: id: Field required"),
        ("id: sea\ntitle: {zh: 海滩}\n", r"beach.yaml: id is 'sea', expected the file's own name 'beach'"),
        ("- a\n", r"beach.yaml: holds a list, expected fields"),
        ("id: [\n", r"beach.yaml: cannot be read: "),
        ("a: !!python/object/apply:os.system ['true']\n", r"could not determine a constructor"),
        (SCENE + "reference: {images: [../secret.png]}\n", r"reference.images: '../secret.png' is not a file under"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        load(tmp_path, text)


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/beach.yaml").write_bytes("id: 海滩".encode("gb18030"))
    with pytest.raises(TemplateError, match=r"beach.yaml: is not UTF-8 .* Save it as UTF-8"):
        load_library(tmp_path)


def test_a_folder_without_scenes_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"has no folder scenes/\. Point SHANGXIN_TEMPLATES"):
        load_library(tmp_path)


def test_a_scene_needs_no_more_than_id_and_title(tmp_path: Path) -> None:
    scene = load(tmp_path, SCENE).scene("beach")
    assert (scene.size, scene.background, scene.sampler) == (Size(1024, 1024), "generated", "dpm-25")


def test_two_files_may_not_share_a_name(tmp_path: Path) -> None:
    load(tmp_path, SCENE)
    with pytest.raises(TemplateError, match=r"sea.yaml: the name '海滩' is already taken by .*scenes/beach.yaml"):
        load(tmp_path, "id: sea\ntitle: {zh: 海滩}\n", "scenes/sea.yaml")


def test_names_are_found_by_id_title_and_alias(library: Library) -> None:
    assert library.category_id("skincare") == library.category_id("护肤") == library.category_id(" 面霜 ") == "skincare"
    assert library.brand_id("青屿") == library.brand_id("qingyu") == "qingyu"
    assert library.scene("大理石浴室").id == "marble-bathroom"
    assert library.category_id("挖掘机") == ""


def test_reference_pictures_are_known_by_digest(tmp_path: Path) -> None:
    (tmp_path / "look.png").write_bytes(b"")
    library = load(tmp_path, SCENE + "reference: {images: [look.png]}\n")
    assert library.references["look.png"].startswith("e3b0c44298fc1c14")


def test_the_project_has_twelve_scenes_and_each_category_gets_at_least_four(library: Library) -> None:
    assert len(library.scenes) == 12
    for category in library.categories:
        assert len(library.scenes_for(make_product(category=category))) >= 4, category


def test_the_example_of_the_scenes_readme_is_a_scene_that_lint_passes(tmp_path: Path) -> None:
    templates = shutil.copytree(TEMPLATES, tmp_path / "templates")
    example = (templates / "scenes/README.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (templates / "scenes/rainy-window.yaml").write_text(example, encoding="utf-8")
    library = load_library(templates)
    assert lint(library, []) == []
    prompt = expand(library, make_product(category="茶叶", color="墨绿"), library.scene("雨窗")).positive
    assert prompt.startswith("深色胡桃木窗台，细密的水珠，雨天的玻璃窗")
    assert "与墨绿相衬的青灰色调" in prompt


def test_the_readme_lists_the_parts_in_their_order() -> None:
    text = (TEMPLATES / "scenes/README.md").read_text(encoding="utf-8")
    for polarity, parts in PARTS.items():
        assert f"| `{polarity}` | {', '.join(parts)} |" in text
