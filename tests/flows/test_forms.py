"""The marketing form: what its schema offers and refuses, and the brief that comes of it."""

import pytest
from pydantic import ValidationError

from flows.forms import AS_CATALOGUED, OWN_FILE, Order
from tasks.errors import ConfigurationError
from tasks.workplace import open_workplace


def test_every_field_is_explained_in_chinese_and_english() -> None:
    schema = Order.model_json_schema()
    for name, entry in schema["properties"].items():
        for text in (entry["title"], entry["description"]):
            assert any("\u4e00" <= sign <= "\u9fff" for sign in text), name
            assert any(sign.isascii() and sign.isalpha() for sign in text), name
        assert "default" in entry, name
        assert "position" in entry, name


def test_lists_come_from_the_templates() -> None:
    properties = Order.model_json_schema()["properties"]
    library = open_workplace().library
    assert [each.split(" ")[0] for each in properties["scenes"]["items"]["enum"]] == list(library.scenes)
    assert [each.split(" ")[0] for each in properties["brand"]["enum"][1:]] == list(library.brands)
    assert any(each.startswith("taobao-main ") for each in properties["placements"]["items"]["enum"])
    assert "sample/products.csv" in properties["catalogue"]["enum"]


def test_an_order_becomes_a_brief() -> None:
    scene = Order.model_json_schema()["properties"]["scenes"]["items"]["enum"][0]
    brief = Order(catalogue="sample/products.csv", scenes=[scene], limit=0, brand="qingyu 青屿").brief()
    assert brief.catalog == "sample/products.csv"
    assert brief.scenes == (scene.split(" ")[0],)
    assert (brief.limit, brief.brand) == (None, "qingyu")
    assert Order().brand == AS_CATALOGUED
    assert Order().brief().brand == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": 99},
        {"scenes": ["moon-base"]},
        {"catalogue": "../secrets.csv"},
        {"catalogue_address": "file:///etc/passwd"},
        {"max_cost": 0},
        {"colour": "red"},
    ],
)
def test_a_wrong_entry_is_refused_by_the_schema(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Order(**wrong)  # type: ignore[arg-type]


def test_the_default_is_a_catalogue_that_can_be_made() -> None:
    assert Order().catalogue == "sample/products.csv"
    assert Order(locale="en English").brief().locale == "en"
    assert Order().brief().locale == ""


def test_a_catalogue_must_be_named() -> None:
    with pytest.raises(ConfigurationError, match="No catalogue"):
        Order(catalogue=OWN_FILE).brief()
