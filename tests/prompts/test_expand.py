"""Layers lie in a fixed order, and what each of them says ends up in its part."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import TemplateError
from tasks.prompts.expand import Expander, expand
from tasks.prompts.explain import explain, joined
from tasks.prompts.library import Library, load_library
from tasks.prompts.parts import PARTS
from tasks.prompts.stack import Stack, stack_of
from tests.prompts.conftest import make_product


def write(folder: Path, files: dict[str, dict[str, Any]]) -> Library:
    """A library of the given files; ids and titles are filled in."""
    for name, content in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        named = name.startswith(("scenes", "brands", "prompts/categories", "prompts/locales"))
        head = {"id": path.stem, "title": {"zh": path.stem}} if named else {}
        path.write_text(yaml.safe_dump(head | content, allow_unicode=True), encoding="utf-8")
    return load_library(folder)


def say(text: str) -> dict[str, Any]:
    return {"prompt": {"append": {"mood": text}}}


LAYERS = {
    "prompts/base": {"prompt": {"set": {"mood": "底"}}},
    "scenes/beach": say("景"),
    "prompts/categories/skincare": say("类"),
    "brands/qingyu": say("牌"),
    "prompts/locales/en": say("语"),
    "prompts/skus/one": {"sku": "QY-001"} | say("品"),
}
PRODUCT = {"brand": "qingyu", "locale": "en"}


def test_layers_speak_in_a_fixed_order(tmp_path: Path) -> None:
    library = write(tmp_path, LAYERS)
    product = make_product(**PRODUCT, extra={"prompt_mood": "+格"})
    assert expand(library, product, library.scene("beach")).positive == "底，景，类，牌，语，品，格"


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"set": {"mood": "牌"}}, "牌，语，品"),
        ({"append": {"mood": "牌"}}, "底，景，类，牌，语，品"),
        ({"drop": ["mood"]}, "语，品"),
        ({"set": {"mood": "牌"}, "append": {"mood": "再"}}, "牌，再，语，品"),
    ],
)
def test_a_layer_sets_appends_or_drops(tmp_path: Path, edit: dict[str, Any], text: str) -> None:
    library = write(tmp_path, LAYERS | {"brands/qingyu": {"prompt": edit}})
    assert expand(library, make_product(**PRODUCT), library.scene("beach")).positive == text


@pytest.mark.parametrize(
    ("cell", "text"), [("格", "格"), ("+格", "底，景，类，牌，语，品，格"), ("-", ""), ("  ", "底，景，类，牌，语，品")]
)
def test_a_cell_of_the_catalogue_has_the_last_word(tmp_path: Path, cell: str, text: str) -> None:
    library = write(tmp_path, LAYERS)
    product = make_product(**PRODUCT, extra={"prompt_mood": cell})
    assert expand(library, product, library.scene("beach")).positive == text


def test_cells_are_text_and_never_templates(library: Library) -> None:
    product = make_product(extra={"prompt_mood": "{{ product.__class__ }}{% for"})
    assert "{{ product.__class__ }}{% for" in expand(library, product, library.scene("summer-beach")).positive


def test_a_column_that_names_no_part_is_refused(library: Library) -> None:
    product = make_product(extra={"prompt_sruface": "沙"})
    with pytest.raises(TemplateError, match=r"column prompt_sruface names no part .*did you mean prompt_surface\?"):
        expand(library, product, library.scene("summer-beach"))


def test_parts_come_in_their_order_whatever_the_file_says(tmp_path: Path) -> None:
    parts = {part: part for part in reversed(PARTS["prompt"])}
    library = write(tmp_path, {"scenes/beach": {"prompt": {"set": parts}}})
    assert expand(library, make_product(), library.scene("beach")).positive.split("，") == list(PARTS["prompt"])


def test_empty_parts_leave_no_stray_commas(tmp_path: Path) -> None:
    parts = {
        "surface": "{% if product.material %}{{ product.material }}台面，{% endif %}",
        "light": "，柔光。 ",
        "mood": " ",
    }
    library = write(tmp_path, {"scenes/beach": {"prompt": {"set": parts}}})
    assert expand(library, make_product(), library.scene("beach")).positive == "柔光"
    assert expand(library, make_product(material="石"), library.scene("beach")).positive == "石台面，柔光"


def test_brand_fields_are_empty_without_a_brand(tmp_path: Path) -> None:
    scene = {"prompt": {"set": {"mood": "{{ brand.title }}{{ brand.tone }}"}}}
    library = write(tmp_path, {"scenes/beach": scene, "brands/qingyu": {"tone": ["清新", "自然"]}})
    assert expand(library, make_product(brand="nobody"), library.scene("beach")).positive == ""
    assert expand(library, make_product(brand="QingYu"), library.scene("beach")).positive == "qingyu清新、自然"


def test_prompts_without_variables_are_folded_to_constants(library: Library) -> None:
    expander = Expander(library, Stack("marble-bathroom", "skincare"))
    assert expander.variables == ()
    assert expander.expand(make_product()) is not None
    assert expander.expand(make_product()).positive is expander.expand(make_product(sku="B", color="红")).positive


def test_the_price_of_a_product_without_one_reads_as_empty(tmp_path: Path) -> None:
    library = write(tmp_path, {"scenes/beach": {"prompt": {"set": {"mood": "价{{ product.price }}"}}}})
    assert expand(library, make_product(), library.scene("beach")).positive == "价"


@pytest.mark.parametrize(
    "source",
    [
        "{{ product.selling_points|first }}",
        "{% if product.title > 5 %}大{% endif %}",
        "{{ product.price|length }}",
        "{{ product.title|truncate(1) }}",
        "{% if scene.title > 5 %}大{% endif %}",
    ],
)
def test_a_part_that_cannot_be_filled_is_named(tmp_path: Path, source: str) -> None:
    library = write(tmp_path, {"scenes/beach": {"prompt": {"set": {"light": "柔光", "mood": source}}}})
    with pytest.raises(TemplateError, match=r'scene "beach" part "mood" \(.*beach.yaml\): .*cannot be filled'):
        expand(library, make_product(), library.scene("beach"))


@pytest.mark.parametrize("scene", load_library(Path(__file__).resolve().parents[2] / "templates").scenes)
def test_the_projects_prompts_describe_the_scene_and_never_the_product(library: Library, scene: str) -> None:
    product = make_product(title="独特的商品名", color="浅蓝", brand="青屿")
    prompt = expand(library, product, library.scene(scene))
    assert "独特的商品名" not in prompt.positive
    assert 60 <= len(prompt.positive) <= 200
    for word in ("文字", "水印", "第二个产品", "支架", "手"):
        assert word in prompt.negative


cells = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(), color=cells, brand=st.sampled_from(["", "青屿", "山月"]), locale=st.sampled_from(["zh-CN", "en"])
)
def test_explained_pieces_join_to_exactly_the_expanded_prompt(
    library: Library, data: st.DataObject, color: str, brand: str, locale: str
) -> None:
    columns = [f"{polarity}_{part}" for polarity, parts in PARTS.items() for part in parts]
    extra = data.draw(st.dictionaries(st.sampled_from(columns), cells, max_size=4))
    category = data.draw(st.sampled_from(["", *library.categories]))
    scene = library.scenes[data.draw(st.sampled_from(sorted(library.scenes)))]
    product = make_product(color=color, brand=brand, locale=locale, category=category, extra=extra)
    parts = explain(library, product, scene)
    assert (joined(parts, "prompt"), joined(parts, "negative")) == tuple(expand(library, product, scene))


def test_explain_names_layer_and_file(library: Library) -> None:
    product = make_product(brand="青屿", extra={"prompt_props": "+贝壳"})
    parts = {
        (part.layer, part.file, part.part, part.text)
        for part in explain(library, product, library.scene("wood-morning"))
    }
    assert ('brand "qingyu"', "templates/brands/qingyu.yaml", "mood", "海岛清新、通透、自然") in parts
    assert (
        'scene "wood-morning"',
        "templates/scenes/wood-morning.yaml",
        "surface",
        "浅色原木桌面，清晰的木纹",
    ) in parts
    assert ('sku "prompt_props"', "the catalogue", "props", "贝壳") in parts


def test_one_expander_serves_all_products_of_its_stack(library: Library) -> None:
    scene = library.scene("pastel-studio")
    products = [make_product(sku=f"P{n}", color=f"色{n}") for n in range(3)]
    expander = Expander(library, stack_of(library, products[0], scene))
    assert [expander.expand(product) for product in products] == [
        expand(library, product, scene) for product in products
    ]


@pytest.mark.parametrize(
    ("color", "palette"),
    [
        ("雾霭蓝", "浅蓝色与米白色调"),
        ("墨绿", "浅绿色与奶油色调"),
        ("蜜桃橙", "奶油色与浅粉色调"),
        ("枫叶红", "浅粉色与奶油色调"),
        ("", "浅粉色与奶油色调"),
    ],
)
def test_the_pastel_studio_takes_its_colour_from_the_product(library: Library, color: str, palette: str) -> None:
    prompt = expand(library, make_product(color=color, category="toy"), library.scene("pastel-studio")).positive
    assert f"，{palette}，" in prompt
