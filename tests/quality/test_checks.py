import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.errors import RenderError
from tasks.findings import Finding, judge
from tasks.quality.checks import MASTER_CHECKS, check_master
from tasks.quality.evidence import Evidence
from tasks.quality.regions import Regions
from tasks.quality.thresholds import CHECKS, Thresholds, load_thresholds
from tests.quality import defects, pictures
from tests.quality.planting import DEFECTS

SIDE = 512
LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
ALL_SCENES = tuple(pictures.SCENES)
ALL_PRODUCTS = tuple(pictures.PRODUCTS)


@functools.lru_cache(maxsize=80)
def clean(scene: str, product: str, *, draft: bool = False, seed: int = 3) -> Evidence:
    return pictures.master(scene, product, seed=seed, draft=draft, side=SIDE)


def measure(evidence: Evidence, check: str, limits: Thresholds = LIMITS) -> Finding:
    """One finding, without running the other checks."""
    run = next(one.run for one in MASTER_CHECKS if check in one.names)
    result = run(Regions(evidence), limits)
    found = (result,) if isinstance(result, Finding) else result
    return next(finding for finding in found if finding.check == check)


def failed(findings: Sequence[Finding]) -> list[tuple[str, float | None]]:
    return [(finding.check, finding.value) for finding in findings if not finding.passed]


@pytest.mark.parametrize(
    ("scene", "product", "draft"),
    [
        (scene, product, (row + column) % 2 == 1)  # half of them soft, as a small model draws
        for row, scene in enumerate(ALL_SCENES)
        for column, product in enumerate(ALL_PRODUCTS)
    ],
)
def test_a_clean_picture_passes_every_check(scene: str, product: str, draft: bool) -> None:
    limits = LIMITS.without("stuck_on") if draft else LIMITS  # a draft at half the usual size is a smear
    findings = check_master(clean(scene, product, draft=draft), limits)

    assert failed(findings) == []
    assert judge(findings).status == "approved"


@pytest.mark.parametrize("scene", ["studio", "beach"])
def test_a_soft_draft_passes_at_full_size_too(scene: str) -> None:
    assert failed(check_master(pictures.master(scene, "mug", seed=4, draft=True), LIMITS)) == []


@pytest.mark.parametrize("product", ALL_PRODUCTS)
def test_a_clean_white_scene_passes_every_check(product: str) -> None:
    findings = check_master(pictures.white_master(product, side=SIDE), LIMITS)

    assert failed(findings) == []
    assert "white" in {finding.check for finding in findings}
    assert "growth" not in {finding.check for finding in findings}


