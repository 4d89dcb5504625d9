"""Keys stay inside the store and lead back to the SKU."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.delivery import keys

JOB = "0123456789abcdef0123"
COMPONENT = re.compile(r"[A-Za-z0-9_%-][A-Za-z0-9._%~-]*")
ANY_TEXT = st.text(st.characters(), min_size=1, max_size=300)


@given(ANY_TEXT)
def test_any_sku_is_one_short_component_that_cannot_leave_its_folder(sku: str) -> None:
    safe = keys.safe_sku(sku)
    assert COMPONENT.fullmatch(safe)
    assert len(safe) <= 200


@given(ANY_TEXT)
def test_a_sku_comes_back_from_its_key_unless_it_was_cut(sku: str) -> None:
    safe = keys.safe_sku(sku)
    if "~" in safe:
        with pytest.raises(ValueError, match="manifest"):
            keys.unsafe_sku(safe)
    else:
        assert keys.unsafe_sku(safe) == sku


@given(ANY_TEXT, ANY_TEXT)
def test_two_skus_never_share_a_folder(one: str, other: str) -> None:
    assert (keys.safe_sku(one) == keys.safe_sku(other)) == (one == other)


@given(st.text("杯子🫖", min_size=60, max_size=300), st.text("ab", max_size=3))
def test_long_skus_that_begin_alike_stay_apart_and_decodable(head: str, tail: str) -> None:
    one, other = keys.safe_sku(f"a{head}{tail}x"), keys.safe_sku(f"a{head}{tail}y")
    assert one != other
    assert "~" in one
    assert not re.search(r"%(?![0-9A-F]{2})", one.partition("~")[0])


@pytest.mark.parametrize(
    ("sku", "safe"),
    [
        ("A-1_b.c", "A-1_b.c"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("..", "%2E."),
        (".", "%2E"),
        ("=cmd()", "%3Dcmd%28%29"),
        ("a/b", "a%2Fb"),
        ("50%", "50%25"),
        ("杯", "%E6%9D%AF"),
        ("~", "%7E"),
        ("con\0", "con%00"),
    ],
)
def test_known_skus_are_written_so(sku: str, safe: str) -> None:
    assert keys.safe_sku(sku) == safe
    assert keys.unsafe_sku(safe) == sku


@pytest.mark.parametrize("text", ["a/b", "..", "a%2fb", "%41", "杯", "a b"])
def test_text_that_safe_sku_never_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        keys.unsafe_sku(text)


def test_keys_are_those_of_the_contract() -> None:
    assert keys.master_key("A/1", JOB, 2) == f"masters/A%2F1/{JOB}-2.png"
    assert keys.rendition_key("taobao-1x1", "A", JOB, 0, "jpg") == f"renditions/taobao-1x1/A/{JOB}-0.jpg"
    assert keys.rendition_key("主图", "A", JOB, 0, "jpg") == f"renditions/%E4%B8%BB%E5%9B%BE/A/{JOB}-0.jpg"
    assert keys.manifest_key("2026-11-23") == "runs/2026-11-23/manifest.jsonl"
    assert keys.bad_rows_key("r") == "runs/r/bad_rows.csv"
    assert keys.report_key("r") == "runs/r/report.html"


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a b", "夜", "x" * 129, "a\n"])
def test_names_that_are_not_ours_to_encode_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a"):
        keys.manifest_key(name)
    with pytest.raises(ValueError, match="cannot be a"):
        keys.master_key("A", name, 0)


def test_an_empty_sku_and_a_negative_take_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        keys.safe_sku("")
    with pytest.raises(ValueError, match="negative"):
        keys.master_key("A", JOB, -1)
