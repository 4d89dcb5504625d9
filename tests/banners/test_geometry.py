import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.banners.geometry import COMFORTABLE, MOST, Framing, frame_product
from tasks.errors import CompositionError
from tasks.shapes import Box, Size

MASTERS = st.builds(Size, st.integers(1, 24).map(lambda n: n * 64), st.integers(1, 24).map(lambda n: n * 64))
CANVASES = st.builds(Size, st.integers(16, 2600), st.integers(16, 2600))
BACKGROUNDS = st.sampled_from(["scene", "plain"])


@st.composite
def products(draw: st.DrawFn, master: Size) -> Box:
    left = draw(st.integers(0, master.width - 8))
    top = draw(st.integers(0, master.height - 8))
    return Box(left, top, draw(st.integers(left + 8, master.width)), draw(st.integers(top + 8, master.height)))


@st.composite
def framings(draw: st.DrawFn) -> tuple[Size, Box, Framing]:
    master, canvas = draw(MASTERS), draw(CANVASES)
    product = draw(products(master))
    framing = frame_product(master, product, canvas, background=draw(BACKGROUNDS))
    return master, product, framing


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.left <= inner.left < inner.right <= outer.right and outer.top <= inner.top < inner.bottom <= outer.bottom
    )


@given(framings())
def test_the_whole_product_is_in_what_is_taken_of_the_master(case: tuple[Size, Box, Framing]) -> None:
    master, product, framing = case
    assert inside(product, framing.source)
    assert inside(framing.source, Box(0, 0, *master))


@given(framings())
def test_every_box_is_on_the_canvas_and_the_fill_is_the_rest(case: tuple[Size, Box, Framing]) -> None:
    _, _, framing = case
    assert inside(framing.dest, Box(0, 0, *framing.canvas))
    assert inside(framing.product, Box(0, 0, *framing.canvas))
    fill = framing.fill
    assert fill.left + framing.dest.width + fill.right == framing.canvas.width
    assert fill.top + framing.dest.height + fill.bottom == framing.canvas.height
    assert 0 <= framing.extended_share < 1


@given(framings())
def test_nothing_is_stretched_by_more_than_rounding(case: tuple[Size, Box, Framing]) -> None:
    """Each side may be off by a canvas pixel and by the steps (2**level master pixels) it was rounded to."""
    _, product, framing = case
    step = 2**framing.level
    for source, dest in (
        (framing.source.width, framing.dest.width),
        (framing.source.height, framing.dest.height),
    ):
        assert abs(source * framing.scale - dest) <= 1 + 2 * step * framing.scale + 1e-6
    assert framing.product.width <= math.ceil(product.width * framing.scale) + 2 + 2 * step * framing.scale


@given(framings())
def test_the_source_is_whole_pixels_of_its_level_and_never_smaller_than_its_target(
    case: tuple[Size, Box, Framing],
) -> None:
    _, _, framing = case
    assert all(side % 2**framing.level == 0 for side in framing.source)
    assert framing.scale * 2**framing.level <= 1 or framing.level == 0


@given(framings())
def test_a_scene_is_never_extended_where_a_crop_holds_the_product(case: tuple[Size, Box, Framing]) -> None:
    master, product, _ = case
    _, _, framing = case
    scene = frame_product(master, product, framing.canvas)
    cover = max(framing.canvas.width / master.width, framing.canvas.height / master.height)
    widest = min(framing.canvas.width / product.width, framing.canvas.height / product.height)
    assume(cover <= MOST * widest)
    assert not any(scene.fill)


@given(framings())
def test_an_extended_scene_keeps_the_product_at_a_comfortable_size(case: tuple[Size, Box, Framing]) -> None:
    master, product, framing = case
    scene = frame_product(master, product, framing.canvas)
    assume(any(scene.fill))
    share = max(
        product.width * scene.scale / scene.canvas.width,
        product.height * scene.scale / scene.canvas.height,
    )
    assert COMFORTABLE - 1e-9 <= share <= MOST + 1e-9


def test_a_crop_of_the_same_ratio_is_the_whole_master() -> None:
    framing = frame_product(Size(1024, 1024), Box(300, 200, 700, 860), Size(800, 800))
    assert framing.source == Box(0, 0, 1024, 1024)
    assert framing.dest == Box(0, 0, 800, 800)


