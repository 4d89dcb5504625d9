import functools
from pathlib import Path

import numpy as np
import pytest

from tasks.findings import Finding
from tasks.quality.checks import MASTER_CHECKS
from tasks.quality.evidence import Evidence
from tasks.quality.regions import Regions
from tasks.quality.thresholds import load_thresholds
from tests.quality import good
from tests.quality.planting import DEFECTS, Defect, second_product

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
ELSEWHERE = {"fake letters"}  # have a test of their own
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


def test_a_smear_has_less_detail_than_its_twin() -> None:
    twin = drawn(10)
    smear = next(each for each in DEFECTS if each.name == "smeared ground").plant(twin, 2.0, np.random.default_rng(0))
    before, after = measure(twin.evidence, "stuck_on").value, measure(smear, "stuck_on").value

    assert before is not None
    assert after is not None
    assert after < before
