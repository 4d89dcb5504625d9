"""The engine around the model: batches, failures, notes, one model in memory."""

import hashlib
import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.rendering.engine import ALONE, KolorsRenderer, open_renderer
from tasks.rendering.job import ControlUse, ReferenceUse, RenderJob, Sampler, Staging
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import load_parts
from tasks.rendering.modelset import read_model_set
from tasks.rendering.renderer import Failed, Rendered, RenderRequest

CPU = torch.device("cpu")
Ask = Callable[..., RenderRequest]


@pytest.fixture(scope="module")
def renderer(random_set: Path) -> KolorsRenderer:
    return KolorsRenderer(read_model_set(random_set), device=CPU)


@pytest.fixture
def ask(random_set: Path, mug_shot) -> Ask:
    data = mug_shot.png_with_alpha
    digest = hashlib.sha256(data).hexdigest()
    defaults = {
        "model": read_model_set(random_set).ref,
        "prompt": "木质桌面，清晨阳光",
        "seed": 3,
        "width": 64,
        "height": 64,
        "sampler": Sampler(steps=2),
        "product_image": digest,
    }

    def make(*, images: dict[str, bytes] | None = None, **fields: object) -> RenderRequest:
        return RenderRequest(RenderJob.model_validate({**defaults, **fields}), 0, {digest: data, **(images or {})})

    return make


def outcome_of(renderer: KolorsRenderer, request: RenderRequest) -> Rendered:
    (outcome,) = renderer.render([request])
    assert isinstance(outcome, Rendered), outcome
    return outcome


def test_picture_is_the_same_whoever_else_is_rendered(renderer: KolorsRenderer, ask: Ask) -> None:
    wanted = ask(controls=(ControlUse(kind="depth"),))
    alone = outcome_of(renderer, wanted)
    crowd = [ask(seed=seed, prompt=prompt) for seed in (8, 9) for prompt in ("雪", "沙滩，贝壳")]
    among = [one for one in renderer.render([*crowd[:2], wanted, *crowd[2:]]) if one.request is wanted]
    assert isinstance(among[0], Rendered)
    assert (among[0].pixels == alone.pixels).all()
    assert (among[0].raw == alone.raw).all()


def test_new_process_state_gives_the_same_bytes(random_set: Path, renderer: KolorsRenderer, ask: Ask) -> None:
    another = KolorsRenderer(read_model_set(random_set), device=CPU)
    assert (outcome_of(another, ask()).pixels == outcome_of(renderer, ask()).pixels).all()


class SmallCard(Kolors):
    """A card with room for one picture at a time."""

    def denoise(self, batch: Sequence[Condition]) -> torch.Tensor:
        if len(batch) > 1:
            raise torch.OutOfMemoryError(f"no room for {len(batch)} pictures")
        return super().denoise(batch)


def test_batch_too_large_for_the_card_is_split_and_loses_nothing(random_set: Path, ask: Ask) -> None:
    found = read_model_set(random_set)
    renderer = KolorsRenderer(found, device=CPU, batch_size=4)
    renderer._kolors = SmallCard(found, load_parts(found, device=CPU), device=CPU)
    outcomes = list(renderer.render([ask(seed=seed) for seed in range(3)]))
    assert len(outcomes) == 3
    for one in outcomes:
        assert isinstance(one, Rendered), one
        assert any("no room for" in note for note in one.notes)
    (after,) = renderer.render([ask(seed=7)])
    assert isinstance(after, Rendered)
    assert after.notes == ()


class ShrinkingCard(Kolors):
    """A card that loses room in the middle of a shard, as when another process takes some."""

    drawn = 0

    def denoise(self, batch: Sequence[Condition]) -> torch.Tensor:
        if self.drawn >= 2 and len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.drawn += len(batch)
        return super().denoise(batch)


def test_memory_lost_in_the_middle_of_a_shard_is_said_from_there_on_and_loses_nothing(
    random_set: Path, ask: Ask
) -> None:
    found = read_model_set(random_set)
    renderer = KolorsRenderer(found, device=CPU, batch_size=2)
    renderer._kolors = ShrinkingCard(found, load_parts(found, device=CPU), device=CPU)
    outcomes = {one.request.job.seed: one for one in renderer.render([ask(seed=seed) for seed in range(6)])}
    assert all(isinstance(one, Rendered) for one in outcomes.values())
    assert [seed for seed in range(6) if outcomes[seed].notes] == [2, 3]  # those whose batch was split
    assert "drawn 1 at a time" in outcomes[2].notes[0]


