"""Copy, brands and placements that cannot be: each ends as a finding or as a refusal, and no picture is broken."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.banners.compose import Refused, compose_renditions
from tasks.banners.compose import Rendition as Composed
from tasks.banners.placement import Placement
from tasks.delivery.ledger import Rendition
from tasks.errors import ConfigurationError, TemplateError
from tasks.settings import Settings, use_settings
from tasks.shapes import Box
from tasks.workplace import open_workplace
from tests.flows.test_dressing import CUP, compose

pytestmark = pytest.mark.usefixtures("here")

STRIP, SQUARE, WHITE = "google-320x50", "taobao-main", "taobao-white"


def told(made: Rendition, check: str) -> str:
    return "; ".join(each.detail or "" for each in made.findings if each.check == check and not each.passed)


def size_of(made: Rendition) -> tuple[int, int]:
    with Image.open(io.BytesIO(open_workplace().store.get(made.key))) as picture:
        picture.load()
        return picture.size


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "200 characters": ({"copy_text": "长" * 200}, "headline (200 characters) does not fit"),
    "emoji": ({"copy_text": "慢一点🌞"}, "holds emoji, which are not set in banners: 🌞 (U+1F31E)"),
    "right to left": ({"copy_text": "שלום"}, "is written from right to left"),
    "rare character": ({"copy_text": "ꦠ吉"}, "holds characters that no font here has: ꦠ (U+A9A0)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_headline_that_cannot_be_set_refuses_that_rendition_alone(case: str) -> None:
    changes, reason = REFUSED[case]
    made = compose({**CUP, **changes}, placements=(STRIP, "google-shopping-main"))
    assert made[STRIP].key == ""
    assert reason in told(made[STRIP], "composable")
    assert size_of(made["google-shopping-main"]) == (1500, 1500)  # which takes no text


LEFT_OUT: dict[str, tuple[dict[str, Any], str, str]] = {
    "emoji": ({"copy_badge": "热🔥"}, "copy-element", "badge '热🔥' holds emoji"),
    "right to left": ({"copy_subline": "سلام"}, "copy-element", "subline 'سلام' is written from right to left"),
    "price": ({"copy_price": "面议"}, "copy-element", "price '面议' is no price; expected a number"),
    "struck price": ({"copy_was": "很贵"}, "copy-element", "was '很贵' is no price"),
    "no bargain": ({"copy_was": "59"}, "copy-element", "struck price 59 is not above the price 69"),
    "too much": ({"copy_subline": "长" * 300, "copy_cta": "点" * 80}, "copy-left-out", "subline"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_lesser_element_is_left_out_and_the_rendition_says_so(case: str) -> None:
    cells, check, reason = LEFT_OUT[case]
    made = compose({**CUP, "copy_cells": cells}, placements=(SQUARE,))[SQUARE]
    assert reason in told(made, check)
    assert size_of(made) == (800, 800)


def test_a_character_beyond_the_basic_plane_is_set_or_refused_by_name() -> None:
    """𠮷 (U+20BB7) comes from the system's larger font where there is one."""
    made = compose({**CUP, "copy_text": "𠮷野家的早晨"}, placements=(SQUARE,))[SQUARE]
    if made.key:
        assert size_of(made) == (800, 800)
    else:
        assert "𠮷 (U+20BB7)" in told(made, "composable")


@pytest.fixture
def spoiled(small_templates: Path, tmp_path: Path) -> Callable[[str, str, str], None]:
    """The templates with one word of one file changed."""

    def spoil(file: str, before: str, after: str) -> None:
        folder = tmp_path / "spoiled"
        shutil.copytree(small_templates, folder)
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")
        use_settings(Settings(out=tmp_path / "out", templates=folder))

    return spoil


def test_a_missing_logo_is_told_and_the_name_is_set(spoiled: Callable[[str, str, str], None]) -> None:
    spoiled("brands/qingyu.yaml", "qingyu.png", "gone.png")
    made = compose(CUP, placements=(SQUARE,))[SQUARE]
    assert "gone.png cannot be read" in told(made, "copy-element")
    assert size_of(made) == (800, 800)


def test_a_missing_font_ends_the_run_before_anything_is_made(spoiled: Callable[[str, str, str], None]) -> None:
    spoiled("brands/qingyu.yaml", "id: qingyu", "id: qingyu")
    (open_workplace().settings.templates / "fonts" / "ShangxinSans-Bold.otf").unlink()
    with pytest.raises(ConfigurationError, match=r"ShangxinSans-Bold\.otf: this font is missing.*Restore"):
        compose(CUP, placements=(SQUARE,))


def test_a_brand_colour_without_contrast_is_told_and_the_copy_readable(
    spoiled: Callable[[str, str, str], None],
) -> None:
    spoiled("brands/qingyu.yaml", 'ink: "#17302E", paper: "#F6FAF8"', 'ink: "#2F7F79", paper: "#358780"')
    made = compose({**CUP, "copy_cells": {"copy_cta": "挑一只"}}, placements=(SQUARE,))[SQUARE]
    assert "neither paper nor ink of the brand can be read" in told(made, "brand-contrast")
    (contrast,) = [each for each in made.findings if each.check == "copy-contrast"]
    assert contrast.value is not None
    assert contrast.passed or told(made, "copy-contrast")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("min_kb: 400\n    max_kb: 300", "min_kb and max_kb leave no room"),
        ("min_kb: 38\n    max_kb: 300\n    min_size: [900, 900]", "is larger than size 800x800"),
        ("min_kb: 38\n    max_kb: 300\n    safe_area: {left: 500, right: 300}", "safe_area"),
    ],
)
def test_a_placement_with_contradictory_rules_is_refused_by_file_and_entry(
    spoiled: Callable[[str, str, str], None], after: str, reason: str
) -> None:
    spoiled("placements/taobao.yaml", "min_kb: 38\n    max_kb: 300", after)
    with pytest.raises(TemplateError, match=reason) as caught:
        compose(CUP, placements=(WHITE,))
    assert "taobao.yaml" in str(caught.value)
    assert "taobao-white" in str(caught.value)


def of_noise(placement: Placement) -> Composed | Refused:
    """What becomes of a master that hardly compresses."""
    width, height = placement.size
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    box = Box(width // 5, height // 3, 4 * width // 5, 4 * height // 5)
    (made,) = compose_renditions(noise, box, [placement], background="generated", alpha=None)
    return made


def test_a_picture_squeezed_into_150_kb_is_told_and_one_that_cannot_be_is_refused() -> None:
    tall, large = open_workplace().placements(("google-300x1050", "campaign-manager-image"))
    squeezed = of_noise(tall)
    assert isinstance(squeezed, Composed), squeezed
    assert len(squeezed.data) <= 150_000
    likeness = next(each for each in squeezed.findings if each.check == "likeness")
    assert likeness.value is not None
    assert likeness.value < 1

    assert large.max_kb is not None
    exact = tall.shape
    tight = large.model_copy(update={"max_kb": large.max_kb.model_copy(update={"value": 150}), "shape": exact})
    refused = of_noise(tight)
    assert isinstance(refused, Refused), refused
    assert re.search(r"1200x1200 picture does not fit 0 to 149999 bytes: jpeg takes \d{6,} bytes", refused.reason)
