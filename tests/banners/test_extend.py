from typing import Literal

import cv2
import numpy as np
import pytest

from tasks.banners.extend import continue_background, plain_canvas
from tasks.banners.geometry import Framing, frame_product
from tasks.banners.pixels import Pixels
from tasks.banners.pyramid import Pyramid
from tasks.shapes import Box, Size
from tests.banners.drawn import Scene, draw_master


def patched(scene: Scene, canvas: Size) -> tuple[Pixels, Framing]:
    master = draw_master(scene)
    framing = frame_product(Size(256, 256), master.product_box, canvas)
    return Pyramid(master.pixels).cut(framing.source, framing.dest.size, level=framing.level), framing


def step(canvas: Pixels, column: int) -> float:
    """Mean difference between two neighbouring columns, in levels."""
    return float(np.abs(canvas[:, column].astype(float) - canvas[:, column - 1]).mean())


@pytest.mark.parametrize("scene", ["table", "marble", "lights"])
def test_the_seam_is_no_larger_a_step_than_the_picture_has_anyway(scene: Scene) -> None:
    patch, framing = patched(scene, Size(485, 60))
    canvas = continue_background(patch, framing, seed=1)
    seam = framing.dest.right
    usual = [step(canvas, column) for column in range(framing.product.right + 4, seam - 1)]
    assert step(canvas, seam) <= max(usual) + 0.5


def test_a_fill_of_another_colour_would_show_as_a_seam() -> None:
    """The measure above sees what it is meant to see."""
    patch, framing = patched("table", Size(485, 60))
    canvas = plain_canvas(patch, framing, colour=(255, 255, 255))
    usual = [step(canvas, column) for column in range(framing.product.right + 4, framing.dest.right - 1)]
    assert step(canvas, framing.dest.right) > max(usual) + 10


def test_the_patch_itself_is_untouched() -> None:
    patch, framing = patched("marble", Size(485, 60))
    dest = framing.dest
    canvas = continue_background(patch, framing, seed=1)
    assert canvas.shape == (60, 485, 3)
    assert np.array_equal(canvas[dest.top : dest.bottom, dest.left : dest.right], patch)


def test_the_tables_edge_goes_on_to_the_end_of_the_strip() -> None:
    patch, framing = patched("table", Size(485, 60))
    canvas = continue_background(patch, framing, seed=1).astype(float)
    near, far = canvas[:, framing.dest.right - 4].mean(axis=1), canvas[:, -20:].mean(axis=(1, 2))
    assert abs(int(np.argmin(np.diff(near))) - int(np.argmin(np.diff(far)))) <= 1


def test_the_product_is_not_mirrored() -> None:
    patch, framing = patched("table", Size(485, 60))
    beyond = continue_background(patch, framing, seed=1)[:, framing.dest.right :].astype(int)
    assert ((beyond[..., 1] - beyond[..., 0]) > 20).sum() == 0


def test_the_new_background_has_grain_against_banding() -> None:
    patch, framing = patched("table", Size(485, 60))
    far = continue_background(patch, framing, seed=1)[:, -100:].astype(float)
    assert far.mean(axis=2).std(axis=1).mean() > 0.4


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_every_side_can_be_continued(side: Literal["left", "top", "right", "bottom"]) -> None:
    patch = draw_master("table", width=64, height=64).pixels
    boxes = {"left": (36, 0, 100, 64), "right": (0, 0, 64, 64), "top": (0, 36, 64, 100), "bottom": (0, 0, 64, 64)}
    canvas = Size(100, 64) if side in ("left", "right") else Size(64, 100)
    dest = Box(*boxes[side])
    product = Box(dest.left + 24, dest.top + 20, dest.left + 40, dest.top + 60)
    framing = Framing(canvas, Box(0, 0, 64, 64), dest, product, 1.0, 0)
    done = continue_background(patch, framing, seed=0)
    assert done.shape == (canvas.height, canvas.width, 3)
    assert np.array_equal(done[dest.top : dest.bottom, dest.left : dest.right], patch)


