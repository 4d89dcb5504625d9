import hashlib
import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from tasks.banners.check import Known, check_file
from tasks.banners.compose import Refused, Rendition, compose_renditions
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement, load_placements, select_placements
from tasks.banners.profile import srgb_profile
from tasks.errors import CompositionError
from tasks.findings import Finding, judge
from tasks.shapes import Box, Size
from tests.banners.drawn import Master, draw_master

PLACEMENTS = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")
SMALL = [each for each in select_placements(PLACEMENTS, ["all"]) if each.size.width * each.size.height <= 700_000]


def compose(master: Master, *names: str, placements: list[Placement] | None = None) -> list[Rendition | Refused]:
    chosen = placements if placements is not None else list(select_placements(PLACEMENTS, names))
    plain = bool((master.pixels[0, 0] >= 240).all())
    background: Literal["generated", "white"] = "white" if plain else "generated"
    return list(
        compose_renditions(master.pixels, master.product_box, chosen, background=background, alpha=master.alpha)
    )


def one(master: Master, name: str) -> Rendition:
    (made,) = compose(master, name)
    assert isinstance(made, Rendition), made
    return made


def decoded(rendition: Rendition) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(rendition.data)).convert("RGB"))


def finding(rendition: Rendition, check: str) -> Finding:
    (found,) = [found for found in rendition.findings if found.check == check]
    return found


@pytest.fixture(scope="module")
def table() -> Master:
    return draw_master("table")


@pytest.fixture(scope="module")
def white() -> Master:
    return draw_master("white")


def test_every_placement_gets_a_file_of_its_size_from_a_white_master(white: Master) -> None:
    for made in compose(white, placements=SMALL):
        assert isinstance(made, Rendition), made
        picture = Image.open(io.BytesIO(made.data))
        assert picture.size == made.placement.size == (made.width, made.height)
        assert picture.info["icc_profile"] == srgb_profile()
        assert made.sha256 == hashlib.sha256(made.data).hexdigest()
        assert judge(made.findings).status != "rejected", made.findings


def test_every_placement_that_takes_scenes_gets_one_inside_its_byte_window(table: Master) -> None:
    for made in compose(table, placements=[placement for placement in SMALL if not placement.needs_white]):
        assert isinstance(made, Rendition), made
        assert made.placement.min_bytes <= len(made.data) <= (made.placement.max_bytes or len(made.data))
        assert judge(made.findings).status == "approved", made.findings


def test_the_large_placements_compose_too(table: Master) -> None:
    large = [placement for placement in PLACEMENTS.values() if placement not in SMALL and not placement.needs_white]
    for placement in [*large[:2], PLACEMENTS["meta-reel"]]:
        assert isinstance(compose(table, placements=[placement])[0], Rendition)


def test_a_placement_on_white_refuses_a_scene_and_says_why(table: Master) -> None:
    (made,) = compose(table, "taobao-white")
    assert isinstance(made, Refused)
    assert "taobao-white takes products on pure white only" in made.reason


def test_one_refusal_does_not_stop_the_others(table: Master) -> None:
    made = compose(table, "taobao-white", "google-300x250")
    assert [type(result) for result in made] == [Refused, Rendition]


def test_white_is_pure_away_from_the_product_even_with_a_grey_background_and_a_shadow(white: Master) -> None:
    grey = white.pixels.copy()
    grey[white.alpha == 0] = 247
    grey[230:236, 60:200][white.alpha[230:236, 60:200] == 0] = 190
    made = one(Master(grey, *white[1:]), "taobao-white")
    assert finding(made, "white").value == 1.0


def test_a_white_that_is_not_quite_white_goes_on_without_a_step(white: Master) -> None:
    grey = white.pixels.copy()
    grey[white.alpha == 0] = 247
    strip = decoded(one(Master(grey, *white[1:]), "google-728x90"))
    background = strip[:, 300:]
    assert int(background.min()) >= 246
    assert int(background.max()) <= 248


