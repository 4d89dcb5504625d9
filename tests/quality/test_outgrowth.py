"""Growth by a segmentation model: planted, beside clean twins; and what is said where there is none to ask."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.errors import ModelError
from tasks.findings import Finding
from tasks.quality.evidence import Evidence
from tasks.quality.models import Models, check_with_models
from tasks.quality.outgrowth import Segments
from tasks.quality.thresholds import load_thresholds
from tasks.rendering.segment import open_segmenter
from tasks.settings import PROJECT, Settings
from tasks.shapes import Box
from tasks.workplace import Workplace
from tests.quality import defects, pictures
from tests.segmenting import Sees, write_sam

LIMITS = load_thresholds(PROJECT / "templates" / "quality").choose()
CORNER = np.zeros((384, 384), bool)
CORNER[:40, :40] = True


def look(evidence: Evidence, model: Segments | None) -> Finding:
    only = LIMITS.model_copy(
        update={
            "rules": {
                name: rule if name == "growth_model" else rule.model_copy(update={"severity": "off"})
                for name, rule in LIMITS.rules.items()
            }
        }
    )
    (finding,) = check_with_models(evidence, only, Models(open_segmenter=lambda: model))
    return finding


@pytest.mark.parametrize("grown", [defects.grown_handle, defects.grown_base])
def test_a_grown_part_is_measured_and_its_clean_twin_passes(grown: Callable[[Evidence], Evidence]) -> None:
    clean = pictures.master("wood", "bottle", side=512)
    product, drawn = clean.alpha > 0, grown(replace(clean, raw=clean.pixels)).raw
    assert drawn is not None
    bad = replace(clean, pixels=np.where(product[..., None], clean.pixels, drawn))
    planted = (cv2.absdiff(bad.pixels, clean.pixels) > 8).any(axis=2)
    found, twin = look(bad, Sees(product | planted)), look(clean, Sees(product))
    assert twin.value == 0
    assert twin.passed
    assert found.value is not None
    assert found.value == pytest.approx(planted.sum() / product.sum(), rel=0.4)  # without what lies at the edge
    assert not found.passed
    assert found.box is not None
    inside = np.zeros_like(planted)
    inside[found.box.top : found.box.bottom, found.box.left : found.box.right] = True
    assert (planted & inside).sum() > 0.8 * planted.sum()


def test_a_silhouette_that_is_a_little_wide_is_no_growth() -> None:
    clean = pictures.master("wood", "bottle", side=512)
    wide = cv2.dilate(clean.alpha, np.ones((9, 9), np.uint8)) > 0
    assert look(clean, Sees(wide)).passed


def test_the_model_is_asked_at_the_product_and_shown_what_is_around_it() -> None:
    clean = pictures.master("wood", "bottle", side=512)
    ring = cv2.erode(clean.alpha, np.ones((61, 61), np.uint8)) == 0
    holed = replace(clean, alpha=np.where(ring, clean.alpha, 0).astype(np.uint8))  # as a bag's handle has
    model = Sees(holed.alpha > 0)
    look(holed, model)
    ((box, point),) = model.asked
    assert point is not None
    assert box is not None
    assert holed.alpha[point[1], point[0]] > 0
    rows, columns = np.nonzero(holed.alpha)
    assert box.left < columns.min()
    assert box.right > columns.max()
    assert box.top < rows.min()


class Broken:
    """A model whose weights turn out to be damaged when it is asked."""

    def mask_of(
        self, rgb: NDArray[np.uint8], box: Box | None = None, point: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        raise ModelError("model.safetensors is damaged")


@pytest.mark.parametrize(
    ("model", "why"), [(None, "no segmentation model"), (Sees(CORNER), "another thing"), (Broken(), "is damaged")]
)
def test_what_cannot_be_measured_is_never_passed(model: Segments | None, why: str) -> None:
    finding = look(pictures.master("studio", "bottle", side=384), model)
    assert finding.value is None
    assert not finding.passed
    assert why in finding.detail


def test_without_a_product_there_is_nothing_to_measure() -> None:
    clean = pictures.master("studio", "bottle", side=384)
    assert look(replace(clean, alpha=np.zeros_like(clean.alpha)), Sees(CORNER)).value is None


def test_the_workplace_asks_the_weights_at_hand(tmp_path: Path) -> None:
    """The real class: random weights see something or other, and the check runs to its end."""
    write_sam(tmp_path)
    workplace = Workplace(Settings(models_dir=tmp_path, out=tmp_path / "out", device="cpu"))
    finding = next(
        each
        for each in check_with_models(pictures.master("studio", "bottle", side=96), LIMITS, workplace.quality_models)
        if each.check == "growth_model"
    )
    assert "no segmentation model" not in finding.detail


def test_the_real_class_gives_a_silhouette_of_the_pictures_size_wherever_it_is_asked(tmp_path: Path) -> None:
    write_sam(tmp_path)
    model = open_segmenter(tmp_path)
    assert model is not None
    rgb = pictures.master("studio", "bottle", side=96).pixels
    middle, corner = model.mask_of(rgb), model.mask_of(rgb, Box(0, 0, 40, 30), (12, 9))
    assert middle.shape == corner.shape == rgb.shape[:2]
    assert middle.dtype == corner.dtype == bool
    assert (middle != corner).any()