class FullCard(Kolors):
    """No room for a step's first and for a decode's first try; for anything, where there is `never` any."""

    never = False
    tried: set[str]

    def _asked(self, what: str) -> None:
        if self.never or what not in self.tried:
            self.tried.add(what)
            raise torch.OutOfMemoryError("CUDA out of memory")

    def denoise(self, batch: Sequence[Condition]) -> torch.Tensor:
        self._asked("denoise")
        return super().denoise(batch)

    def decode(self, latents: torch.Tensor) -> list[np.ndarray]:
        self._asked("decode")
        return super().decode(latents)


@pytest.mark.parametrize("never", [False, True])
def test_one_picture_without_room_is_done_again_alone_and_fails_only_then(
    random_set: Path, renderer: KolorsRenderer, ask: Ask, never: bool
) -> None:
    found = read_model_set(random_set)
    small = KolorsRenderer(found, device=CPU)
    small._kolors = FullCard(found, load_parts(found, device=CPU), device=CPU)
    small._kolors.never, small._kolors.tried = never, set()
    (outcome,) = small.render([ask()])
    if never:
        assert isinstance(outcome, Failed)
        assert "out of memory" in outcome.reason
        return
    assert isinstance(outcome, Rendered), outcome
    assert outcome.notes == (ALONE, ALONE)
    assert (outcome.pixels == outcome_of(renderer, ask()).pixels).all()


def test_decoder_that_gives_values_that_are_not_finite_delivers_nothing(random_set: Path, ask: Ask) -> None:
    renderer = KolorsRenderer(read_model_set(random_set), device=CPU)
    renderer._kolors._parts.vae.decoder.conv_out.bias.data.fill_(float("inf"))
    (outcome,) = renderer.render([ask()])
    assert isinstance(outcome, Failed)
    assert "decoder gave values that are not finite" in outcome.reason


class Counting(Kolors):
    """Notes how many pictures each batch has."""

    sizes: list[int]

    def denoise(self, batch: Sequence[Condition]) -> torch.Tensor:
        self.sizes.append(len(batch))
        return super().denoise(batch)


def test_last_batch_is_filled_up_so_that_no_picture_depends_on_its_neighbours(random_set: Path, ask: Ask) -> None:
    found = read_model_set(random_set)
    renderer = KolorsRenderer(found, device=CPU, batch_size=3)
    renderer._kolors = Counting(found, load_parts(found, device=CPU), device=CPU)
    renderer._kolors.sizes = []
    together = {one.request.job.seed: one for one in renderer.render([ask(seed=seed) for seed in range(4)])}
    (alone,) = renderer.render([ask(seed=3)])
    assert renderer._kolors.sizes == [3, 3, 3]
    assert len(together) == 4
    assert isinstance(alone, Rendered)
    assert (together[3].raw == alone.raw).all()


def test_jobs_that_cannot_be_drawn_fail_alone(renderer: KolorsRenderer, ask: Ask) -> None:
    pose, preset = ask(controls=(ControlUse(kind="pose"),)), ask(sampler=Sampler(preset="none", steps=2))
    outcomes = list(renderer.render([ask(seed=1), pose, preset, ask(seed=2)]))
    assert sorted(type(one).__name__ for one in outcomes) == ["Failed", "Failed", "Rendered", "Rendered"]


def test_values_that_are_not_finite_are_never_delivered(random_set: Path, ask: Ask) -> None:
    renderer = KolorsRenderer(read_model_set(random_set), device=CPU)
    renderer._kolors._parts.unet.conv_out.weight.data.fill_(float("nan"))
    (outcome,) = renderer.render([ask()])
    assert isinstance(outcome, Failed)
    assert "not finite" in outcome.reason


def test_overflow_in_half_precision_is_drawn_again_in_full(random_set: Path, ask: Ask) -> None:
    half = read_model_set(random_set).model_copy(update={"precision": "fp16"})
    renderer = KolorsRenderer(half, device=CPU)
    # scaled up past fp16's 65504 and back down: nothing is lost in fp32
    down, up = renderer._kolors._parts.unet.conv_norm_out, renderer._kolors._parts.unet.conv_out
    down.weight.data.mul_(3e4)
    down.bias.data.mul_(3e4)
    up.weight.data.mul_(1 / 3e4)
    (outcome,) = renderer.render([ask(model=half.ref)])
    assert isinstance(outcome, Rendered), outcome
    assert "again in fp32" in outcome.notes[0]
    assert outcome.raw.std() > 0


def test_job_for_another_revision_is_refused(renderer: KolorsRenderer, ask: Ask, random_set: Path) -> None:
    other = read_model_set(random_set).ref.model_copy(update={"revision": "seed-9"})
    (outcome,) = renderer.render([ask(model=other)])
    assert isinstance(outcome, Failed)
    assert "seed-9" in outcome.reason


