import numpy as np
import pytest

from tasks.quality.colour import delta_e_2000, lab, tint_difference

# Test data of Sharma, Wu and Dalal (2005), table 1: hues across the wrap, greys, and everyday pairs.
PAIRS = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, 2.8361, -74.0200), (50, 0, -82.7485), 3.4412),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "distance"), PAIRS)
def test_the_difference_is_that_of_the_published_pairs(
    first: tuple[float, ...], second: tuple[float, ...], distance: float
) -> None:
    one, two = np.array([first]), np.array([second])

    assert delta_e_2000(one, two)[0] == pytest.approx(distance, abs=1e-4)
    assert delta_e_2000(two, one)[0] == pytest.approx(distance, abs=1e-4)


def test_srgb_white_black_and_red_have_their_lab_values() -> None:
    white, black, red = lab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.uint8))

    assert white == pytest.approx((100, 0, 0), abs=0.05)
    assert black == pytest.approx((0, 0, 0), abs=0.05)
    assert red == pytest.approx((53.24, 80.09, 67.20), abs=0.2)


def test_a_tints_length_is_the_difference_of_colours_equally_light_and_its_direction_theirs() -> None:
    first = np.array([[60, 40, 10], [60, -30, 30], [60, 3, -2], [60, 0, 0]], np.float32)
    second = first + np.array([[0, -3, 2], [0, 2, 4], [0, 1, 2], [0, 4, -3]], np.float32)
    found = tint_difference(first[:, 1:], second[:, 1:])

    assert np.linalg.norm(found, axis=1) == pytest.approx(delta_e_2000(first, second), rel=0.05)
    assert (np.sign(found) == np.sign(second - first)[:, 1:]).all()
