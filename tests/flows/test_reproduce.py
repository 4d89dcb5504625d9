"""Rendering a delivered master again from its own file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from flows.campaign import produce_campaign
from flows.reproduce import measure, reproduce_here
from tasks.banners.master_png import encode_master
from tasks.catalog.brief import CampaignBrief
from tasks.errors import ConfigurationError, RenderError
from tasks.workplace import open_workplace


@pytest.fixture
def master(catalogue: Path, here: Path, prefect_server: str) -> Path:
    brief = CampaignBrief(
        catalog=str(catalogue), scenes=("white-studio",), placements=("taobao-main",), model="sleep-1ms", limit=1
    )
    produce_campaign(brief, "run-1")
    (key,) = open_workplace().store.keys("masters/")
    return here / "out" / key


def said(master: Path, catalog: str = "") -> str:
    console = Console(record=True, width=200)
    assert reproduce_here(master, console, catalog=catalog) == 0
    return console.export_text()


def test_a_master_is_rendered_again_bit_for_bit(master: Path) -> None:
    assert "Bit for bit the same" in said(master)


def test_a_touched_up_master_is_told_apart_with_the_distance(master: Path) -> None:
    pixels = cv2.cvtColor(cv2.imread(str(master)), cv2.COLOR_BGR2RGB)
    from tasks.banners.master_png import read_recipe

    recipe = read_recipe(master.read_bytes())
    assert recipe
    pixels[:8, :8] = 0
    master.write_bytes(encode_master(pixels, recipe=recipe))

    assert "Differs" in said(master)


def test_another_product_picture_is_refused(master: Path, catalogue: Path) -> None:
    other = np.full((300, 300, 4), 255, np.uint8)
    other[:, :20, 3] = 0
    cv2.imwrite(str(catalogue.parent / "p0.png"), other)

    with pytest.raises(ConfigurationError, match="another picture by now"):
        reproduce_here(master, Console(), catalog=str(catalogue))


def test_a_file_without_a_recipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ConfigurationError, match="carries no recipe"):
        reproduce_here(path, Console(), catalog="")


def test_distance_needs_equal_sizes() -> None:
    with pytest.raises(RenderError, match="64x64"):
        measure(np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3), np.uint8))
