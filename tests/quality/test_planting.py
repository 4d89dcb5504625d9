import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.findings import Finding
from tasks.quality.checks import MASTER_CHECKS
from tasks.quality.evidence import Evidence
from tasks.quality.regions import Regions
from tasks.quality.thresholds import load_thresholds
from tests.quality import good
from tests.quality.planting import DEFECTS, Defect, floating, second_product, smeared

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
ELSEWHERE = {"fake letters", "smeared ground"}  # have tests of their own
SEEDS = (0, 10, 13)  # a soft beach, snow, a studio: mugs, since headphones hide behind their own thinness


@functools.cache
def drawn(seed: int) -> good.Good:
    return good.drawn(seed, side=768)


def measure(evidence: Evidence, check: str) -> Finding:
    run = next(one.run for one in MASTER_CHECKS if check in one.names)
    result = run(Regions(evidence), LIMITS)
    found = (result,) if isinstance(result, Finding) else result
    return next(finding for finding in found if finding.check == check)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("defect", [each for each in DEFECTS if each.name not in ELSEWHERE], ids=lambda each: each.name)
def test_a_defect_at_the_strength_that_a_buyer_notices_is_found(defect: Defect, seed: int) -> None:
    twin = drawn(seed)
    spoilt = defect.plant(twin, 1.0, np.random.default_rng(seed))

    assert all(measure(twin.evidence, check).passed for check in defect.checks)
    assert any(not measure(spoilt, check).passed for check in defect.checks)


def test_equal_seeds_plant_equal_defects_and_other_seeds_others() -> None:
    for defect in DEFECTS:
        one, again, other = (defect.plant(drawn(13), 1.0, np.random.default_rng(seed)).pixels for seed in (1, 1, 2))
        assert np.array_equal(one, again)
        if defect.name in {"grown handle", "second product", "fake letters", "halo", "seam", "noise", "wrong crop"}:
            assert not np.array_equal(one, other), defect.name


def test_a_second_product_is_pointed_at() -> None:
    twin = drawn(0)
    spoilt = second_product(twin, 1.0, np.random.default_rng(4))

    box = measure(spoilt, "second_product").box

    assert box is not None
    changed = (spoilt.pixels != twin.evidence.pixels).any(axis=2)
    assert changed[box.top : box.bottom, box.left : box.right].mean() > 0.5


def test_a_scene_without_a_shadow_is_not_asked_for_one() -> None:
    bare = good.drawn(13, side=768)._replace(shadow=None)
    evidence = Evidence(
        bare.evidence.pixels, None, bare.evidence.expected, bare.evidence.alpha, bare.evidence.product_box
    )
    run = next(one.run for one in MASTER_CHECKS if "floating" in one.names)

    assert run(Regions(evidence), LIMITS) == ()


@pytest.mark.parametrize("number", [1, 2, 10])
def test_a_sharp_product_on_a_smear_looks_stuck_on(number: int) -> None:
    twin = drawn(number)

    assert measure(twin.evidence, "stuck_on").passed
    found = measure(smeared(twin, 1.0, np.random.default_rng(0)), "stuck_on")
    assert found.value is not None
    assert not found.passed
    assert found.severity == "review"


def test_a_plain_sweep_is_no_smear() -> None:
    assert measure(drawn(13).evidence, "stuck_on").value is None


def test_a_shadow_is_held_against_the_scenes_light_not_against_how_it_was_laid() -> None:
    twin = drawn(10)
    assert twin.evidence.light is not None
    turned = replace(twin.evidence, light=360 - twin.evidence.light)

    assert measure(twin.evidence, "light").passed
    assert measure(turned, "light").severity == "review"
    assert not measure(turned, "light").passed


def test_where_no_cast_shadow_is_to_be_seen_its_side_is_not_judged() -> None:
    bare = floating(drawn(10), 1.0, np.random.default_rng(0))

    assert measure(bare, "light").value is None
