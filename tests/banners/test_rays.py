"""Lines of a ground beyond the picture: planks that run to a vanishing point above it."""

import numpy as np
import pytest

from tasks.banners.extend import continue_background
from tasks.banners.geometry import Framing
from tasks.banners.pixels import Pixels
from tasks.banners.rays import STRAIGHT, find_rays
from tasks.shapes import Box, Size

WIDTH, HEIGHT, HORIZON = 300, 200, -60


def planks(height: int, *, at: float = 150.0) -> Pixels:
    """Brown planks, lines from (`at`, HORIZON) on."""
    y, x = np.mgrid[0:height, 0:WIDTH].astype(np.float32)
    across = (x - at) / (y - HORIZON)  # the same all along a line
    light = 120 + 40 * np.sin(across * 70) + np.random.default_rng(0).normal(0, 1.5, x.shape)
    return np.stack([light + 40, light, light - 40], axis=2).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("at", [150.0, 60.0])
def test_lines_are_found_where_they_run(at: float) -> None:
    strip = planks(HEIGHT, at=at)[::-1].transpose(1, 0, 2)  # turned: the lower edge is the seam on the left
    rays = find_rays(strip, level_out=100.0)
    wanted_fan = 1 / (HEIGHT - HORIZON)
    assert rays.fan == pytest.approx(wanted_fan, rel=0.25)
    assert rays.slope == pytest.approx((WIDTH / 2 - at) * wanted_fan, abs=0.08)


def test_noise_has_no_lines() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 60, 3)).astype(np.uint8)
    assert find_rays(noise, level_out=1.0) is STRAIGHT
    assert find_rays(np.full((300, 60, 3), 90, np.uint8), level_out=1.0) is STRAIGHT


def test_the_line_through_a_row_is_the_same_inside_and_outside() -> None:
    strip = planks(HEIGHT)[::-1].transpose(1, 0, 2)
    rays = find_rays(strip, level_out=1e4)
    away = np.array([0.5, 20.0, 60.0], np.float32)
    at_seam = rays.inside(WIDTH, away, np.zeros(3, np.float32))
    outside = np.arange(WIDTH)[:, None]
    lean = (outside - at_seam) / away
    inside = rays.inside(WIDTH, away, np.full(3, 10.0, np.float32))
    assert np.allclose((at_seam - inside) / 10.0, lean, atol=1e-3)


def test_planks_run_on_below_the_picture() -> None:
    whole = planks(HEIGHT + 60)
    framing = Framing(
        Size(WIDTH, HEIGHT + 60), Box(0, 0, WIDTH, HEIGHT), Box(0, 0, WIDTH, HEIGHT), Box(120, 20, 180, 130), 1.0, 0
    )
    done = continue_background(whole[:HEIGHT], framing, seed=1)

    def alike(made: Pixels) -> float:
        first, second = (each.astype(float).mean(axis=2).ravel() for each in (made, whole[HEIGHT:]))
        return float(np.corrcoef(first, second)[0, 1])

    assert alike(done[HEIGHT:]) > 0.6
    assert alike(whole[HEIGHT - 60 : HEIGHT][::-1]) < 0.3  # a mirror image would be none
