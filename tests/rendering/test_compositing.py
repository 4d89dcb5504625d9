"""Canvas, shadow, controls, latent blocks and paste on drawn products."""

import cv2
import numpy as np
import pytest

from tasks.errors import RenderError
from tasks.rendering.canvas import Canvas, stage
from tasks.rendering.controls import draw_control
from tasks.rendering.cutout import cut_out
from tasks.rendering.job import ControlUse, Shadow, Staging
from tasks.rendering.paste import assert_untouched, background_from, enlarge, paste
from tasks.rendering.shadow import shade, shadow_map
from tasks.rendering.worksize import enlarge_blocks, keep_blocks, work_size
from tasks.shapes import Size

SIZE = Size(256, 320)


@pytest.fixture(scope="module")
def canvas(mug_shot) -> Canvas:
    return stage(cut_out(mug_shot.png_with_alpha), SIZE, Staging())


def ground_colour(value: int) -> np.ndarray:
    return np.full((SIZE.height, SIZE.width, 3), value, np.uint8)


def test_canvas_is_empty_outside_the_product_and_the_box_is_tight(canvas: Canvas) -> None:
    assert (canvas.expected[canvas.alpha == 0] == 128).all()
    rows, columns = np.nonzero(canvas.alpha)
    assert canvas.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_product_touches_the_ground(canvas: Canvas) -> None:
    assert canvas.box.bottom / SIZE.height == pytest.approx(0.84, abs=0.02)


def test_product_larger_than_the_canvas_is_made_to_fit(mug_shot) -> None:
    placed = stage(cut_out(mug_shot.png_with_alpha), Size(64, 64), Staging(share=1.0))
    assert not placed.box.is_empty
    assert placed.box.width <= 64
    assert placed.box.height <= 64


def test_pasted_product_is_its_own_bit_for_bit(canvas: Canvas) -> None:
    pixels = paste(canvas, ground_colour(30))
    inside = canvas.alpha == 255
    assert (pixels[inside] == canvas.expected[inside]).all()
    assert (pixels[canvas.alpha == 0] == 30).all()


def test_a_changed_product_pixel_withholds_the_master(canvas: Canvas) -> None:
    pixels = paste(canvas, ground_colour(30)).copy()
    row, column = (canvas.box.top + canvas.box.bottom) // 2, canvas.box.left + canvas.box.width // 4
    assert canvas.alpha[row, column] == 255
    pixels[row, column, 1] ^= 1
    with pytest.raises(RenderError, match=r"1 of \d+ product pixels changed"):
        assert_untouched(pixels, canvas.colour, canvas.alpha)


