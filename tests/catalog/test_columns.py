"""Headers in two languages, however they are typed."""

import pytest

from tasks.catalog.columns import ALIASES, field_of, map_columns
from tasks.errors import CatalogError


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("SKU", "sku"), ("货号", "sku"), (" 商品 编码 ", "sku"), ("ＳＫＵ", "sku"),
        ("Selling_Points", "selling_points"),
        ("卖点", "selling_points"), ("价格(元)", "price"), ("价格（元）", "price"), ("*标题", "title"),
        ("主图", "image"),
        ("语言", "locale"), ("文案", "copy"), ("场景", "scenes"), ("Colour", "color"), ("产地", None), ("(元)", None),
    ],
)  # fmt: skip
def test_a_header_is_known_by_any_of_its_names(header: str, field: str | None) -> None:
    assert field_of(header) == field


def test_no_name_is_given_to_two_fields() -> None:
    for field, aliases in ALIASES.items():
        assert {field_of(alias) for alias in aliases} == {field}


def test_other_columns_are_kept_by_name_and_unnamed_ones_left_out() -> None:
    columns = map_columns(["货号", "产地", "", "title", "image"], source="p.csv")
    assert columns.known == {"sku": 0, "title": 3, "image": 4}
    assert columns.extra == {"产地": 1}


def test_two_columns_of_one_meaning_are_refused() -> None:
    with pytest.raises(CatalogError, match=r"'sku'.*'货号' \(column 2\)"):
        map_columns(["sku", "货号", "title", "image"], source="p.csv")
    with pytest.raises(CatalogError, match="'产地'"):
        map_columns(["sku", "title", "image", "产地", "产地 "], source="p.csv")


def test_a_missing_column_names_what_was_found_and_what_would_do() -> None:
    with pytest.raises(CatalogError, match=r"no column for title, image. Found: 'sku', '产地'.*标题.*主图"):
        map_columns(["sku", "产地"], source="p.csv")