def test_a_leaderboard_has_the_product_at_one_side_and_the_rest_free() -> None:
    framing = frame_product(Size(1024, 1024), Box(300, 200, 700, 860), Size(728, 90))
    assert framing.product.right < 728 * 0.25
    assert framing.fill.left == 0
    assert framing.fill.right > 728 * 0.7


def test_new_canvas_goes_to_the_side_with_more_background() -> None:
    framing = frame_product(Size(1024, 1024), Box(600, 200, 1000, 860), Size(728, 90))
    assert framing.product.left > 728 * 0.75
    assert framing.fill.right == 0


def test_a_product_at_the_edge_gets_air_in_a_tight_crop() -> None:
    framing = frame_product(Size(1024, 1024), Box(740, 300, 960, 900), Size(160, 600))
    gaps = framing.product.left, 160 - framing.product.right
    assert min(gaps) >= 0.28 * sum(gaps)


def test_a_skyscraper_has_a_wide_product_at_the_bottom() -> None:
    framing = frame_product(Size(1024, 1024), Box(62, 500, 962, 900), Size(160, 600))
    assert framing.product.top > 300
    assert framing.fill.bottom == 0


def test_a_little_new_canvas_keeps_the_product_in_the_middle() -> None:
    framing = frame_product(Size(1024, 1024), Box(212, 60, 812, 960), Size(1200, 900))
    assert framing.fill.left > 0 < framing.fill.right
    assert framing.fill.top == framing.fill.bottom == 0
    assert abs((framing.product.left + framing.product.right) / 2 - 600) <= 2


def test_a_plain_background_centres_the_product() -> None:
    framing = frame_product(Size(1024, 1024), Box(100, 500, 300, 1000), Size(800, 800), background="plain")
    assert abs(framing.product.left - (800 - framing.product.right)) <= 2
    assert abs(framing.product.top - (800 - framing.product.bottom)) <= 2


def test_a_demanded_share_is_met() -> None:
    product = Box(412, 300, 612, 700)
    framing = frame_product(Size(1024, 1024), product, Size(800, 800), least=0.975, background="plain")
    assert framing.product.height / 800 >= 0.975
    assert framing.product.top > 0


def test_the_product_keeps_to_the_safe_area() -> None:
    safe = Box(259, 0, 642, 383)
    framing = frame_product(Size(1024, 1024), Box(390, 240, 635, 860), Size(900, 383), safe=safe)
    assert framing.product.left >= safe.left - 1
    assert framing.product.right <= safe.right + 1


@pytest.mark.parametrize("box", [Box(0, 0, 0, 10), Box(-1, 0, 10, 10), Box(0, 0, 65, 10), Box(30, 5, 20, 10)])
def test_a_product_box_outside_its_master_is_an_error(box: Box) -> None:
    with pytest.raises(CompositionError, match="product box"):
        frame_product(Size(64, 64), box, Size(100, 100))


def test_one_pixel_masters_and_canvases_still_have_a_frame() -> None:
    framing = frame_product(Size(1, 64), Box(0, 10, 1, 50), Size(1, 300))
    assert framing.source.width == framing.dest.width == 1


def test_a_product_stands_in_the_middle_across_a_tall_canvas() -> None:
    """Even where new canvas is on every side of it: the copy is above and below."""
    framing = frame_product(Size(1024, 1024), Box(362, 200, 662, 860), Size(1440, 2560), safe=Box(86, 1126, 1354, 1664))
    assert abs(framing.product.left + framing.product.right - 1440) <= 4


def test_a_small_product_without_copy_is_centred_and_with_copy_to_come_is_not() -> None:
    master, product, strip = Size(1024, 1024), Box(412, 312, 612, 712), Size(970, 250)
    alone = frame_product(master, product, strip, background="plain", centred=True).product
    aside = frame_product(master, product, strip, background="plain").product
    assert abs(alone.left + alone.right - 970) <= 2
    assert aside.right < 485


def test_a_flat_product_on_a_white_square_does_not_sink_to_its_bottom() -> None:
    framing = frame_product(Size(1024, 1024), Box(100, 400, 900, 560), Size(800, 800), background="plain")
    assert abs(framing.product.top + framing.product.bottom - 800) <= 2
