import cv2
import numpy as np
import pytest

from tasks.banners.ssim import ssim
from tests.banners.drawn import draw_master

PICTURE = draw_master("table", width=256, height=256).pixels


def test_the_same_picture_is_one() -> None:
    assert ssim(PICTURE, PICTURE) == pytest.approx(1.0, abs=1e-6)


def test_more_damage_is_less_alike() -> None:
    blurred = [ssim(PICTURE, cv2.GaussianBlur(PICTURE, (0, 0), sigma)) for sigma in (0.6, 1.5, 4.0)]
    assert 1 > blurred[0] > blurred[1] > blurred[2]


def test_a_change_of_colour_alone_is_seen() -> None:
    lab = cv2.cvtColor(PICTURE, cv2.COLOR_RGB2YCrCb)
    lab[..., 1] = 255 - lab[..., 1]
    assert ssim(PICTURE, cv2.cvtColor(lab, cv2.COLOR_YCrCb2RGB)) < 0.99


def test_constants_follow_the_published_formula() -> None:
    """Two flat pictures: only the term of luminance is left, (2ab + C1) / (a2 + b2 + C1), colours being equal."""
    first, second = np.full((64, 64, 3), 100, np.uint8), np.full((64, 64, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(first, second) == pytest.approx(0.8 * expected + 0.2, abs=1e-4)