def test_a_spot_near_the_seam_is_not_drawn_out_into_a_streak() -> None:
    patch, framing = patched("table", Size(485, 60))
    clean = continue_background(patch, framing, seed=1)[:, -100:].astype(float)
    spotted = patch.copy()
    seam = patch.shape[1]
    spotted[14:22, seam - 9 : seam - 2] = (255, 40, 40)
    streaked = continue_background(spotted, framing, seed=1)[:, -100:].astype(float)
    assert np.abs(streaked - clean).mean(axis=(1, 2)).max() < 3


def test_equal_seeds_make_equal_pixels() -> None:
    patch, framing = patched("lights", Size(485, 60))
    first, second = (continue_background(patch, framing, seed=5) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_soft_background_is_not_drawn_out_into_streaks() -> None:
    """Far from the seam, rows differ from their neighbours less than in the picture itself."""
    random = np.random.default_rng(3)
    small = random.uniform(60, 200, (12, 12, 3)).astype(np.float32)
    patch = np.asarray(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC).clip(0, 255), np.uint8)
    framing = Framing(Size(900, 256), Box(0, 0, 256, 256), Box(0, 0, 256, 256), Box(100, 60, 160, 220), 1.0, 0)
    done = continue_background(patch, framing, seed=2).astype(float).mean(axis=2)
    far = cv2.GaussianBlur(done[:, 600:], (0, 0), 2.0)  # without its grain
    between_rows = np.abs(np.diff(far, axis=0)).mean()
    assert between_rows < 0.5 * np.abs(np.diff(done[:, :90], axis=0)).mean()
    # a streak is a row that is the same all along and unlike the rows around it
    along = far.mean(axis=1) - cv2.GaussianBlur(far.mean(axis=1)[:, None], (1, 0), sigmaX=0.1, sigmaY=12)[:, 0]
    assert np.abs(along).max() < 4


def below(picture: Pixels, product: Box, more: int) -> Pixels:
    """What continues the picture below."""
    height, width = picture.shape[:2]
    framing = Framing(Size(width, height + more), Box(0, 0, width, height), Box(0, 0, width, height), product, 1.0, 0)
    return continue_background(picture, framing, seed=3)[height:]


def test_light_and_dark_patches_of_a_ground_do_not_run_down_in_streaks() -> None:
    random = np.random.default_rng(5)
    small = random.uniform(60, 200, (12, 12, 3)).astype(np.float32)
    picture = np.asarray(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC).clip(0, 255), np.uint8)
    far = below(picture, Box(100, 60, 160, 200), 160)[100:].astype(float).mean(axis=(0, 2))
    seam = picture[-1].astype(float).mean(axis=1)
    assert np.abs(np.diff(far)).mean() < 0.3 * np.abs(np.diff(seam)).mean()


def test_the_products_shadow_does_not_go_on() -> None:
    picture = np.full((256, 256, 3), 190, np.uint8)
    picture[200:, 90:170] = 90  # from its foot to the edge
    far = below(picture, Box(100, 40, 160, 200), 120)[80:].astype(float).mean(axis=(0, 2))
    assert np.abs(far[90:170].mean() - far[:40].mean()) < 12


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_size_the_patch_stays_and_the_rest_is_filled(seed: int) -> None:
    """Down to patches of one pixel, and products that leave no background at all."""
    random = np.random.default_rng(seed)
    width, height = (int(each) for each in random.integers(1, 90, 2))
    left, top, right, bottom = (int(each) for each in random.integers(0, 200, 4) * random.integers(0, 2, 4))
    x, y = int(random.integers(0, width)), int(random.integers(0, height))
    patch = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    dest = Box(left, top, left + width, top + height)
    product = Box(left + x, top + y, left + x + max(1, (width - x) // 2), top + height)
    canvas = Size(width + left + right, height + top + bottom)
    done = continue_background(patch, Framing(canvas, Box(0, 0, width, height), dest, product, 1.0, 0), seed=seed)
    assert done.shape == (canvas.height, canvas.width, 3)
    assert np.array_equal(done[dest.top : dest.bottom, dest.left : dest.right], patch)
