"""Glyph masks: where ink lies, and that vertical type stands upright."""

import numpy as np
import pytest

from tasks.banners.typography.fonts import FontBook
from tasks.banners.typography.setting import Block, Type, draw_block, set_text
from tasks.settings import PROJECT

BOOK = FontBook(PROJECT / "templates" / "fonts")


def block(text: str, size: float = 64, *, vertical: bool = False, family: str = "sans") -> Block:
    made = set_text(text, Type(BOOK.choose(text, family, "bold"), size, vertical=vertical), room=1e9, most=3)
    assert made
    return made


@pytest.mark.parametrize("size", [11, 16.25, 64, 200])
@pytest.mark.parametrize("text", ["换季的脸，交给青屿", "Calm for seasons", "¥1,299"])
def test_ink_stays_in_its_box(text: str, size: float) -> None:
    made = block(text, size)
    drawn = draw_block(made, "start")
    assert drawn.mask.max() == 255
    assert drawn.left >= -0.12 * size - 1
    assert drawn.left + drawn.mask.shape[1] <= made.width + 0.12 * size + 1
    assert drawn.top >= -0.08 * size - 1
    assert drawn.top + drawn.mask.shape[0] <= made.height + 0.16 * size + 1


def test_vertical_columns_run_down_and_from_right_to_left() -> None:
    column = block("山间月色", vertical=True, family="serif")
    assert column.height == pytest.approx(4 * 64)
    assert column.width < 80
    two = block("山间\n月色", vertical=True)
    assert two.width > 1.8 * 64
    right = draw_block(two, "start").mask[:, -60:]
    first = draw_block(block("山间", vertical=True), "start").mask
    assert abs(int((right > 128).sum()) - int((first > 128).sum())) < 0.03 * (first > 128).sum()


def test_vertical_marks_take_their_vertical_form() -> None:
    comma = draw_block(block("春，", vertical=True), "start")
    lower = comma.mask[70:]
    across = np.flatnonzero(lower.max(axis=0) > 128) + comma.left
    assert across.min() > 30  # in the right half of its box, where a horizontal comma lies on the left


def test_quarter_pixels_move_the_ink() -> None:
    made = block("一", 40)
    masks = [draw_block(made, "start", step) for step in range(4)]
    centres = [each.left + np.average(np.arange(each.mask.shape[1]), weights=each.mask.sum(axis=0)) for each in masks]
    assert np.diff(centres) == pytest.approx([0.25] * 3, abs=0.06)
