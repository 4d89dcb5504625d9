import io

import cv2
import numpy as np
import pytest
from PIL import Image

from tasks.errors import ImageError
from tasks.rendering.cutout import CutOut, CutOutCache, cut_out
from tests.rendering.conftest import encode


def full_alpha(found: CutOut) -> np.ndarray:
    alpha = np.zeros((found.frame.height, found.frame.width), np.uint8)
    alpha[found.box.top : found.box.bottom, found.box.left : found.box.right] = found.rgba[..., 3]
    return alpha


def mean_error(found: CutOut, truth: np.ndarray) -> float:
    return float(np.abs(full_alpha(found).astype(int) - truth).mean() / 255)


@pytest.mark.parametrize(("kind", "bound"), [("png", 1e-4), ("jpeg", 6e-4)])
def test_matte_of_a_drawn_mug_is_the_alpha_it_was_drawn_with(mug_shot, kind: str, bound: float) -> None:
    found = cut_out(getattr(mug_shot, kind))
    assert found.method == "ground"
    assert mean_error(found, mug_shot.alpha) < bound


def test_soft_edge_pixels_are_soft_and_not_a_threshold(mug_shot) -> None:
    soft = (mug_shot.alpha > 20) & (mug_shot.alpha < 235)
    error = np.abs(full_alpha(cut_out(mug_shot.png)).astype(int) - mug_shot.alpha)
    assert error[soft].mean() < 6


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_hole_in_a_handle_shows_the_ground(mug_shot, kind: str) -> None:
    alpha = full_alpha(cut_out(getattr(mug_shot, kind)))
    truth = cv2.erode((mug_shot.alpha == 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    hole = (
        truth
        & (np.indices(truth.shape)[1] > truth.shape[1] * 0.66)
        & (np.indices(truth.shape)[1] < 0.78 * truth.shape[1])
    )
    assert hole.sum() > 500
    assert alpha[hole].max() == 0


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_thin_strap_survives_whole(bag_shot, kind: str) -> None:
    strap = (bag_shot.alpha == 255) & (np.indices(bag_shot.alpha.shape)[0] < bag_shot.alpha.shape[0] * 0.48)
    assert strap.sum() > 300
    assert full_alpha(cut_out(getattr(bag_shot, kind)))[strap].min() > 200


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_white_product_on_white_is_filled_and_its_shadow_left_behind(bottle_shot, kind: str) -> None:
    found = cut_out(getattr(bottle_shot, kind))
    assert mean_error(found, bottle_shot.alpha) < 4e-3
    inside = cv2.erode((bottle_shot.alpha == 255).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert full_alpha(found)[inside].min() == 255


def test_edge_colours_are_free_of_the_ground(mug_shot) -> None:
    found = cut_out(mug_shot.png)
    edge = found.rgba[(found.rgba[..., 3] > 100) & (found.rgba[..., 3] < 200)]
    assert len(edge) > 100
    assert edge[:, 1].max() < 110  # the mug's green is 44 to 64, the ground's 255


def test_white_type_on_a_product_is_no_hole() -> None:
    rgb = np.full((480, 480, 3), 255, np.uint8)
    cv2.rectangle(rgb, (140, 80), (340, 430), (30, 70, 50), -1)
    cv2.putText(rgb, "TEA", (160, 250), cv2.FONT_HERSHEY_DUPLEX, 2.4, (255, 255, 255), 6, cv2.LINE_AA)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    assert full_alpha(cut_out(buffer.getvalue()))[90:420, 150:330].min() == 255


def test_alpha_of_the_picture_is_taken_as_it_is(mug_shot) -> None:
    found = cut_out(mug_shot.png_with_alpha)
    assert found.method == "alpha"
    truth = np.where(mug_shot.alpha <= 8, 0, mug_shot.alpha)
    assert (full_alpha(found) == truth).all()


def test_opaque_alpha_is_treated_as_a_picture_on_a_ground(mug_shot) -> None:
    opaque = np.dstack([mug_shot.rgb, np.full(mug_shot.alpha.shape, 255, np.uint8)])
    buffer = io.BytesIO()
    Image.fromarray(opaque).save(buffer, "PNG")
    assert cut_out(buffer.getvalue()).method == "ground"


def test_fully_transparent_picture_is_refused(mug_shot) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([mug_shot.rgb, np.zeros(mug_shot.alpha.shape, np.uint8)])).save(buffer, "PNG")
    with pytest.raises(ImageError, match="fully transparent"):
        cut_out(buffer.getvalue())


def test_busy_ground_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    with pytest.raises(ImageError, match="neither transparency nor a plain ground"):
        cut_out(buffer.getvalue())


def test_empty_white_picture_is_refused() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(buffer, "PNG")
    with pytest.raises(ImageError, match="nothing stands before the ground"):
        cut_out(buffer.getvalue())


def test_truncated_picture_is_refused(mug_shot) -> None:
    with pytest.raises(ImageError, match="cannot be decoded"):
        cut_out(mug_shot.jpeg[:2000])


def test_cache_gives_the_same_cut_out_and_forgets_the_oldest(mug_shot, bag_shot) -> None:
    cache = CutOutCache(size=1)
    first = cache.get(mug_shot.png_with_alpha)
    assert cache.get(mug_shot.png_with_alpha) is first
    cache.get(bag_shot.png_with_alpha)
    assert cache.get(mug_shot.png_with_alpha) is not first


def test_a_product_that_goes_on_outside_its_picture_says_how_much_of_a_side_does(mug_shot) -> None:
    whole = mug_shot.rgb
    columns = np.flatnonzero((mug_shot.alpha > 127).any(axis=0))
    middle = int((columns.min() + columns.max()) / 2)
    assert cut_out(encode(whole)).cut == 0
    assert cut_out(encode(np.ascontiguousarray(whole[:, :middle]))).cut > 0.8


def test_a_cut_out_trimmed_to_its_box_is_whole() -> None:
    tin = np.full((120, 80, 4), 255, np.uint8)
    tin[:12, :12, 3] = 0
    assert cut_out(encode(tin)).cut == 0


def test_no_pale_flake_is_left_between_a_bold_edge_and_its_shadow() -> None:
    """A pale label between dark rims, a soft shadow beside it: what clings to the rim is ground."""
    side, left, right, top, bottom = 640, 240, 400, 80, 560
    shade = np.zeros((side, side), np.float32)
    cv2.ellipse(shade, (420, 480), (110, 30), 0, 0, 360, 1.0, -1)
    rgb = 255.0 * np.repeat(1 - 0.15 * cv2.GaussianBlur(shade, (0, 0), 20)[..., None], 3, axis=2)
    rgb[top:bottom, left:right] = (58, 92, 80)
    rgb[top + 60 : bottom - 40, left + 4 : right - 4] = (245, 242, 232)
    soft = cv2.GaussianBlur(rgb, (0, 0), 0.9).clip(0, 255).astype(np.uint8)
    for kind in ("PNG", "JPEG"):
        alpha = full_alpha(cut_out(encode(soft, kind=kind)))
        rows = slice(top + 20, bottom - 20)
        assert max(alpha[rows, :left].max(), alpha[rows, right:].max()) < 110, kind  # 77: blurred, a third shows
        assert alpha[rows, left + 2 : right - 2].min() > 250, kind


def test_faint_rim_of_a_pale_carton_stays_outside_its_printed_panel() -> None:
    rgb = np.full((480, 480, 3), 255, np.uint8)
    cv2.rectangle(rgb, (120, 80), (360, 420), (236, 236, 238), -1)
    cv2.rectangle(rgb, (130, 90), (350, 410), (30, 60, 120), -1)
    found = cut_out(encode(rgb))
    assert abs(found.box.left - 120) <= 2
    assert abs(found.box.right - 361) <= 2
