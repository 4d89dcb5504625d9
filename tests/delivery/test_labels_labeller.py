"""Labels of renditions: written last, inside the byte window, read back at once."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.banners.compose import Refused, Rendition, compose_renditions
from tasks.banners.placement import Placement, load_placements
from tasks.delivery.labels import COMPOSITE, Credits, Labeller, digest_picture, read_back, read_labels
from tasks.findings import Finding
from tests.banners.drawn import Master, draw_master
from tests.delivery.labelled import CREDITS, FORMATS, HOSTILE, decoded, draw, make_origin, picture

PLACEMENTS = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")


@pytest.fixture(scope="module")
def table() -> Master:
    return draw_master("table")


def compose(master: Master, placement: Placement, labeller: Labeller, background: Any = "generated") -> Rendition:
    (made,) = compose_renditions(
        master.pixels, master.product_box, [placement], background=background, alpha=master.alpha, finisher=labeller
    )
    assert isinstance(made, Rendition), made
    return made


def labels_finding(findings: tuple[Finding, ...]) -> Finding:
    (found,) = [finding for finding in findings if finding.check == "labels"]
    return found


def with_rule(placement: Placement, **kb: float) -> Placement:
    """The placement with another byte window, in KB."""
    assert placement.max_kb is not None
    rules = {name: placement.max_kb.model_copy(update={"value": value}) for name, value in kb.items()}
    return placement.model_copy(update=rules)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("sku", ["SKU-1", "杯/1", "杯" * 300, "sha256:" + "0" * 64, *HOSTILE[:4]])
@pytest.mark.parametrize("size", [(80, 64), (33, 17)])
def test_a_file_grows_by_exactly_what_was_reserved(form: str, sku: str, size: tuple[int, int]) -> None:
    placement = PLACEMENTS["google-300x250"]
    labeller = Labeller(make_origin(sku=sku), CREDITS)
    data = picture(form, draw(*size))
    labelled, findings = labeller.label(data, placement)
    assert len(labelled) - len(data) == labeller.reserve(placement)
    assert labels_finding(findings).passed
    assert np.array_equal(decoded(labelled), decoded(data))


def test_a_webp_without_extended_header_grows_by_as_much() -> None:
    placement, labeller = PLACEMENTS["google-300x250"], Labeller(make_origin(), CREDITS)
    data = picture("webp", icc_profile=None)
    assert len(labeller.label(data, placement)[0]) - len(data) == labeller.reserve(placement)


def test_a_generated_background_is_labelled_for_china_the_eu_and_a_search_by_job(table: Master) -> None:
    made = compose(table, PLACEMENTS["google-300x250"], Labeller(make_origin(take=2), CREDITS))
    labels = read_labels(made.data)
    origin = make_origin(take=2)
    assert labels.aigc is not None
    assert (labels.aigc.label, labels.aigc.content_producer) == ("1", "91330100MA2X")
    assert labels.aigc.produce_id == f"{origin.job_id}-2"
    assert labels.aigc.reserved_code_1 == digest_picture(made.data)
    assert labels.source_type == COMPOSITE
    assert (labels.creator, labels.rights, labels.owner) == CREDITS[1:]
    assert labels.recipe is not None
    assert (labels.recipe.job_id, labels.recipe.take, labels.recipe.sku) == (origin.job_id, 2, "SKU-1")
    assert labels.recipe.seed != origin.job.seed  # the take's own
    assert labels.recipe.rule == made.placement.digest
    assert labels.recipe.product_image == origin.job.product_image
    assert labels_finding(made.findings).passed


def test_a_cut_out_on_white_claims_nothing_generated() -> None:
    white = draw_master("white")
    made = compose(white, PLACEMENTS["taobao-white"], Labeller(make_origin(background="white"), CREDITS), "white")
    labels = read_labels(made.data)
    assert labels.aigc is None
    assert labels.source_type == ""
    assert labels.recipe is not None
    assert labels.recipe.generated is False
    assert labels.picture == digest_picture(made.data)
    assert labels.rights == CREDITS.rights
    assert labels_finding(made.findings).passed


def test_the_ceiling_holds_for_the_labelled_file_and_is_used_up(table: Master) -> None:
    plain = PLACEMENTS["google-300x600"]  # smaller ones have sharper colours, but only where they fit
    free = compose(table, plain, Labeller(make_origin(), CREDITS))
    for kb in (len(free.data) // 1000, len(free.data) // 1000 - 1, len(free.data) // 1000 - 2):
        made = compose(table, with_rule(plain, max_kb=kb), Labeller(make_origin(), CREDITS))
        assert 0.9 * kb * 1000 < len(made.data) < kb * 1000


def test_the_floor_counts_the_labels(table: Master) -> None:
    placement = with_rule(PLACEMENTS["google-300x250"], min_kb=60, max_kb=63)
    made = compose(table, placement, Labeller(make_origin(), CREDITS))
    assert 60 * 1024 < len(made.data) < 63_000
    assert labels_finding(made.findings).passed


def test_a_window_smaller_than_the_labels_is_refused_with_the_reason(table: Master) -> None:
    placement = with_rule(PLACEMENTS["google-300x250"], max_kb=1)
    (made,) = compose_renditions(
        table.pixels,
        table.product_box,
        [placement],
        background="generated",
        alpha=table.alpha,
        finisher=Labeller(make_origin(), CREDITS),
    )
    assert isinstance(made, Refused)
    assert "does not fit" in made.reason


def test_rights_longer_than_a_jpeg_can_hold_refuse_that_file_alone(table: Master) -> None:
    novel = Labeller(make_origin(), Credits("x", rights="权" * 40_000))
    (made,) = compose_renditions(
        table.pixels,
        table.product_box,
        [PLACEMENTS["google-300x250"].model_copy(update={"max_kb": None})],
        background="generated",
        alpha=table.alpha,
        finisher=novel,
    )
    assert isinstance(made, Refused)
    assert "Shorten creator and rights of the brand" in made.reason


def test_equal_masters_make_equal_labelled_files(table: Master) -> None:
    first, second = (compose(table, PLACEMENTS["google-300x250"], Labeller(make_origin(), CREDITS)) for _ in range(2))
    assert first.sha256 == second.sha256


def test_reading_back_notices_a_picture_coded_again(table: Master) -> None:
    data = compose(table, PLACEMENTS["google-300x250"], Labeller(make_origin(), CREDITS)).data
    written = read_labels(data)
    with Image.open(io.BytesIO(data)) as opened:
        buffer = io.BytesIO()
        opened.save(buffer, "JPEG", quality=95, xmp=opened.info["xmp"], icc_profile=opened.info["icc_profile"])
    found = read_back(buffer.getvalue(), written)
    assert (found.passed, found.severity) == (False, "reject")
    assert found.detail.startswith("picture: found sha256:")


def test_reading_back_notices_labels_that_are_gone_or_other(table: Master) -> None:
    data = compose(table, PLACEMENTS["google-300x250"], Labeller(make_origin(), CREDITS)).data
    written = read_labels(data)
    assert "aigc: found None" in read_back(picture("jpeg"), written).detail
    assert "creator" in read_back(data, written.model_copy(update={"creator": "somebody else"})).detail
    assert "breaks off" in read_back(data[:900], written).detail


@pytest.mark.parametrize("sku", ["SKU-1", "any-placement-of-it", "any-rule-of-it", *HOSTILE[:3]])
def test_a_labeller_of_many_placements_writes_what_one_of_each_writes(sku: str) -> None:
    data, origin = picture("jpeg"), make_origin(sku=sku)
    shared = Labeller(origin, CREDITS)
    for placement in list(PLACEMENTS.values())[:3]:
        labelled, findings = shared.label(data, placement)
        assert labels_finding(findings).passed
        recipe = read_labels(labelled).recipe
        assert recipe is not None
        assert (recipe.sku, recipe.placement, recipe.rule) == (origin.sku, placement.id, placement.digest)
        assert labelled == Labeller(origin, CREDITS).label(data, placement)[0]
