"""Copy from a product's facts: columns, JSON, languages, prices."""

from tasks.banners.wording import read_copy
from tasks.catalog.copy_columns import copy_column, is_copy_column

FACTS = {
    "copy_text": "慢一点，早安",
    "price": "69.00",
    "locale": "zh-CN",
    "selling_points": ["手工拉坯", "大把手"],
    "copy_cells": {
        "copy_subline": "燕麦釉粗陶杯",
        "原价": "¥89",
        "copy_en": "Slow down",
        "copy_cta_en": "Pick yours",
        "copy_zh-TW": "慢一點，早安",
    },
}


def test_columns_by_element_and_language() -> None:
    assert copy_column("copy_headline") == ("headline", "")
    assert copy_column("副标题_zh-TW") == ("subline", "zh-TW")
    assert copy_column("copy_en") == ("headline", "en")
    assert copy_column("产地") is None
    assert is_copy_column("币种")


def test_the_products_own_language() -> None:
    copy = read_copy(FACTS)
    assert (copy.headline, copy.subline, copy.sign, copy.price, copy.was) == (
        "慢一点，早安",
        "燕麦釉粗陶杯",
        "¥",
        "69",
        "89",
    )
    assert copy.points == ("手工拉坯", "大把手")


def test_another_language_says_nothing_in_the_first() -> None:
    english = read_copy(FACTS, "en")
    assert (english.headline, english.subline, english.cta, english.points) == ("Slow down", "", "Pick yours", ())
    assert english.price == "69"
    assert read_copy(FACTS, "zh-TW").headline == "慢一點，早安"
    assert read_copy(FACTS, "zh-HK").is_empty


def test_json_in_the_copy_column() -> None:
    text = '{"headline": "早安", "cta": "挑一只", "en": {"headline": "Morning", "points": ["Stoneware", "380 ml"]}}'
    facts = {"copy_text": text, "locale": "zh-CN"}
    assert read_copy(facts).cta == "挑一只"
    assert read_copy(facts, "en").points == ("Stoneware", "380 ml")
    assert read_copy({"copy_text": "{早安"}).headline == "{早安"


def test_prices_that_are_none_or_no_bargain_are_left_out_and_told() -> None:
    words = read_copy({**FACTS, "copy_cells": {"原价": "面议"}})
    assert words.was == ""
    assert [problem.element for problem in words.problems] == ["was"]
    assert "'面议' is no price" in words.problems[0].reason
    dearer = read_copy({**FACTS, "copy_cells": {"原价": "59"}})
    assert dearer.was == ""
    assert "not above the price" in dearer.problems[0].reason
    assert read_copy({"copy_text": "早", "price": "1299.5", "copy_cells": {"币种": "usd"}})[3:5] == ("$", "1,299.50")