Plant = Callable[[Evidence], Evidence]
PLANTED: list[tuple[Plant, str, str, tuple[str, ...], tuple[str, ...]]] = [
    # the defect, the check that must see it, the verdict, scenes and products where a buyer would notice it
    (defects.cut_file, "decodes", "rejected", ("wood",), ("mug",)),
    (defects.other_file, "decodes", "rejected", ("wood",), ("mug",)),
    (defects.blank, "blank", "rejected", ("wood",), ALL_PRODUCTS),
    (defects.half_black, "flat", "rejected", ALL_SCENES, ("mug",)),
    (defects.pixel_noise, "noise", "rejected", ("wood",), ALL_PRODUCTS),
    (defects.blob_noise, "noise", "rejected", ("wood",), ALL_PRODUCTS),
    (defects.one_level_off, "paste", "rejected", ("snow", "night"), ALL_PRODUCTS),
    (defects.tinted, "colour_median", "rejected", ("studio",), ALL_PRODUCTS),
    (defects.tinted, "paste", "rejected", ("studio",), ALL_PRODUCTS),
    (defects.shrunk, "coverage_least", "review", ("studio",), ALL_PRODUCTS),
    (defects.enlarged, "coverage_most", "review", ("studio",), ("bottle", "mug", "tub")),
    (defects.at_the_edge, "margin", "review", ("studio",), ALL_PRODUCTS),
    (defects.cut_in_its_photo, "photo_cut", "rejected", ("studio",), ("mug",)),
    (defects.cut_off, "cut_off", "rejected", ("studio",), ALL_PRODUCTS),
    (defects.out_of_focus, "focus", "review", ALL_SCENES, ALL_PRODUCTS),
    (defects.fogged, "background_detail", "approved", ("marble", "wood", "beach"), ("mug",)),
    (defects.too_dark, "exposure_dark", "review", ALL_SCENES, ("mug",)),
    (defects.too_bright, "exposure_bright", "review", ALL_SCENES, ("mug",)),
    (defects.blown, "clipped_white", "review", ALL_SCENES, ("mug",)),
    (defects.crushed, "clipped_black", "review", ALL_SCENES, ("mug",)),
    (defects.posterised, "banding", "review", ALL_SCENES, ("mug",)),
    (defects.halo, "seam", "review", ALL_SCENES, ALL_PRODUCTS),
    (defects.ring_seam, "seam", "review", ALL_SCENES, ALL_PRODUCTS),
    (defects.grown_handle, "growth", "review", ALL_SCENES, ALL_PRODUCTS),
    (defects.grown_base, "growth", "review", ALL_SCENES, ALL_PRODUCTS),
]
CASES = [
    pytest.param(plant, check, status, scene, product, id=f"{plant.__name__}-{check}-{scene}-{product}")
    for plant, check, status, scenes, products in PLANTED
    for row, scene in enumerate(scenes)
    for column, product in enumerate(products)
    if (row + column) % 2 == 0 or len(scenes) == 1 or len(products) == 1  # a chequerboard is enough
]


@pytest.mark.parametrize(("plant", "check", "status", "scene", "product"), CASES)
def test_a_planted_defect_is_found_and_its_clean_twin_passes(
    plant: Plant, check: str, status: str, scene: str, product: str
) -> None:
    twin = clean(scene, product)

    finding = measure(plant(twin), check)

    assert measure(twin, check).passed
    assert not finding.passed
    assert finding.value is not None
    assert finding.cause == LIMITS.rules[check].cause
    assert judge([finding]).status == status


def test_every_check_of_a_master_has_a_planted_defect() -> None:
    planted = {check for _, check, _, _, _ in PLANTED} | {"white"}
    planted |= {check for defect in DEFECTS for check in defect.checks}  # in test_planting.py
    measured = {name for check in MASTER_CHECKS for name in check.names}

    assert measured - planted == {"colour_p95"}  # moves with colour_median; its own case is below
    assert measured | {"duplicate", "text", "growth_model", "prompt", "unsafe"} == set(CHECKS)


