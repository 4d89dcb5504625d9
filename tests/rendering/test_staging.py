import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rendering.job import Staging
from tasks.rendering.staging import place
from tasks.shapes import Box, Size

MODES = ["automatic", "anchor", "coordinates", "padding", "original"]
CANVAS = Size(1024, 768)


STAGINGS = st.builds(
    Staging,
    mode=st.sampled_from(MODES),
    anchor=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    share=st.floats(0.01, 1),
    ground=st.none() | st.floats(0, 1),
)


@given(width=st.integers(1, 3000), height=st.integers(1, 3000), staging=STAGINGS)
def test_product_is_never_cropped(width: int, height: int, staging: Staging) -> None:
    box = place(Size(width, height), CANVAS, staging, at=Box(0, 0, width, height), frame=Size(width, height)).box
    assert 0 <= box.left < box.right <= CANVAS.width
    assert 0 <= box.top < box.bottom <= CANVAS.height


@pytest.mark.parametrize("mode", MODES)
def test_proportions_are_kept(mode: str) -> None:
    product = Size(300, 700)
    box = place(product, CANVAS, Staging(mode=mode), at=Box(100, 50, 400, 750), frame=Size(800, 800)).box
    assert box.width / box.height == pytest.approx(product.ratio, rel=0.01)


def test_anchor_is_the_middle_of_the_base() -> None:
    box = place(Size(200, 200), CANVAS, Staging(mode="anchor", anchor=(0.25, 0.75), share=0.4)).box
    assert (box.left + box.right) / 2 == pytest.approx(256, abs=0.5)
    assert box.bottom == 576


def test_share_is_taken_along_the_tighter_side() -> None:
    assert place(Size(100, 100), CANVAS, Staging(mode="anchor", share=0.5)).box.height == 384
    assert place(Size(400, 100), CANVAS, Staging(mode="anchor", share=0.5)).box.width == 512


def test_automatic_base_stands_on_the_ground_and_never_before_the_wall() -> None:
    box = place(Size(200, 200), CANVAS, Staging(anchor=(0.5, 0.5), ground=0.66)).box
    assert box.bottom > 0.66 * CANVAS.height


def test_coordinates_are_the_middle_of_the_product() -> None:
    box = place(Size(100, 100), CANVAS, Staging(mode="coordinates", anchor=(0.5, 0.5), share=0.2)).box
    assert ((box.left + box.right) // 2, (box.top + box.bottom) // 2) == (512, 384)


def test_padding_leaves_the_same_room_on_both_sides() -> None:
    box = place(Size(300, 200), CANVAS, Staging(mode="padding", share=0.8)).box
    assert abs(box.left - (CANVAS.width - box.right)) <= 1
    assert abs(box.top - (CANVAS.height - box.bottom)) <= 1


def test_original_keeps_the_place_the_product_had_in_its_picture() -> None:
    box = place(
        Size(100, 200), Size(500, 500), Staging(mode="original"), at=Box(50, 700, 150, 900), frame=Size(1000, 1000)
    ).box
    assert box == Box(25, 350, 75, 450)


def test_full_share_fills_the_canvas() -> None:
    assert place(Size(512, 384), CANVAS, Staging(mode="anchor", share=1.0, anchor=(0.5, 1.0))).box == Box(
        0, 0, 1024, 768
    )


def test_strong_enlargement_is_noted() -> None:
    assert place(Size(900, 900), CANVAS, Staging()).notes == ()
    assert "enlarged" in place(Size(60, 60), CANVAS, Staging()).notes[0]
