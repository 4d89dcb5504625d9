"""A depth model of transformers gives the product its relief, where a scene asks and a shop has brought one."""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from tasks.errors import ModelError, TemplateError
from tasks.prompts.library import load_library
from tasks.rendering.controls import draw_control
from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.estimate import Estimator, open_estimator
from tasks.rendering.estimators import REVIEWED, find_estimator
from tasks.rendering.job import ControlUse, ModelRef, RenderJob, Sampler, Staging
from tasks.rendering.loader import load_control
from tasks.rendering.modelset import read_model_set
from tasks.rendering.recipe import assert_relief, recipe_of
from tasks.rendering.renderer import Failed, Rendered, RenderRequest
from tasks.settings import PROJECT

RELIEF = ControlUse(kind="depth", relief=0.3)


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real class at toy width, random weights."""
    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, patch_size=14, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8, head_hidden_size=8,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("depth")
    DepthAnythingForDepthEstimation(config).save_pretrained(folder / "depth-anything-v2-small")
    return folder


@pytest.fixture
def estimator(models_dir: Path) -> Estimator:
    found = open_estimator(models_dir)
    assert found is not None
    return found


class Ramp(Estimator):
    """The real model runs; its random depth gives way to a ramp, nearer to the right."""

    def nearness_of(self, picture: np.ndarray) -> np.ndarray:
        seen = super().nearness_of(picture)
        return np.broadcast_to(np.linspace(0, 7, seen.shape[1], dtype=np.float32), seen.shape)


@pytest.fixture(scope="module")
def picture() -> tuple[np.ndarray, np.ndarray]:
    """A block on the empty canvas, and its alpha."""
    alpha = np.zeros((96, 128), np.uint8)
    alpha[30:80, 40:100] = 255
    return np.where(alpha[..., None] > 0, np.uint8(200), np.uint8(128)).repeat(3, axis=2), alpha


def test_a_model_of_the_real_class_sees_a_picture_of_any_size(estimator: Estimator, picture) -> None:
    seen = estimator.nearness_of(picture[0])
    assert seen.shape == (96, 128)
    assert np.isfinite(seen).all()
    assert (estimator.nearness_of(picture[0]) == seen).all()
    relief = estimator.relief_of(*picture)
    assert (relief[picture[1] == 0] == 0).all()
    assert relief.min() >= -0.5
    assert relief.max() <= 0.5


def test_relief_is_the_products_own_and_the_ground_stays_as_it_was(estimator: Estimator, picture) -> None:
    shot, alpha = picture
    ramp = Ramp(estimator.model, estimator.folder)
    flat = draw_control(RELIEF, shot, alpha, Staging())[..., 0].astype(int)
    deep = draw_control(RELIEF, shot, alpha, Staging(), relief=ramp.relief_of(shot, alpha))[..., 0].astype(int)
    assert (flat[alpha == 0] == deep[alpha == 0]).all()
    row = deep[50, 42:98]
    assert (np.diff(row) >= 0).all()
    assert row[-1] - row[0] > 0.25 * 255
    assert abs(row.mean() - flat[50, 70]) < 6


def test_the_weights_may_be_used_in_commerce() -> None:
    assert {licence for _, licence, _ in REVIEWED.values()} == {"Apache-2.0"}
    assert not any(size in name for name in REVIEWED for size in ("base", "large"))  # CC-BY-NC-4.0


def test_nothing_at_hand_is_nothing_and_another_kind_is_refused(tmp_path: Path) -> None:
    assert open_estimator(None) is None
    assert find_estimator(tmp_path) is None
    (tmp_path / "depth-anything-v2-small").mkdir()
    (tmp_path / "depth-anything-v2-small/config.json").write_text(json.dumps({"model_type": "zoedepth"}))
    with pytest.raises(ModelError, match="of type 'zoedepth', expected 'depth_anything'"):
        find_estimator(tmp_path)


def test_a_scene_that_asks_for_relief_names_the_model_in_its_job_and_is_refused_without_one(models_dir: Path) -> None:
    library = load_library(PROJECT / "templates")
    plain = library.scene("wood-morning")
    deep = plain.model_copy(update={"controls": ({"kind": "depth", "relief": 0.2},)})
    found, model = find_estimator(models_dir), ModelRef(name="any", revision="1")
    assert found is not None
    assert recipe_of(library, deep, model=model, depth=found).depth == found
    assert recipe_of(library, plain, model=model, depth=found).depth is None  # its jobs stay what they were
    with pytest.raises(TemplateError, match="no depth model is at hand"):
        assert_relief(recipe_of(library, deep, model=model), deep)


def test_relief_steers_the_picture_and_no_other_model_may_stand_in(
    models_dir: Path, estimator: Estimator, random_set: Path, mug_shot
) -> None:
    data = mug_shot.png_with_alpha
    digest, found = hashlib.sha256(data).hexdigest(), read_model_set(random_set)
    flat = RenderJob(
        model=found.ref, prompt="雪", seed=1, width=128, height=128, sampler=Sampler(steps=2), product_image=digest,
        controls=(ControlUse(kind="depth", controlnet_conditioning_scale=2.0),),
    )  # fmt: skip
    strong = flat.controls[0].model_copy(update={"relief": 0.5})
    deep = flat.model_copy(update={"controls": (strong,), "depth": estimator.model})
    other = deep.model_copy(update={"depth": estimator.model.model_copy(update={"revision": "0"})})
    here = KolorsRenderer(found, device=torch.device("cpu"), estimator=Ramp(estimator.model, estimator.folder))
    requests = [RenderRequest(job, 0, {digest: data}) for job in (flat, deep, other)]
    done = {one.request.job.job_id: one for one in here.render(requests)}
    first, second, refused = (done[job.job_id] for job in (flat, deep, other))
    assert isinstance(first, Rendered)
    assert isinstance(second, Rendered)
    assert (first.raw != second.raw).any()
    assert isinstance(refused, Failed)
    assert "plan again" in refused.reason


def test_models_that_load_at_once_all_get_their_weights(models_dir: Path, random_set: Path, picture) -> None:
    """A control and a depth model, each on its first use, in threads of their own, over and over."""
    found = read_model_set(random_set)
    failures: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            for _ in range(6):
                work()
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    def look() -> None:
        estimator = open_estimator(models_dir)
        assert estimator is not None
        estimator.nearness_of(picture[0])

    def load() -> None:
        load_control(found, "depth", dtype=torch.float32).to("cpu")

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (look, load, look, load)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
