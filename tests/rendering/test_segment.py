"""A segmentation model of transformers cuts out what stands before a busy ground; the table knows its licence."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.errors import ImageError, ModelError
from tasks.rendering.cutout import CutOutCache, cut_out
from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.job import RenderJob, Sampler
from tasks.rendering.modelset import read_model_set
from tasks.rendering.renderer import Failed, Rendered, RenderRequest
from tasks.rendering.segment import Segmenter, open_segmenter
from tasks.rendering.segmenters import REVIEWED, find_segmenter
from tests.rendering.conftest import encode
from tests.segmenting import write_sam


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmenters")
    write_sam(folder)
    return folder


@pytest.fixture
def busy() -> bytes:
    """Noise all over, a brighter block in the middle."""
    picture = np.random.default_rng(2).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    picture[30:70, 40:90] = (200, 60, 50)
    return encode(picture)


class Middle(Segmenter):
    """The real model runs; its random mask gives way to the middle, which a trained one would find."""

    def mask_of(self, rgb: np.ndarray, *where: Any) -> np.ndarray:
        mask = np.zeros_like(super().mask_of(rgb))
        mask[30:70, 40:90] = True
        return mask


class Blind(Segmenter):
    """A model that sees nothing."""

    def mask_of(self, rgb: np.ndarray, *where: Any) -> np.ndarray:
        return np.zeros(rgb.shape[:2], dtype=np.bool_)


def test_a_model_of_the_real_class_gives_a_mask_of_the_pictures_size(models_dir: Path) -> None:
    segmenter = open_segmenter(models_dir)
    assert segmenter is not None
    picture = np.random.default_rng(2).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    mask = segmenter.mask_of(picture)
    assert mask.shape == (96, 128)
    assert (segmenter.mask_of(picture) == mask).all()


def test_a_picture_in_which_the_model_sees_nothing_is_refused(models_dir: Path, busy: bytes) -> None:
    model = find_segmenter(models_dir)
    assert model is not None
    with pytest.raises(ImageError, match="finds no product"):
        cut_out(busy, segmenter=Blind(model, models_dir / model.name))


def test_a_busy_ground_is_cut_out_by_the_model_and_only_there(models_dir: Path, busy: bytes, mug_shot) -> None:
    found = find_segmenter(models_dir)
    assert found is not None
    segmenter = Middle(found, models_dir / found.name)
    with pytest.raises(ImageError, match="nor a plain ground"):
        cut_out(busy)
    cut = cut_out(busy, segmenter=segmenter)
    assert cut.method == "model"
    assert abs(cut.box.left - 40) <= 4
    assert abs(cut.box.bottom - 70) <= 4
    assert cut_out(mug_shot.png, segmenter=segmenter).method == "ground"
    assert CutOutCache(segmenter=segmenter).get(busy).method == "model"


def test_every_reviewed_model_may_be_used_in_commerce() -> None:
    assert {licence for _, licence, _ in REVIEWED.values()} <= {"Apache-2.0", "MIT", "BSD-3-Clause"}
    assert not any("rmbg" in name.lower() for name in REVIEWED)


def test_nothing_at_hand_is_nothing(tmp_path: Path) -> None:
    assert find_segmenter(tmp_path) is None
    assert find_segmenter(None) is None
    assert open_segmenter(tmp_path) is None


def test_another_kind_of_model_under_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sam-vit-base").mkdir()
    (tmp_path / "sam-vit-base/config.json").write_text(json.dumps({"model_type": "segformer"}))
    with pytest.raises(ModelError, match="of type 'segformer', expected 'sam'"):
        find_segmenter(tmp_path)


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "sam-vit-base").mkdir()
    (tmp_path / "sam-vit-base/config.json").write_text(json.dumps({"model_type": "sam"}))
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        find_segmenter(tmp_path)


def test_a_job_says_what_cut_it_out_and_no_other_may(models_dir: Path, busy: bytes, random_set: Path) -> None:
    model = find_segmenter(models_dir)
    assert model is not None
    digest = hashlib.sha256(busy).hexdigest()
    found = read_model_set(random_set)
    plain = RenderJob(
        model=found.ref, prompt="雪", seed=1, width=64, height=64, sampler=Sampler(steps=1), product_image=digest
    )
    job = plain.model_copy(update={"cutout": model})
    assert job.job_id != plain.job_id
    here = KolorsRenderer(found, device=torch.device("cpu"), segmenter=Middle(model, models_dir / model.name))
    done, refused = here.render([RenderRequest(one, 0, {digest: busy}) for one in (job, plain)])
    assert isinstance(done, Rendered), done
    assert isinstance(refused, Failed)
    assert "plan again" in refused.reason
