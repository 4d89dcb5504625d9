"""What a draft's ground is made of: fine light and dark below the ground line, and nothing else."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.prompts.library import load_library
from tasks.rendering.ground_texture import lay_texture, material_of
from tasks.rendering.renderer import Pixels

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
GROUND = 0.62
LINE = int(GROUND * 512)


@pytest.fixture(scope="module")
def bare() -> Pixels:
    return np.full((512, 512, 3), (176, 128, 96), np.uint8)


def fine(picture: Pixels) -> float:
    """Deviation of what is finer than 8 px, in grey levels."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((grey - cv2.GaussianBlur(grey, (0, 0), 8)).std())


@pytest.mark.parametrize("kind", ["marble", "planks", "sand", "concrete"])
def test_ground_gets_fine_texture_and_the_wall_none(bare: Pixels, kind: str) -> None:
    done = lay_texture(bare, kind, ground=GROUND, seed=3)
    assert np.array_equal(done[:LINE], bare[:LINE])
    assert fine(done[LINE + 50 :]) > 2


@pytest.mark.parametrize("kind", ["marble", "planks", "silk", "grass"])
def test_colour_and_large_forms_stay(bare: Pixels, kind: str) -> None:
    done = lay_texture(bare, kind, ground=GROUND, seed=3)
    assert np.abs(done.mean((0, 1)) - bare.mean((0, 1))).max() < 3
    ratio = done.astype(np.float32) / bare
    assert np.abs(ratio - ratio.mean(-1, keepdims=True)).max() < 0.02


def test_texture_rises_from_nothing_at_the_ground_line(bare: Pixels) -> None:
    done = lay_texture(bare, "planks", ground=GROUND, seed=3)
    assert np.abs(done[LINE : LINE + 4].astype(int) - bare[0, 0]).max() <= 4


def test_same_seed_gives_the_same_bytes_and_another_seed_others(bare: Pixels) -> None:
    first, again, other = (lay_texture(bare, "marble", ground=GROUND, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_square_shows_no_mirror_image(bare: Pixels) -> None:
    below = lay_texture(bare, "marble", ground=GROUND, seed=3)[LINE + 60 :, :, 0].astype(np.float32)
    assert np.corrcoef(below.ravel(), below[:, ::-1].ravel())[0, 1] < 0.3


def test_materials_are_what_the_sample_scenes_say_their_surfaces_are() -> None:
    layers = load_library(TEMPLATES).layers
    surfaces = {key[1]: layer.prompt.set["surface"] for key, layer in layers.items() if key[0] == "scene"}
    assert {name: material_of(f"{surface}，瓷砖墙") for name, surface in surfaces.items()} == {
        "marble-bathroom": "marble",
        "wood-morning": "planks",
        "autumn-tea": "planks",
        "concrete-loft": "concrete",
        "festive-red": "velvet",
        "kitchen-tile": "slab",
        "spring-garden": "slab",
        "summer-beach": "sand",
        "winter-snow": "snow",
        "city-night": None,
        "pastel-studio": None,
        "white-studio": None,
    }
