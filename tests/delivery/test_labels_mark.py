"""The visible mark: large enough, readable, off the product."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tasks.banners.placement import Placement, load_placements
from tasks.delivery.labels import FONT, Labeller, Marker, check_wording, wording_of
from tasks.delivery.labels.mark import check_legible
from tasks.errors import CompositionError, ConfigurationError
from tasks.findings import Finding
from tasks.shapes import Box
from tests.delivery.labelled import CREDITS, make_origin

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PLACEMENTS = load_placements(TEMPLATES / "placements")
SIZES = ("google-300x250", "google-320x50", "google-120x600", "google-970x250", "taobao-3x4")
MIDDLE = Box(130, 60, 170, 200)


def marker(text: str = "AI生成") -> Marker:
    return Marker(text, TEMPLATES / FONT)


def flat(placement: Placement, level: int) -> np.ndarray:
    return np.full((placement.size.height, placement.size.width, 3), level, np.uint8)


def by_check(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def ink_box(before: np.ndarray, after: np.ndarray, *, step: int = 60) -> Box:
    """The box around what differs clearly."""
    changed = np.abs(before.astype(int) - after).max(axis=2) > step
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("level", [10, 245])
def test_letters_are_at_least_a_twentieth_of_the_shorter_side(name: str, level: int) -> None:
    placement = PLACEMENTS[name]
    before = flat(placement, level)
    after, findings = marker("AI").mark(before, (), placement)
    assert ink_box(before, after).height >= 0.05 * min(placement.size)
    measured = by_check(findings)["visible-mark"].value
    assert measured is not None
    assert measured >= 0.05


@pytest.mark.parametrize("name", SIZES)
def test_chinese_letters_are_drawn_not_boxes(name: str) -> None:
    placement = PLACEMENTS[name]
    before = flat(placement, 245)
    generated = ink_box(before, marker("AI生成").mark(before, (), placement)[0])
    other = marker("AI合成").mark(before, (), placement)[0]
    assert generated.width > 2.5 * generated.height
    assert not np.array_equal(marker("AI生成").mark(before, (), placement)[0], other)


def test_the_mark_stands_in_the_first_corner_off_the_product_and_copy() -> None:
    placement = PLACEMENTS["google-300x250"]
    canvas = flat(placement, 245)
    right, left = Box(150, 40, 300, 250), Box(0, 150, 150, 250)
    boxes = [
        by_check(marker().mark(canvas, keep, placement)[1])["visible-mark"].box
        for keep in ((), (right,), (right, left), (left,))
    ]
    assert all(box is not None for box in boxes)
    corners = [(box.left > 150, box.top > 125) for box in boxes if box]
    assert corners == [(True, True), (False, True), (True, False), (True, True)]


def test_a_mark_that_cannot_avoid_the_product_says_so() -> None:
    placement = PLACEMENTS["google-300x250"]
    found = by_check(marker().mark(flat(placement, 245), (Box(0, 0, 300, 250),), placement)[1])["visible-mark-clear"]
    assert (found.passed, found.severity) == (False, "review")
    assert found.value == 1.0


def test_a_plain_ground_gets_bare_letters_and_a_wild_one_a_plate() -> None:
    placement = PLACEMENTS["google-300x250"]
    wild = np.random.default_rng(0).integers(0, 256, (250, 300, 3), dtype=np.uint8)
    for canvas, plate in ((flat(placement, 245), False), (flat(placement, 20), False), (wild, True)):
        marked, findings = marker().mark(canvas, (), placement)
        found = by_check(findings)["visible-mark-contrast"]
        assert found.passed, found
        assert found.box is not None
        box = found.box
        inside = (marked != canvas).any(axis=2)[box.top : box.bottom, box.left : box.right].mean()
        assert bool(inside > 0.8) is plate


@pytest.mark.parametrize("level", range(0, 256, 15))
def test_every_grey_gives_enough_contrast(level: int) -> None:
    placement = PLACEMENTS["google-300x250"]
    found = by_check(marker().mark(flat(placement, level), (), placement)[1])["visible-mark-contrast"]
    assert found.passed, found.value


def test_nothing_outside_the_marks_box_changes_and_the_canvas_given_stays() -> None:
    placement = PLACEMENTS["google-300x250"]
    canvas = np.random.default_rng(0).integers(0, 256, (250, 300, 3), dtype=np.uint8)
    given = canvas.copy()
    marked, findings = marker().mark(canvas, (MIDDLE,), placement)
    box = by_check(findings)["visible-mark"].box
    assert box is not None
    assert np.array_equal(canvas, given)
    marked[box.top : box.bottom, box.left : box.right] = canvas[box.top : box.bottom, box.left : box.right]
    assert np.array_equal(marked, canvas)


def test_the_mark_keeps_to_the_safe_area() -> None:
    placement = PLACEMENTS["meta-reel"]
    found = by_check(marker().mark(flat(placement, 245), (), placement)[1])["visible-mark"].box
    safe = placement.safe_box
    assert found is not None
    assert safe != Box(0, 0, *placement.size)
    assert safe.left <= found.left
    assert safe.top <= found.top
    assert found.right <= safe.right
    assert found.bottom <= safe.bottom


def test_a_mark_wider_than_the_picture_is_refused() -> None:
    placement = PLACEMENTS["google-120x600"]
    with pytest.raises(CompositionError, match="google-120x600: the visible mark takes"):
        marker("本图片背景由人工智能生成合成制作").mark(flat(placement, 200), (), placement)


def test_a_platform_that_allows_no_text_leaves_it_to_a_person() -> None:
    placement = PLACEMENTS["amazon-main"]
    found = by_check(marker().mark(flat(placement, 245), (), placement)[1])["visible-mark-allowed"]
    assert (found.passed, found.severity) == (False, "review")
    assert "visible-mark-allowed" not in by_check(
        marker().mark(flat(PLACEMENTS["google-300x250"], 245), (), PLACEMENTS["google-300x250"])[1]
    )


def test_a_picture_in_which_nothing_is_generated_is_not_marked() -> None:
    placement = PLACEMENTS["google-300x250"]
    canvas = flat(placement, 245)
    white = Labeller(make_origin(background="white"), CREDITS, marker=marker())
    assert white.mark(canvas, (), placement) == (canvas, ())
    scene = Labeller(make_origin(), CREDITS, marker=marker())
    assert not np.array_equal(scene.mark(canvas, (), placement)[0], canvas)


def test_wording_follows_the_locale() -> None:
    assert [wording_of(locale) for locale in ("", "zh-CN", "zh-TW", "en", "de-DE")] == [
        "AI生成", "AI生成", "AI生成", "AI-generated", "AI-generated",
    ]  # fmt: skip


def test_the_font_has_the_usual_wordings_and_names_what_it_lacks() -> None:
    for text in ("AI生成", "AI-generated", "人工智能合成", "本图由AI生成", "圖片由人工智能生成", "Made with AI"):
        check_wording(text, TEMPLATES / FONT)
    with pytest.raises(ConfigurationError, match="has no 𠮷 🫖"):
        check_wording("𠮷AI🫖生成", TEMPLATES / FONT)


def saved(pixels: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("quality", [30, 90])
def test_the_mark_is_read_again_in_the_finished_file(name: str, quality: int) -> None:
    placement, writer = PLACEMENTS[name], marker()
    random = np.random.default_rng(1)
    busy = random.integers(90, 160, (placement.size.height, placement.size.width, 3), dtype=np.uint8)
    canvas, _ = writer.mark(busy, (), placement)
    assert writer.drawn is not None
    found = check_legible(saved(canvas, quality), writer.drawn)
    assert found.passed, found
    smaller = np.asarray(Image.fromarray(canvas).resize((placement.size.width // 2 * 2, placement.size.height)))
    assert check_legible(saved(smaller, 90), writer.drawn).passed


def test_a_mark_that_was_lost_is_found_missing() -> None:
    placement, writer = PLACEMENTS["google-300x250"], marker()
    canvas, _ = writer.mark(flat(placement, 245), (), placement)
    assert writer.drawn is not None
    blurred = cv2.GaussianBlur(canvas, (0, 0), 6)
    assert not check_legible(saved(blurred, 90), writer.drawn).passed
    assert not check_legible(saved(flat(placement, 245), 90), writer.drawn).passed
