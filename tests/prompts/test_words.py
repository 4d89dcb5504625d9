"""Words that advertising law forbids are found where they are, and harmless ones are let be."""

import pytest

from tasks.prompts.library import Library
from tasks.prompts.words import WordList, find_forbidden, find_forbidden_copy
from tests.prompts.conftest import make_product


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("全网最低价", ["全网最低价"]),
        ("最好的精华", ["最好"]),
        ("最轻的跑鞋", ["最"]),
        ("销量第一，唯一之选", ["销量第一", "唯一"]),
        ("国家级品质 顶级享受 极品好茶", ["国家级", "顶级", "极品"]),
        ("No.1 好物 top1", ["No.1", "top1"]),
        ("最近最好的一次", ["最好"]),
        ("第一次做第一", ["第一"]),
    ],
)
def test_forbidden_words_are_found(library: Library, text: str, words: list[str]) -> None:
    hits = find_forbidden(text, library.words)
    assert [hit.word for hit in hits] == words
    assert [text[hit.start : hit.end] for hit in hits] == words
    assert all(hit.group.rule for hit in hits)


@pytest.mark.parametrize(
    "text",
    [
        "最近上新",
        "第一次养护",
        "第一时间发货",
        "最后三天",
        "商品唯一编码",
        "绝对湿度40%",
        "最高温度100度",
        "水润不紧绷",
        "一屿清润，日日新生",
        "",
    ],
)
def test_harmless_words_are_let_be(library: Library, text: str) -> None:
    assert find_forbidden(text, library.words) == []


def test_medical_words_are_forbidden_for_skin_care_and_not_for_toys(library: Library) -> None:
    assert [hit.word for hit in find_forbidden("修护消炎", library.words, category="skincare")] == ["消炎"]
    assert find_forbidden("修护消炎", library.words, category="toy") == []


def test_a_products_copy_is_searched_column_by_column(library: Library) -> None:
    product = make_product(title="顶级精华", selling_points=("清爽", "全国第一"), copy_text="最近上新")
    found = [(column, hit.word) for column, hit in find_forbidden_copy(product, library.words)]
    assert found == [("title", "顶级"), ("selling_points", "全国第一")]


def test_an_empty_list_finds_nothing() -> None:
    assert find_forbidden("最好", WordList()) == []


def test_words_that_need_proof_are_warnings(library: Library) -> None:
    assert [(hit.word, hit.group.level) for hit in find_forbidden("极致柔滑，国家级", library.words)] == [
        ("极致", "warning"),
        ("国家级", "error"),
    ]
