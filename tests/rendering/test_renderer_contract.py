"""What every renderer promises."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.rendering.engine import open_renderer
from tasks.rendering.job import ModelRef, RenderJob, Sampler
from tasks.rendering.modelset import resolve_model
from tasks.rendering.renderer import CalledOff, Failed, Rendered, Renderer, RenderRequest
from tasks.rendering.sleeping import SleepRenderer

Ask = Callable[..., RenderRequest]


@pytest.fixture(params=["kolors", "sleep"])
def renderer(request: pytest.FixtureRequest, random_set: Path) -> Renderer:
    if request.param == "sleep":
        return SleepRenderer(0.0)
    return open_renderer("kolors-random", models_dir=random_set.parent, device="cpu")


@pytest.fixture(scope="module")
def model(random_set: Path) -> ModelRef:
    return resolve_model("kolors-random", models_dir=random_set.parent)


@pytest.fixture
def ask(model: ModelRef, mug_shot) -> Ask:
    data = mug_shot.png_with_alpha
    digest = hashlib.sha256(data).hexdigest()

    def make(*, take: int = 0, images: dict[str, bytes] | None = None, **fields: object) -> RenderRequest:
        defaults = {
            "model": model,
            "prompt": "白色大理石台面",
            "seed": 7,
            "width": 128,
            "height": 64,
            "sampler": Sampler(steps=2),
            "product_image": digest,
        }
        job = RenderJob.model_validate({**defaults, **fields})
        return RenderRequest(job, take, {digest: data} if images is None else images)

    return make


def one(renderer: Renderer, request: RenderRequest) -> Rendered:
    (outcome,) = renderer.render([request])
    assert isinstance(outcome, Rendered), outcome
    return outcome


def test_every_request_has_one_outcome(renderer: Renderer, ask: Ask) -> None:
    requests = [ask(seed=seed, width=width) for seed in (1, 2) for width in (64, 128)]
    outcomes = list(renderer.render(requests))
    assert sorted(outcome.request.job.job_id for outcome in outcomes) == sorted(r.job.job_id for r in requests)


def test_no_requests_no_outcomes(renderer: Renderer) -> None:
    assert list(renderer.render([])) == []


@pytest.mark.parametrize(("width", "height"), [(64, 64), (128, 64), (64, 192), (192, 128)])
def test_arrays_have_the_jobs_size(renderer: Renderer, ask: Ask, width: int, height: int) -> None:
    done = one(renderer, ask(width=width, height=height))
    for pixels in (done.pixels, done.raw, done.expected):
        assert pixels.shape == (height, width, 3)
        assert pixels.dtype == np.uint8
    assert done.alpha.shape == (height, width)


def test_product_box_is_the_box_of_the_matte(renderer: Renderer, ask: Ask) -> None:
    done = one(renderer, ask())
    rows, columns = np.nonzero(done.alpha)
    assert done.product_box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_product_pixels_are_the_expected_ones(renderer: Renderer, ask: Ask) -> None:
    done = one(renderer, ask())
    inside = done.alpha == 255
    assert inside.any()
    assert (done.pixels[inside] == done.expected[inside]).all()


def test_same_job_same_bytes_and_another_take_another_picture(renderer: Renderer, ask: Ask) -> None:
    first, again, other = (one(renderer, ask(take=take)).pixels for take in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_white_background_is_pure_white_without_shadow(renderer: Renderer, ask: Ask) -> None:
    done = one(renderer, ask(background="white", shadow=None))
    assert (done.pixels[done.alpha == 0] == 255).all()


def test_failing_job_is_reported_and_its_neighbours_go_on(renderer: Renderer, ask: Ask) -> None:
    outcomes = list(renderer.render([ask(seed=1), ask(seed=2, images={}), ask(seed=3)]))
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert [outcome.request.job.seed for outcome in failed] == [2]
    assert "did not come with the request" in failed[0].reason
    assert len(outcomes) == 3


def test_what_is_called_off_is_not_drawn_and_said_to_be_so(renderer: Renderer, ask: Ask) -> None:
    """Wanted until one picture has come: what waits behind it is given back, however deep it is in the queues."""
    came: list[Rendered] = []
    requests = [replace(ask(seed=seed), wanted=lambda: not came) for seed in range(1, 13)]
    called_off = 0
    for outcome in renderer.render(iter(requests)):
        if isinstance(outcome, Rendered):
            came.append(outcome)
        else:
            assert isinstance(outcome, CalledOff)
            called_off += 1
    assert len(came) + called_off == 12
    assert called_off >= 1


def test_stages_are_timed(renderer: Renderer, ask: Ask) -> None:
    done = one(renderer, ask())
    assert set(done.seconds) == {"text", "condition", "denoise", "decode", "paste"}
    assert min(done.seconds.values()) >= 0
