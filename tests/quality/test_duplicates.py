from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.errors import RenderError
from tasks.quality.duplicates import DuplicateIndex, Signature, check_duplicate, sign
from tasks.quality.thresholds import load_thresholds
from tests.quality import pictures

LIMITS = load_thresholds(Path(__file__).parents[2] / "templates" / "quality").choose()
PICTURES = {
    (scene, product, seed): pictures.master(scene, product, seed=seed, side=256).pixels
    for scene in ("marble", "beach", "festive", "studio")
    for product in ("bottle", "mug")
    for seed in (0, 1)
}


def indexed(*keys: tuple[str, str, int]) -> DuplicateIndex:
    index = DuplicateIndex()
    for key in keys:
        index.add(sign(PICTURES[key]), job_id=str(key), sku=key[1])
    return index


def test_pictures_of_different_jobs_are_told_apart() -> None:
    index = indexed(*PICTURES)

    findings = [check_duplicate(index, sign(pixels), LIMITS, job_id=str(key)) for key, pixels in PICTURES.items()]

    assert [(finding.value, finding.detail) for finding in findings if not finding.passed] == []


def test_the_same_picture_for_two_jobs_goes_to_a_person_and_names_the_other() -> None:
    index = indexed(*PICTURES)

    finding = check_duplicate(index, sign(PICTURES["beach", "mug", 0]), LIMITS, job_id="another")

    assert (finding.passed, finding.severity, finding.cause, finding.value) == (False, "review", "duplicate", 0)
    assert finding.detail == "like job ('beach', 'mug', 0) of mug"


def test_the_same_picture_encoded_again_and_resized_is_still_the_same() -> None:
    index = indexed(*PICTURES)
    _, data = cv2.imencode(".jpg", PICTURES["marble", "mug", 1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    again = cv2.resize(cv2.imdecode(data, cv2.IMREAD_COLOR), (320, 320))

    assert not check_duplicate(index, sign(again), LIMITS, job_id="another").passed


def test_a_product_in_another_colour_is_no_duplicate() -> None:
    picture = PICTURES["studio", "mug", 0]
    index = indexed(("studio", "mug", 0))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.int16)
    grey[..., 1:] = 256 - grey[..., 1:]  # opposite hue, same light
    other = cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)

    assert check_duplicate(index, sign(other), LIMITS, job_id="another").passed


def test_another_take_of_a_job_replaces_the_earlier_and_is_not_its_own_duplicate() -> None:
    index = DuplicateIndex()
    index.add(sign(PICTURES["beach", "mug", 0]), job_id="a", sku="mug")
    index.add(sign(PICTURES["festive", "mug", 0]), job_id="a", sku="mug")

    assert len(index) == 1
    assert check_duplicate(index, sign(PICTURES["festive", "mug", 0]), LIMITS, job_id="a").value == 1
    assert check_duplicate(index, sign(PICTURES["beach", "mug", 0]), LIMITS, job_id="b").passed
    assert not check_duplicate(index, sign(PICTURES["festive", "mug", 0]), LIMITS, job_id="b").passed


def test_an_index_grows_past_its_first_room() -> None:
    generator = np.random.default_rng(0)
    index = DuplicateIndex()
    for number in range(700):
        bits = generator.integers(0, 2**63, 4).astype(np.uint64)
        index.add(Signature(bits, np.full(48, number % 100, np.int8)), job_id=str(number), sku="s")
    bits = generator.integers(0, 2**63, 4).astype(np.uint64)
    index.add(Signature(bits, np.zeros(48, np.int8)), job_id="last", sku="s")

    match = index.nearest(Signature(bits, np.zeros(48, np.int8)), job_id="other")

    assert match is not None
    assert (match.job_id, match.distance) == ("last", 0)


def test_a_signature_survives_being_written_down() -> None:
    signature = sign(PICTURES["beach", "mug", 0])

    again = Signature.parse(str(signature))

    assert np.array_equal(again.bits, signature.bits)
    assert np.array_equal(again.tints, signature.tints)


@pytest.mark.parametrize("text", ["", "zz", "00" * 79])
def test_a_signature_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match="sign the picture again"):
        Signature.parse(text)