def test_white_without_a_matte_keeps_the_products_box_as_it_is(white: Master) -> None:
    (made,) = compose_renditions(
        white.pixels, white.product_box, [PLACEMENTS["taobao-white"]], background="white", alpha=None
    )
    assert isinstance(made, Rendition)
    assert finding(made, "white").passed


def test_a_flat_picture_reaches_taobaos_floor_and_says_how() -> None:
    pixels, alpha = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64), np.uint8)
    pixels[20:40, 20:40], alpha[20:40, 20:40] = 253, 255
    made = one(Master(pixels, Box(20, 20, 40, 40), alpha), "taobao-white")
    assert 38 * 1024 < len(made.data) < 300_000
    assert finding(made, "bytes-floor").passed
    padding = finding(made, "padding")
    assert (padding.passed, padding.severity) == (False, "note")
    assert padding.value is not None
    assert padding.value > 1000


def test_jds_product_ends_within_ten_pixels_of_the_frame(white: Master) -> None:
    assert finding(one(white, "jd-main"), "product-gap").passed


def test_a_thin_product_grows_to_taobaos_least_size_where_the_frame_allows() -> None:
    slim = draw_master("white", width=512, height=512)
    assert finding(one(slim, "taobao-white"), "min-product").passed


def test_amazons_product_fills_its_share(white: Master) -> None:
    assert finding(one(white, "amazon-main"), "product-share").passed


def test_an_enlarged_master_is_noted(white: Master) -> None:
    found = finding(one(white, "amazon-main"), "enlargement")
    assert (found.passed, found.severity) == (False, "note")


@pytest.mark.parametrize("name", ["google-728x90", "google-970x90", "google-320x50", "google-120x600"])
def test_a_strip_shows_the_whole_product_between_background(name: str, table: Master) -> None:
    """The bottle is green, the room is not: green rows and columns tell where it ends."""
    pixels = decoded(one(table, name)).astype(int)
    green = (pixels[..., 1] - pixels[..., 0]) > 20
    rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
    assert len(rows) > 5
    assert rows[-1] < pixels.shape[0] - 1
    assert columns[0] > 0
    assert columns[-1] < pixels.shape[1] - 1
    # as wide for its height as in the master, where the green part is 0.74 of the bottle's height
    box = table.product_box
    expected = box.width / (0.72 * box.height)
    assert (columns[-1] - columns[0] + 1) / (rows[-1] - rows[0] + 1) == pytest.approx(expected, rel=0.15)


def test_equal_masters_make_equal_files(table: Master) -> None:
    assert one(table, "google-728x90").sha256 == one(table, "google-728x90").sha256


def test_the_master_is_left_as_it_was(white: Master) -> None:
    before = white.pixels.copy()
    compose(white, "taobao-white", "google-728x90")
    assert np.array_equal(white.pixels, before)


def test_a_picture_that_cannot_fit_is_refused_with_the_bytes(table: Master) -> None:
    noisy = np.random.default_rng(0).integers(0, 256, table.pixels.shape, dtype=np.uint8)
    tight = PLACEMENTS["google-300x250"].model_copy(
        update={"max_kb": PLACEMENTS["google-300x250"].max_kb.model_copy(update={"value": 3})}  # type: ignore[union-attr]
    )
    (made,) = compose(Master(noisy, *table[1:]), placements=[tight])
    assert isinstance(made, Refused)
    assert "does not fit 0 to 2999 bytes" in made.reason


def changed(name: str, **rules: object) -> Placement:
    """A shipped placement with other values of its rules."""
    placement = PLACEMENTS[name]
    update = {field: getattr(placement, field).model_copy(update={"value": value}) for field, value in rules.items()}
    return placement.model_copy(update=update)


