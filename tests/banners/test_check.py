import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from tasks.banners.check import Known, check_file
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement, load_placements
from tasks.findings import Finding
from tasks.shapes import Box

PLACEMENTS = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")


def saved(pixels: Pixels, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def product_on(level: int, *, side: int = 800, margin: int = 100) -> Pixels:
    picture = np.full((side, side, 3), level, np.uint8)
    cv2.rectangle(picture, (margin, margin), (side - margin - 1, side - margin - 1), (40, 90, 60), -1)
    return picture


def found(data: bytes, placement: str | Placement) -> dict[str, Finding]:
    chosen = PLACEMENTS[placement] if isinstance(placement, str) else placement
    return {finding.check: finding for finding in check_file(data, chosen)}


def test_a_good_picture_of_somebody_else_passes_every_rule() -> None:
    noise = np.random.default_rng(0).integers(-20, 20, (800, 800, 3))
    picture = np.clip(product_on(255) + noise * (product_on(255) < 200), 0, 255).astype(np.uint8)
    findings = found(saved(picture, quality=90), "taobao-white")
    assert {name for name, finding in findings.items() if not finding.passed} == set()
    assert {"format", "bytes-floor", "bytes-ceiling", "size", "white", "min-product"} <= set(findings)


@pytest.mark.parametrize(
    ("make", "placement", "check", "severity"),
    [
        (lambda: saved(product_on(255), "PNG"), "taobao-white", "format", "review"),
        (lambda: saved(product_on(255, side=801)), "taobao-white", "size", "review"),
        (lambda: saved(product_on(255), quality=20), "taobao-white", "bytes-floor", "review"),
        (lambda: saved(product_on(240)), "taobao-white", "white", "review"),
        (lambda: saved(product_on(255, margin=300)), "taobao-white", "min-product", "review"),
        (lambda: saved(product_on(255, margin=40)), "jd-main", "product-gap", "review"),
        (lambda: saved(product_on(255, margin=100)), "amazon-main", "product-share", "review"),
        (lambda: saved(product_on(255, side=400, margin=10)), "taobao-main", "min-size", "review"),
        (lambda: saved(product_on(255)[:700]), "taobao-main", "ratio", "review"),
        (lambda: saved(product_on(255)), "google-300x250", "size", "reject"),
        (lambda: saved(product_on(255, side=400, margin=10)), "google-shopping-main", "min-size", "reject"),
        (lambda: saved(product_on(255)[:500]), "xiaohongshu-3x4", "ratio", "note"),
    ],
)
def test_a_planted_fault_is_found_and_weighed_by_its_grade(
    make: Callable[[], bytes], placement: str, check: str, severity: str
) -> None:
    finding = found(make(), placement)[check]
    assert (finding.passed, finding.severity) == (False, severity)
    assert finding.value is not None


def test_a_ceiling_is_measured_in_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (250, 300, 3), dtype=np.uint8)
    data = saved(noise, quality=100)
    finding = found(data, "google-300x250")["bytes-ceiling"]
    assert (finding.passed, finding.value, finding.limit) == (len(data) <= 149_999, len(data), 149_999)
    assert not finding.passed


def test_another_profile_is_found() -> None:
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    data = saved(product_on(255, margin=20), icc_profile=grey)
    assert not found(data, "amazon-main")["profile"].passed
    assert found(saved(product_on(255, margin=20)), "amazon-main")["profile"].passed


@pytest.mark.parametrize("cut", [0, 10, 700, -300])
@pytest.mark.parametrize("placement", ["google-300x250", "taobao-white"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_broken_file_is_one_finding_never_an_error(cut: int, placement: str, form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (finding,) = check_file(saved(noise, form)[:cut], PLACEMENTS[placement])
    assert (finding.check, finding.passed, finding.severity) == ("decodes", False, "reject")


def test_what_is_unmeasurable_is_not_a_pass() -> None:
    finding = found(saved(product_on(120)), "mercadolibre-main")["product-share"]
    assert (finding.value, finding.passed, finding.severity) == (None, False, "note")


def test_one_grey_pixel_away_from_our_product_is_found() -> None:
    picture = product_on(255, side=80, margin=30)
    picture[2, 3] = 254
    beyond = np.zeros((80, 80), bool)
    beyond[:8] = True
    buffer = saved(picture, "PNG")
    known = Known(Box(30, 30, 50, 50), beyond)
    findings = {finding.check: finding for finding in check_file(buffer, PLACEMENTS["taobao-white"], known=known)}
    assert not findings["white"].passed
    assert findings["white"].value == pytest.approx(1 - 1 / 640)
    assert not findings["size"].passed
    assert not findings["srgb-embedded"].passed


@pytest.mark.parametrize(("left", "share"), [(300, 1.0), (542, 0.5), (700, 0.0)])
def test_a_product_that_the_thumbnail_cuts_is_found(left: int, share: float) -> None:
    product = Box(left, 60, left + 200, 340)
    finding = {
        each.check: each
        for each in check_file(
            saved(np.full((383, 900, 3), 200, np.uint8)), PLACEMENTS["wechat-cover"], known=Known(product)
        )
    }["thumbnail"]
    assert (finding.value, finding.passed, finding.severity) == (share, share == 1, "note")


def test_an_empty_white_picture_has_no_product_to_measure() -> None:
    finding = found(saved(np.full((800, 800, 3), 255, np.uint8)), "jd-main")["product-gap"]
    assert finding.value is None


def test_evidence_is_told_with_the_finding() -> None:
    detail = found(saved(product_on(255)), "google-300x250")["size"].detail
    assert "grade A, https://support.google.com/adwords/answer/1722096, 2026-11-23" in detail
