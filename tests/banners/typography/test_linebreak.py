"""Chinese line breaking: what must not begin or end a line, what must stay together, what reads best."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.banners.typography.characters import CLOSING, OPENING
from tasks.banners.typography.fonts import FontBook
from tasks.banners.typography.linebreak import break_lines, breaks
from tasks.banners.typography.setting import Type, set_text
from tasks.settings import PROJECT

BOOK = FontBook(PROJECT / "templates" / "fonts")


def rows(text: str, em: float, most: int = 6) -> tuple[str, ...] | None:
    """The rows of a text set in lines of so many em."""
    block = set_text(text, Type(BOOK.choose(text, "sans", "bold"), 40), room=40 * em, most=most)
    return None if block is None else block.rows


@pytest.mark.parametrize(
    ("text", "em", "expected"),
    [
        ("换季的脸，交给青屿", 6, ("换季的脸，", "交给青屿")),
        ("一锅好饭，回家就吃", 5, ("一锅好饭，", "回家就吃")),
        ("续航40小时不断电", 6, ("续航40小时", "不断电")),
        ("支持USB-C快充", 4.5, ("支持", "USB-C", "快充")),
        ("Slow down. Good morning.", 8, ("Slow down.", "Good morning.")),
        ("只要\n¥1,299.00", 8, ("只要", "¥1,299.00")),
        ("他说“慢一点”，早安", 7, ("他说“慢一点”，", "早安")),
    ],
)
def test_lines_end_where_a_typesetter_would_end_them(text: str, em: float, expected: tuple[str, ...]) -> None:
    assert rows(text, em) == expected


@given(
    st.text(alphabet="春天装进一罐。，、！？（）《》“”：；40ml小时¥ABc ", min_size=1, max_size=40), st.integers(3, 12)
)
def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(text: str, em: int) -> None:
    text = " ".join(text.split())
    found = break_lines(text, lambda first, last: float(last - first), em, 40) if text else None
    for number, (first, last) in enumerate(found or ()):
        if number:
            assert text[first] not in CLOSING
        if last < len(text.rstrip()):
            assert text[last - 1] not in OPENING
    if found:
        assert "".join(text[first:last] for first, last in found).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("kept", ["40小时", "USB-C", "¥1,299.00", "9.5折", "380ml", "3–6人", "12.5%", "7:30", "24期"])
def test_numbers_units_and_words_stay_whole(kept: str) -> None:
    text = f"我们有{kept}的好"
    begin = text.index(kept)
    assert not set(breaks(text)) & set(range(begin + 1, begin + len(kept)))


def test_what_does_not_fit_is_not_cut() -> None:
    assert rows("不可能放得下的一整句话", 3, most=2) is None
    assert rows("Donaudampfschifffahrt", 4, most=6) is None


def test_two_marks_beside_one_another_and_those_at_line_ends_lose_their_blank_half() -> None:
    def width(text: str) -> float:
        block = set_text(text, Type(BOOK.choose(text, "sans", "bold"), 100), room=1e9, most=1)
        assert block
        return block.width

    assert width("罐，") == pytest.approx(150)
    assert width("（罐") == pytest.approx(150)
    assert width("一罐”，春") == pytest.approx(450)


def test_latin_has_its_own_face_and_air_beside_chinese() -> None:
    mixed = BOOK.choose("容量380ml", "sans", "bold")
    assert mixed.face("容").path.stem == "ShangxinSans-Bold"
    assert mixed.face("3").path.stem == "ShangxinLatin-Bold"
    assert mixed.face("，") == mixed.face("容")
    assert BOOK.choose("It’s “calm”", "sans", "regular").face("“").path.stem == "ShangxinLatin-Regular"
    together = set_text("容380", Type(mixed, 100), room=1e9, most=1)
    apart = [set_text(part, Type(mixed, 100), room=1e9, most=1) for part in ("容", "380")]
    assert together
    assert together.width == pytest.approx(sum(part.width for part in apart if part) + 12)


def test_a_missing_font_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"ShangxinSans-Regular.otf: this font is missing"):
        FontBook(tmp_path)


def test_what_no_font_can_set_is_told_before_anything_is_drawn(tmp_path: Path) -> None:
    alone = FontBook(PROJECT / "templates" / "fonts", system=None)
    kinds = {
        text: (found := alone.problem(text)) and found.kind for text in ("春天", "𠮷野家", "好🔥", "שלום", "a\u202eb")
    }
    assert kinds == {"春天": None, "𠮷野家": "glyph", "好🔥": "emoji", "שלום": "direction", "a\u202eb": "direction"}
    told = alone.problem("𠮷野家")
    assert told
    assert "U+20BB7" in told.reason
