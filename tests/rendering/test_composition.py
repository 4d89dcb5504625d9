"""Several products, real sizes, reflection and harmonisation: each product its own, all else on the background."""

from itertools import pairwise

import numpy as np
import pytest

from tasks.rendering.canvas import Canvas, stage_all
from tasks.rendering.cutout import CutOut, cut_out
from tasks.rendering.harmony import harmonise
from tasks.rendering.job import Harmony, RealSize, Reflection, Shadow, Staging
from tasks.rendering.paste import assert_untouched, paste
from tasks.rendering.reflection import reflect
from tasks.rendering.shadow import shade
from tasks.rendering.staging import Standing, place, place_all
from tasks.shapes import Size

FRAME = Size(512, 512)
TALL, SQUARE = Size(200, 600), Size(400, 400)


def tall(height_cm: float | None) -> Standing:
    return Standing(TALL, real=None if height_cm is None else RealSize(height_cm=height_cm))


def square(height_cm: float | None) -> Standing:
    return Standing(SQUARE, real=None if height_cm is None else RealSize(height_cm=height_cm))


def test_real_height_decides_the_share_of_the_frame() -> None:
    staging = Staging(frame_cm=40)
    lipstick = place(TALL, FRAME, staging, real=RealSize(height_cm=8))
    thermos = place(TALL, FRAME, staging, real=RealSize(height_cm=24))
    assert lipstick.box.height == pytest.approx(8 / 40 * 512, abs=1)
    assert thermos.box.height == pytest.approx(3 * lipstick.box.height, abs=2)


def test_width_stands_in_for_a_height_that_is_not_known() -> None:
    assert place(SQUARE, FRAME, Staging(frame_cm=40), real=RealSize(width_cm=10)).box.width == pytest.approx(128, abs=1)


def test_a_product_too_tall_for_the_frame_is_drawn_smaller_and_said_so() -> None:
    placed = place(TALL, FRAME, Staging(frame_cm=40), real=RealSize(height_cm=80))
    assert placed.box.height <= 0.94 * 512 + 1
    assert "times too large: drawn smaller" in placed.notes[0]


def test_a_scene_without_a_scale_overlooks_real_sizes() -> None:
    assert place(TALL, FRAME, Staging(), real=RealSize(height_cm=80)) == place(TALL, FRAME, Staging())


def test_products_of_one_picture_keep_their_real_proportion_on_one_base_line() -> None:
    kettle, cup = place_all([square(24), square(8)], FRAME, Staging())
    assert kettle.box.height == pytest.approx(3 * cup.box.height, abs=3)
    assert kettle.box.bottom == cup.box.bottom


def test_neighbours_keep_their_spacing() -> None:
    boxes = sorted(one.box for one in place_all([square(10)] * 3, FRAME, Staging(spacing=0.25)))
    for left, right in pairwise(boxes):
        assert right.left - left.right == pytest.approx(0.25 * left.width, abs=2)


def test_the_skus_own_product_stands_in_the_middle() -> None:
    own, second, third = place_all([square(10), square(6), square(6)], FRAME, Staging())
    assert third.box.right <= own.box.left
    assert own.box.right <= second.box.left


@pytest.mark.parametrize("mode", ["automatic", "anchor", "coordinates", "padding", "original"])
@pytest.mark.parametrize("spacing", [-0.3, 0.0, 0.5])
def test_a_group_is_whole_in_every_mode(mode: str, spacing: float) -> None:
    staging = Staging.model_validate({"mode": mode, "spacing": spacing})
    for placed in place_all([tall(None), square(None), square(None), tall(None)], FRAME, staging):
        assert placed.box.left >= 0
        assert placed.box.top >= 0
        assert placed.box.right <= 512
        assert placed.box.bottom <= 512


def test_unknown_real_sizes_are_said() -> None:
    first, _ = place_all([square(10), square(None)], FRAME, Staging())
    assert "not every product's real size" in first.notes[0]


@pytest.fixture(scope="module")
def cutouts(mug_shot, bag_shot) -> list[CutOut]:
    return [cut_out(mug_shot.png_with_alpha), cut_out(bag_shot.png_with_alpha)]


def staged(cutouts: list[CutOut], **staging: object) -> Canvas:
    return stage_all([(one, RealSize(height_cm=10)) for one in cutouts], FRAME, Staging.model_validate(staging))


def ground() -> np.ndarray:
    return np.random.default_rng(3).integers(60, 200, (512, 512, 3), dtype=np.uint8)