def test_fewer_pixels_are_the_last_way_below_a_ceiling_where_the_platform_takes_them(table: Master) -> None:
    noisy = np.random.default_rng(0).integers(0, 256, table.pixels.shape, dtype=np.uint8)
    master = Master(noisy, *table[1:])
    open_size = changed("pinduoduo-carousel", max_kb=60, min_size=Size(400, 400))
    (made,) = compose(master, placements=[open_size])
    assert isinstance(made, Rendition)
    assert made.width < 800
    assert made.width >= 400
    assert decoded(made).shape == (made.height, made.width, 3)
    assert finding(made, "size").passed
    assert finding(made, "ratio").passed
    assert finding(made, "likeness").value is not None
    assert len(made.data) < 60_000

    (refused,) = compose(master, placements=[changed("pinduoduo-carousel", max_kb=60, min_size=Size(800, 800))])
    assert isinstance(refused, Refused)


def test_the_delivered_products_colours_are_measured(table: Master) -> None:
    made = one(table, "taobao-main")
    assert 0 < finding(made, "product-colour-median").value < 1  # type: ignore[operator]
    assert finding(made, "product-colour-p95").passed


def test_another_colour_in_the_file_is_found(table: Master) -> None:
    placement = PLACEMENTS["taobao-main"]
    made = one(table, "taobao-main")
    canvas = decoded(made)
    shifted = np.add(canvas, (14, -6, 0))
    known = Known(Box(200, 200, 600, 600), canvas=shifted.clip(0, 255).astype(np.uint8))
    found = {each.check: each for each in check_file(made.data, placement, known=known)}
    assert not found["product-colour-median"].passed


def test_a_product_wider_than_the_placement_stays_whole() -> None:
    pixels = np.full((512, 1024, 3), 200, np.uint8)
    pixels[200:300, 20:1004] = (40, 60, 200)
    box = Box(20, 200, 1004, 300)
    (made,) = compose_renditions(pixels, box, [PLACEMENTS["google-120x600"]], background="generated", alpha=None)
    assert isinstance(made, Rendition)
    blue = (decoded(made).astype(int) * (-1, 0, 1)).sum(axis=2) > 80
    columns = np.flatnonzero(blue.any(axis=0))
    assert columns[0] > 0
    assert columns[-1] < 119
    assert np.ptp(columns) > 80


def test_a_product_that_fills_its_master_is_extended_on_all_sides_not_cut() -> None:
    master = draw_master("table", share=0.98)
    box = Box(0, 0, 256, 256)
    (made,) = compose_renditions(master.pixels, box, [PLACEMENTS["google-728x90"]], background="generated", alpha=None)
    assert isinstance(made, Rendition)
    assert finding(made, "extension").value == pytest.approx(1 - (72 * 72) / (728 * 90), abs=0.05)


def test_a_box_outside_the_master_refuses_the_placement(table: Master) -> None:
    made = compose(Master(table.pixels, Box(0, 0, 999, 10), table.alpha), "google-300x250")
    assert isinstance(made[0], Refused)
    assert "product box" in made[0].reason


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (0, 64, 3)])
def test_pixels_of_another_kind_are_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(CompositionError, match="expected uint8"):
        list(compose_renditions(np.zeros(shape, np.uint8), Box(0, 0, 8, 8), [], background="generated", alpha=None))


def test_a_matte_of_another_size_is_an_error(table: Master) -> None:
    with pytest.raises(CompositionError, match="alpha"):
        list(
            compose_renditions(
                table.pixels, table.product_box, [], background="generated", alpha=np.zeros((8, 8), np.uint8)
            )
        )


@pytest.mark.parametrize("size", [(1, 64), (64, 1), (1, 1), (70, 50)])
def test_thin_and_odd_masters_still_make_a_picture(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.full((height, width, 3), 120, np.uint8)
    made = list(
        compose_renditions(
            pixels, Box(0, 0, width, height), [PLACEMENTS["google-300x250"]], background="generated", alpha=None
        )
    )
    assert isinstance(made[0], Rendition)