def test_a_spot_of_wrong_colour_moves_the_95th_percentile_but_not_the_median() -> None:
    twin = clean("wood", "mug")
    pixels = twin.pixels.copy()
    box = twin.product_box
    pixels[box.top : box.top + box.height // 3, :, 0] //= 2
    spotted = defects.with_pixels(twin, pixels)

    assert not measure(spotted, "colour_p95").passed
    assert measure(spotted, "colour_median").passed


def test_one_stained_speck_fails_a_white_scene_and_is_pointed_at() -> None:
    finding = measure(defects.stained_white(pictures.white_master("tub", side=SIDE)), "white")

    assert not finding.passed
    assert finding.box == (20, 10, 23, 13)
    assert finding.value is not None
    assert 0 < finding.value < 1e-4


def test_a_changed_pixel_of_the_product_is_pointed_at() -> None:
    twin = clean("snow", "bottle")
    finding = measure(defects.one_level_off(twin), "paste")

    assert finding.value == 1
    assert finding.box is not None
    assert finding.box.size == (1, 1)


@pytest.mark.parametrize("softness", [0.8, 1.2, 2.5])
def test_growth_is_found_whether_the_model_draws_crisply_or_softly(softness: float) -> None:
    grown = defects.grown_base(clean("wood", "bottle", draft=True), softness=softness)

    finding = measure(grown, "growth")

    assert not finding.passed
    assert finding.box is not None
    assert finding.box.bottom > grown.product_box.bottom


def test_growth_below_the_product_is_pointed_at() -> None:
    grown = defects.grown_base(clean("marble", "mug"))
    finding = measure(grown, "growth")

    assert finding.box is not None
    middle = (finding.box.top + finding.box.bottom) / 2
    assert abs(middle - grown.product_box.bottom) < grown.product_box.height / 6


def test_a_dark_shadow_beside_a_black_product_is_no_growth() -> None:
    twin = clean("studio", "headphones")
    assert twin.raw is not None
    share = pictures.shadow(twin.alpha.astype(np.float32) / 255, side=SIDE)[..., None]
    shaded = replace(twin, raw=pictures.to_pixels(twin.raw * (1 - 0.6 * share)))

    assert measure(shaded, "growth").passed


def test_white_marble_up_to_the_horizon_beside_a_white_product_is_no_growth() -> None:
    assert measure(clean("marble", "tub", seed=33), "growth").passed


def test_a_wider_frame_than_square_is_measured_alike() -> None:
    def widened(array: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return cv2.copyMakeBorder(array, 0, 0, 200, 112, cv2.BORDER_REPLICATE)  # a mirror would show the product twice

    twin = clean("wood", "mug")
    assert twin.raw is not None
    alpha = cv2.copyMakeBorder(twin.alpha, 0, 0, 200, 112, cv2.BORDER_CONSTANT, value=0)
    pixels = widened(twin.pixels)
    wide = Evidence(pixels, widened(twin.raw), widened(twin.expected), alpha, twin.product_box)

    assert failed([finding for finding in check_master(wide, LIMITS) if finding.check != "decodes"]) == []


def test_what_could_not_be_measured_is_never_passed() -> None:
    empty = replace(clean("wood", "mug"), alpha=np.zeros((SIDE, SIDE), np.uint8), encoded=None, raw=None, light=315.0)

    findings = {finding.check: finding for finding in check_master(empty, LIMITS)}

    for check in (
        "decodes",
        "paste",
        "margin",
        "cut_off",
        "colour_median",
        "focus",
        "seam",
        "growth",
        "growth_final",
        "floating",
        "light",
    ):
        assert findings[check].value is None
        assert not findings[check].passed
        assert findings[check].severity == "note"
        assert findings[check].detail.startswith("not measured: ")
    assert not findings["coverage_least"].passed


def test_a_strict_shop_sends_the_unmeasured_to_a_person() -> None:
    strict = LIMITS.model_copy(update={"unmeasured": "review"})

    assert judge(check_master(replace(clean("wood", "mug"), encoded=None), strict)).status == "review"


def test_a_mask_that_fills_the_frame_breaks_nothing() -> None:
    full = replace(clean("wood", "mug"), alpha=np.full((SIDE, SIDE), 255, np.uint8), light=315.0)

    findings = {finding.check: finding for finding in check_master(full, LIMITS)}

    assert not findings["cut_off"].passed
    assert not findings["coverage_most"].passed
    assert findings["noise"].value is None


def test_a_product_of_a_few_pixels_breaks_nothing() -> None:
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[200:203, 200:203] = 255

    findings = check_master(replace(clean("wood", "mug"), alpha=alpha), LIMITS)

    assert judge(findings).status != "approved"


def test_pictures_of_different_sizes_are_refused() -> None:
    twin = clean("wood", "mug")

    with pytest.raises(RenderError, match=r"alpha is uint8 \(64, 64\), expected uint8 \(512, 512\)"):
        replace(twin, alpha=np.zeros((64, 64), np.uint8))


def test_a_check_that_is_off_leaves_no_finding() -> None:
    rules = dict(LIMITS.rules)
    rules["banding"] = rules["banding"].model_copy(update={"severity": "off"})
    limits = LIMITS.model_copy(update={"rules": rules})

    assert "banding" not in {finding.check for finding in check_master(clean("wood", "mug"), limits)}