@pytest.mark.parametrize("spacing", [0.12, -0.35])
def test_each_of_several_products_is_its_own_bit_for_bit(cutouts: list[CutOut], spacing: float) -> None:
    canvas = staged(cutouts, spacing=spacing)
    pixels = paste(canvas, ground())
    back, front = canvas.parts
    colour, alpha = front.on(FRAME)
    assert (pixels[alpha == 255] == colour[alpha == 255]).all()
    covered = alpha > 0
    colour, alpha = back.on(FRAME)
    seen = (alpha == 255) & ~covered
    assert seen.any()
    assert (pixels[seen] == colour[seen]).all()
    if spacing < 0:
        assert ((alpha > 0) & covered).any(), "the products were to overlap"
    else:
        assert not ((alpha > 0) & covered).any(), "the products were to stand apart"


def test_a_changed_pixel_of_any_product_withholds_the_master(cutouts: list[CutOut]) -> None:
    canvas = staged(cutouts)
    for part in canvas.parts:
        pixels = paste(canvas, ground())
        colour, alpha = part.on(FRAME)
        middle = (part.box.top + part.box.bottom) // 2, part.box.left + 40
        rows, columns = np.nonzero(alpha == 255)
        nearest = np.argmin(np.abs(rows - middle[0]) + np.abs(columns - middle[1]))
        pixels[rows[nearest], columns[nearest]] ^= 1
        with pytest.raises(Exception, match=r"1 of .* product pixels changed"):
            assert_untouched(pixels, colour, alpha)


def test_each_product_has_a_shadow_of_its_own(cutouts: list[CutOut]) -> None:
    canvas = staged(cutouts)
    plain = np.full((512, 512, 3), 200, np.uint8)
    for part in canvas.parts:
        _, alpha = part.on(FRAME)
        shaded = shade(plain, alpha, Shadow(cast=0), ground=0.6)
        beside = next(other for other in canvas.parts if other is not part)
        foot = shaded[part.box.bottom + 1, part.box.left : part.box.right]
        other = shaded[beside.box.bottom + 1, beside.box.left + 10 : beside.box.right - 10]
        assert foot.min() < other.min() - 20
        assert other.min() > 180


def test_reflection_mirrors_the_foot_and_fades_downwards(cutouts: list[CutOut]) -> None:
    canvas = staged(cutouts[:1], anchor=(0.5, 0.7), share=0.5)
    (part,) = canvas.parts
    colour, alpha = part.on(FRAME)
    plain = np.full((512, 512, 3), 90, np.uint8)
    seen = reflect(plain, colour, alpha, Reflection(strength=0.6, length=0.5, blur=0), ground=0.5)
    moved = np.abs(seen.astype(int) - 90).sum(axis=2)
    middle = (part.box.left + part.box.right) // 2 - 20
    below = moved[part.box.bottom + 2 :, middle]
    assert below[0] > 1.5 * below[part.box.height // 4]
    assert below[part.box.height // 2 + 4 :].sum() == 0
    assert not moved[: part.box.top].any()
    # what is right of the foot: a red mug is mirrored red
    foot = seen[part.box.bottom + 3, middle].astype(int)
    assert foot[0] - foot[2] > 20


def test_reflection_stays_below_the_ground_line_and_off_without_ground(cutouts: list[CutOut]) -> None:
    canvas = staged(cutouts[:1], mode="coordinates", anchor=(0.5, 0.3), share=0.4)
    colour, alpha = canvas.parts[0].on(FRAME)
    plain = np.full((512, 512, 3), 90, np.uint8)
    assert (reflect(plain, colour, alpha, Reflection(), ground=None) == plain).all()
    assert (reflect(plain, colour, alpha, Reflection(length=1.0), ground=0.7)[: int(0.7 * 512)] == 90).all()


def test_a_tint_that_the_model_gave_the_product_leaves_the_ring_and_nothing_else(cutouts: list[CutOut]) -> None:
    canvas = staged(cutouts[:1])
    background = np.full((512, 512, 3), 120, np.uint8)
    tint = np.array([12, 0, -12])
    decode = (canvas.expected.astype(int) + tint).clip(0, 255).astype(np.uint8)
    done = harmonise(background, decode, canvas.expected, canvas.alpha, Harmony(strength=1.0, reach=0.08)).astype(int)
    beside = done[(canvas.box.top + canvas.box.bottom) // 2, canvas.box.left - 3] - 120
    assert beside[0] < -5
    assert beside[2] > 5
    assert abs(beside[1]) <= 1
    far = np.ones((512, 512), bool)
    reach = 8 + round(0.08 * 512)
    far[
        max(0, canvas.box.top - reach) : canvas.box.bottom + reach,
        max(0, canvas.box.left - reach) : canvas.box.right + reach,
    ] = False
    assert (done[far] == 120).all()


def test_a_product_drawn_as_it_is_leaves_the_background_alone(cutouts: list[CutOut]) -> None:
    canvas = staged(cutouts[:1])
    background = ground()
    done = harmonise(background, canvas.expected, canvas.expected, canvas.alpha, Harmony(strength=1.0))
    assert (done == background).all()