def test_shadow_darkens_the_ground_at_the_foot_and_nothing_of_the_product(canvas: Canvas) -> None:
    light = ground_colour(200)
    shaded = shade(light, canvas.alpha, Shadow(), ground=0.66)
    foot = shaded[canvas.box.bottom + 1, canvas.box.left + canvas.box.width // 4]
    assert foot.max() < 190
    assert (shaded[0] == 200).all()
    both = paste(canvas, light), paste(canvas, shaded)
    assert (both[0][canvas.alpha == 255] == both[1][canvas.alpha == 255]).all()


def test_cast_shadow_falls_away_from_the_light(canvas: Canvas) -> None:
    middle = (canvas.box.left + canvas.box.right) / 2
    columns = np.arange(SIZE.width)
    for direction, side in ((300, 1), (60, -1)):
        cast = shadow_map(canvas.alpha, Shadow(contact=0.0, cast=0.6, direction=direction), ground=0.66)
        centre = (cast.sum(axis=0) * columns).sum() / cast.sum()
        assert np.sign(centre - middle) == side


def test_nothing_is_cast_on_the_wall(canvas: Canvas) -> None:
    cast = shadow_map(canvas.alpha, Shadow(contact=0.0, cast=1.0, direction=180), ground=0.66)
    assert cast[: int(0.6 * SIZE.height)].max() == 0
    assert cast.max() > 0.1


def test_canny_draws_the_outline_and_nothing_outside(canvas: Canvas) -> None:
    edges = draw_control(ControlUse(kind="canny"), canvas.expected, canvas.alpha, Staging())[..., 0]
    near = cv2.dilate((canvas.alpha > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert edges[near].any()
    assert not edges[~near].any()


def test_depth_is_a_far_wall_a_nearing_ground_and_a_product_that_stands_on_it(canvas: Canvas) -> None:
    staging = Staging(ground=0.66)
    depth = draw_control(ControlUse(kind="depth"), canvas.expected, canvas.alpha, staging)[..., 0].astype(int)
    edge = depth[:, 0]
    assert len(set(edge[: int(0.65 * SIZE.height)])) == 1
    assert (np.diff(edge[int(0.67 * SIZE.height) :]) >= 0).all()
    assert edge[-1] > edge[0] + 100
    product = depth[canvas.alpha == 255]
    assert product.min() == product.max()
    assert abs(product[0] - edge[canvas.box.bottom]) < 12


def test_unknown_control_is_refused(canvas: Canvas) -> None:
    with pytest.raises(RenderError, match="pose"):
        draw_control(ControlUse(kind="pose"), canvas.expected, canvas.alpha, Staging())


def test_strap_thinner_than_a_block_is_kept() -> None:
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:, 30] = 200  # between the points that sampling at stride 8 would look at
    assert keep_blocks(alpha, ring=0)[:, 3].all()


def test_keep_ring_reaches_into_the_next_block() -> None:
    alpha = np.zeros((32, 32), np.uint8)
    alpha[8:16, 8:15] = 255
    assert not keep_blocks(alpha, ring=0)[1, 2]
    assert keep_blocks(alpha, ring=2)[1, 2]


def test_enlarged_blocks_survive_any_sampling() -> None:
    blocks = np.random.default_rng(3).random((6, 5)) > 0.5
    for offset in range(8):
        assert (enlarge_blocks(blocks)[offset::8, offset::8] == blocks).all()


@pytest.mark.parametrize("size", [Size(1024, 1024), Size(1024, 1536), Size(2048, 512), Size(64, 4096), Size(768, 1024)])
@pytest.mark.parametrize("native", [64, 256, 1024])
def test_work_size_is_in_steps_near_the_models_area_and_the_masters_ratio(size: Size, native: int) -> None:
    work = work_size(size, native)
    assert work.width % 64 == 0
    assert work.height % 64 == 0
    assert work.width <= size.width
    assert work.height <= size.height
    if native >= 256 and 0.5 <= size.ratio <= 2:
        assert work.ratio == pytest.approx(size.ratio, rel=0.17)
        assert work.width * work.height <= 1.3 * native * native


def test_job_within_the_native_area_is_drawn_at_its_own_size() -> None:
    assert work_size(Size(832, 1024), 1024) == Size(832, 1024)


def test_empty_canvas_does_not_shine_through_around_the_product() -> None:
    keep = np.zeros((8, 8), dtype=bool)
    keep[3:5, 3:5] = True
    raw = np.full((64, 64, 3), 40, np.uint8)
    raw[enlarge_blocks(keep)] = 128  # what the model was given there
    assert np.abs(background_from(raw, keep).astype(int) - 40).max() <= 1


@pytest.mark.parametrize(("side", "level"), [(4, 200), (16, 40)], ids=["a handle's hole is filled", "a window is kept"])
def test_ground_inside_the_product_is_shown_only_where_there_is_enough_of_it(side: int, level: int) -> None:
    keep = np.zeros((32, 32), np.uint8)
    keep[4:28, 4:28] = 1
    hole = slice(16 - side // 2, 16 + side // 2)
    keep[hole, hole] = 0
    raw = np.full((256, 256, 3), 200, np.uint8)
    raw[32:224, 32:224] = 40  # what the decoder makes of the product, its hole included
    assert background_from(raw, keep)[124:132, 124:132].mean() == pytest.approx(level, abs=2)


def test_enlarged_background_has_grain_that_depends_on_the_seed_alone() -> None:
    small = np.full((32, 32, 3), 100, np.uint8)
    first, again, other = (enlarge(small, Size(64, 64), seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert 0.3 < first.std() < 3


def test_horizon_stays_sharp_beside_the_product() -> None:
    keep = np.zeros((8, 8), dtype=bool)
    keep[2:6, 3:5] = True
    raw = np.full((64, 64, 3), 200, np.uint8)
    raw[36:] = 60
    truth = raw.copy()
    raw[enlarge_blocks(keep)] = 128
    filled = background_from(raw, keep)[20:44, 22:26].astype(int)  # inside the kept blocks, next to their edge
    assert np.abs(filled - truth[20:44, 22:26]).mean() < 8