def test_prompt_over_256_tokens_is_cut_and_said_so(renderer: KolorsRenderer, ask: Ask) -> None:
    assert any("cut to 256" in note for note in outcome_of(renderer, ask(prompt="红色丝绸与金色灯笼" * 60)).notes)
    assert outcome_of(renderer, ask()).notes == ()


def test_product_that_fills_the_canvas_is_delivered_without_drawing(
    renderer: KolorsRenderer, ask: Ask, mug_shot
) -> None:

    buffer = io.BytesIO()
    solid = np.dstack([mug_shot.rgb[:200, :200], np.full((200, 200), 255, np.uint8)])
    solid[0, 0, 3] = 0
    solid[:6, :6, 3] = 0
    Image.fromarray(solid).save(buffer, "PNG")
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    staging = Staging(mode="anchor", anchor=(0.5, 1.0), share=1.0)
    done = outcome_of(renderer, ask(product_image=digest, images={digest: data}, staging=staging))
    assert any("fills the whole canvas" in note for note in done.notes)


def test_transparent_picture_fails_and_the_others_go_on(renderer: KolorsRenderer, ask: Ask, mug_shot) -> None:

    buffer = io.BytesIO()
    Image.new("RGBA", (80, 80)).save(buffer, "PNG")
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    outcomes = list(renderer.render([ask(product_image=digest, images={digest: data}), ask()]))
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert "fully transparent" in failed.reason
    assert len(outcomes) == 2


def test_reference_at_scale_zero_is_off_bit_for_bit(renderer: KolorsRenderer, ask: Ask) -> None:
    product = ask().job.product_image
    plain = outcome_of(renderer, ask())
    off = outcome_of(renderer, ask(reference=ReferenceUse(images=(product,), scale=0.0)))
    on = outcome_of(renderer, ask(reference=ReferenceUse(images=(product,), scale=1.0)))
    assert (plain.pixels == off.pixels).all()
    assert (plain.raw != on.raw).any()


def test_master_larger_than_the_models_size_keeps_the_product_sharp(renderer: KolorsRenderer, ask: Ask) -> None:
    done = outcome_of(renderer, ask(width=256, height=192))
    inside = done.alpha == 255
    assert done.pixels.shape == (192, 256, 3)
    assert (done.pixels[inside] == done.expected[inside]).all()


def test_threads_that_ask_at_once_share_one_model(random_set: Path) -> None:
    opened: list[object] = []

    def ask_for_it() -> None:
        opened.append(open_renderer("kolors-random", models_dir=random_set.parent, device="cpu"))

    threads = [threading.Thread(target=ask_for_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    assert len({id(one) for one in opened}) == 1


def test_threads_that_render_at_once_get_the_pictures_of_one_thread(renderer: KolorsRenderer, ask: Ask) -> None:
    requests = [ask(seed=seed, sampler=Sampler(steps=1 + seed % 2)) for seed in range(4)]
    expected = {one.request.job.seed: one.pixels for one in renderer.render(requests) if isinstance(one, Rendered)}
    found: dict[int, np.ndarray] = {}

    def render(part: list[RenderRequest]) -> None:
        found.update({one.request.job.seed: one.pixels for one in renderer.render(part) if isinstance(one, Rendered)})

    threads = [threading.Thread(target=render, args=(part,)) for part in (requests[:2], requests[2:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((found[seed] == pixels).all() for seed, pixels in expected.items())
    assert len(found) == 4


def test_closing_the_iterator_early_leaves_no_thread_behind(renderer: KolorsRenderer, ask: Ask) -> None:
    outcomes = renderer.render([ask(seed=seed) for seed in range(5)])
    next(outcomes)
    outcomes.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("render-")]


class Looking(Kolors):
    """Counts the reference pictures it looked at."""

    looked = 0

    def encode_reference(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        self.looked += len(images)
        return super().encode_reference(images)


def test_a_reference_is_looked_at_once_however_many_jobs_follow_it(random_set: Path, ask: Ask) -> None:
    found = read_model_set(random_set)
    renderer = KolorsRenderer(found, device=CPU)
    renderer._kolors = Looking(found, load_parts(found, device=CPU), device=CPU)
    use = ReferenceUse(images=(ask().job.product_image,), scale=0.5)
    done = list(renderer.render([ask(seed=seed, reference=use) for seed in range(3)]))
    assert all(isinstance(one, Rendered) for one in done)
    assert renderer._kolors.looked == 1
