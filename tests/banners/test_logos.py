"""Brands' logos on renditions: in their own colours where those are seen, else in one that is."""

import base64
import io
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.dress import Dresser
from tasks.banners.inks import Look, choose_inks
from tasks.banners.layouts import load_layouts
from tasks.banners.marks import ImageMark
from tasks.banners.pieces import Setter
from tasks.banners.placement import load_placements
from tasks.banners.typography.fonts import FontBook
from tasks.banners.wording import Copy
from tasks.prompts.library import load_library
from tasks.settings import PROJECT
from tests.banners.drawn import Scene, draw_master

TEMPLATES = PROJECT / "templates"
BRANDS = load_library(TEMPLATES).brands
RED = (200, 20, 30)
LOOK = Look(ink=(20, 20, 20), paper=(255, 255, 255))


@pytest.fixture
def logo(tmp_path: Path) -> str:
    """A red bar with a dark blue one below it, 3:1."""
    pixels = np.zeros((60, 180, 4), np.uint8)
    pixels[5:30, 5:175] = (*RED, 255)
    pixels[34:56, 5:175] = (20, 30, 90, 255)
    Image.fromarray(pixels).save(tmp_path / "logo.png")
    return str(tmp_path / "logo.png")


@pytest.mark.parametrize(
    ("ground", "expected"), [((245, 242, 236), None), ((60, 20, 24), (255, 255, 255)), ((190, 40, 40), (255, 255, 255))]
)
def test_a_logo_gives_up_its_colours_only_where_they_are_lost(
    logo: str, ground: tuple[int, int, int], expected: tuple[int, int, int] | None
) -> None:
    behind = np.full((100, 300, 3), ground, np.uint8)
    assert choose_inks(behind, [ImageMark("logo", logo, 0, 0, 90, 30)], LOOK).logo == expected


@pytest.mark.parametrize(("scene", "own"), [("table", True), ("lights", False)])
def test_flat_and_layered_copy_hold_the_logo_in_the_same_colours(logo: str, scene: Scene, own: bool) -> None:
    setter = Setter(FontBook(TEMPLATES / "fonts"), logo=logo, logo_ratio=3.0)
    dresser = Dresser(load_layouts(TEMPLATES / "layouts"), setter, Copy(headline="好茶"), LOOK, scene="", layers=True)
    master = draw_master(scene, width=512, height=512)
    placement = load_placements(TEMPLATES / "placements")["google-970x250"]
    (made,) = compose_renditions(
        master.pixels, master.product_box, [placement], background="generated", alpha=master.alpha, dresser=dresser
    )
    assert isinstance(made, Rendition)
    image = next(each for each in ET.fromstring(made.layers).iter() if each.get("class") == "logo")  # noqa: S314
    box = [round(float(image.get(name, "0"))) for name in ("x", "y", "width", "height")]
    flat = np.asarray(Image.open(io.BytesIO(made.data)).convert("RGB"))
    upper = flat[box[1] + box[3] // 4, box[0] + box[2] // 4 : box[0] + 3 * box[2] // 4].mean(axis=0)
    data = (image.get("href") or "").partition(",")[2]
    layered = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))[15, 90]

    assert (tuple(layered) == RED) == own
    assert np.abs(upper - layered).max() < 25


@pytest.mark.parametrize("brand", sorted(BRANDS))
def test_every_brand_that_ships_has_a_mark_cut_to_its_edges(brand: str) -> None:
    path = TEMPLATES / BRANDS[brand].logo
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        assert image.getbbox() == (0, 0, *image.size)
        assert 1.5 < image.width / image.height < 6
