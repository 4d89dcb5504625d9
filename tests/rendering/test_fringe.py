"""A cut-out that still carries its old ground at the edge loses it; everything opaque stays bit for bit."""

import numpy as np
import pytest

from tasks.rendering.canvas import stage
from tasks.rendering.cutout import cut_out
from tasks.rendering.fringe import without_fringe
from tasks.rendering.job import Staging
from tasks.rendering.paste import paste
from tasks.shapes import Size
from tests.rendering.conftest import Shot, composed, encode, mug

SIDE = 480
WHOLE = Staging(mode="original")  # pixel for pixel: no scaling between cut-out and master


@pytest.fixture(scope="module")
def alpha() -> np.ndarray:
    """Soft over several pixels, as a photograph's edge is."""
    return mug(SIDE).alpha


def fringed(alpha: np.ndarray, ground: tuple[int, int, int], *, colour: tuple[int, int, int] = (178, 58, 46)) -> Shot:
    """The mug with its own alpha, its edge pixels still mixed with the ground it was photographed on."""
    back = np.broadcast_to(np.array(ground, float), (*alpha.shape, 3))
    return composed(np.broadcast_to(np.array(colour, float), (*alpha.shape, 3)), alpha, ground=back)


def master_of(png: bytes, background: int) -> np.ndarray:
    canvas = stage(cut_out(png), Size(SIDE, SIDE), WHOLE)
    return paste(canvas, np.full((SIDE, SIDE, 3), background, np.uint8))


@pytest.mark.parametrize(("ground", "background"), [((255, 255, 255), 20), ((0, 0, 0), 235), ((60, 200, 90), 20)])
def test_fringe_of_the_old_ground_is_gone_on_the_master(alpha, ground: tuple[int, int, int], background: int) -> None:
    shot = fringed(alpha, ground)
    clean = np.broadcast_to(np.array((178, 58, 46), np.uint8), (SIDE, SIDE, 3))
    expected = master_of(encode(np.dstack([clean, alpha])), background).astype(int)
    soft = (alpha > 25) & (alpha < 230)
    share = alpha[..., None] / 255.0
    planted = np.abs(share * shot.rgb + (1 - share) * background - expected)[soft]
    assert planted.mean() > 15, "no fringe was planted"
    left = np.abs(master_of(shot.png_with_alpha, background) - expected)[soft]
    assert left.mean() < 2
    assert np.quantile(left, 0.99) < 10


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0)])
def test_opaque_pixels_stay_bit_for_bit_and_alpha_as_it_is(alpha, ground: tuple[int, int, int]) -> None:
    rgba = np.dstack([fringed(alpha, ground).rgb, alpha])
    done = without_fringe(rgba)
    assert (done != rgba).any()
    assert (done[alpha == 255] == rgba[alpha == 255]).all()
    assert (done[..., 3] == alpha).all()
    inside = alpha == 255
    assert (master_of(encode(rgba), 90)[inside] == rgba[..., :3][inside]).all()


def test_a_clean_edge_is_left_alone(alpha) -> None:
    grain = np.random.default_rng(4).normal(0, 6, (*alpha.shape, 3))
    rgba = np.dstack([(np.array((178, 58, 46)) + grain).clip(0, 255).astype(np.uint8), alpha])
    assert without_fringe(rgba) is rgba


def test_a_rim_of_the_products_own_is_no_fringe(alpha) -> None:
    """A gilded rim: the soft edge is all gold, whatever its alpha."""
    rgb = np.broadcast_to(np.array((178, 58, 46), np.uint8), (*alpha.shape, 3)).copy()
    rgb[(alpha > 0) & (alpha < 255)] = (230, 190, 90)
    rgba = np.dstack([rgb, alpha])
    assert without_fringe(rgba) is rgba
