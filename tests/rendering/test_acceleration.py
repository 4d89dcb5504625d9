"""Faster presets do what they name, counted on the model itself, and leave nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.errors import ModelError
from tasks.rendering.job import ControlUse, RenderJob, Sampler
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import load_parts
from tasks.rendering.modelset import ModelSet, find_model_set, read_model_set
from tasks.rendering.presets import PRESETS
from tasks.rendering.text import TextService
from tasks.rendering.tuning import TUNINGS, parse_name
from tasks.shapes import Size

CPU = torch.device("cpu")
Make = Callable[..., Condition]


@pytest.fixture(scope="module")
def found(random_set: Path) -> ModelSet:
    return read_model_set(random_set)


@pytest.fixture(scope="module")
def kolors(found: ModelSet) -> Kolors:
    return Kolors(found, load_parts(found, device=CPU), device=CPU)


@pytest.fixture(scope="module")
def make(kolors: Kolors) -> Make:
    text = TextService(kolors._parts.tokenizer, kolors._parts.text_encoder, encoder_key="k")
    positive, negative = text.encode(["红色丝绸", "文字"])

    def condition(**fields: Any) -> Condition:
        mask = torch.ones(1, 64, 64)
        mask[:, 16:48, 16:48] = 0
        plain: dict[str, Any] = {"size": Size(64, 64), "seed": 1, "canvas": torch.full((3, 64, 64), 0.5), "mask": mask}
        return Condition(positive=positive, negative=negative, **{**plain, "sampler": Sampler(steps=4), **fields})

    return condition


@contextmanager
def counted(module: torch.nn.Module) -> Iterator[list[int]]:
    """Rows of every call of the module."""
    rows: list[int] = []
    handle = module.register_forward_pre_hook(lambda _, args: rows.append(args[0].shape[0]))
    yield rows
    handle.remove()


CONTROLS = ((ControlUse(kind="canny", control_guidance_end=1.0), torch.rand(3, 64, 64)),)


def test_cached_steps_skip_the_inner_blocks(kolors: Kolors, make: Make) -> None:
    unet = kolors._parts.unet
    with counted(unet.mid_block.resnets[0]) as inner, counted(unet.down_blocks[0].resnets[0]) as outer:
        kolors.denoise([make(sampler=Sampler(steps=6, cache_interval=2))])
    assert (len(inner), len(outer)) == (3, 6)


def test_cached_steps_skip_the_controls_too(kolors: Kolors, make: Make) -> None:
    kolors.denoise([make(controls=CONTROLS)])
    with counted(kolors._parts.controls["canny"].mid_block.resnets[0]) as calls:
        kolors.denoise([make(controls=CONTROLS, sampler=Sampler(steps=6, cache_interval=3))])
    assert len(calls) == 2


def test_guidance_interval_draws_fewer_rows(kolors: Kolors, make: Make) -> None:
    sampler = Sampler(steps=5, guidance_start=0.2, guidance_end=0.6)
    with counted(kolors._parts.unet.conv_in) as rows:
        kolors.denoise([make(sampler=sampler), make(sampler=sampler, seed=2)])
    assert rows == [2, 4, 4, 2, 2]


def test_a_step_without_guidance_is_the_prompts_own_pass(kolors: Kolors, make: Make) -> None:
    without = kolors.denoise([make(sampler=Sampler(steps=3, guidance_end=0.0))])
    plain = kolors.denoise([make(sampler=Sampler(steps=3, guidance_scale=1.0))])
    assert torch.allclose(without, plain, atol=1e-4)


def test_controls_on_the_half_with_the_prompt_alone(kolors: Kolors, make: Make) -> None:
    whole = kolors.denoise([make(controls=CONTROLS)])
    with counted(kolors._parts.controls["canny"].conv_in) as rows:
        half = kolors.denoise([make(controls=CONTROLS, sampler=Sampler(steps=4, control_half=True))])
    none = kolors.denoise([make()])
    assert rows == [1] * 4
    assert (half - whole).abs().max() > 1e-3
    assert (half - none).abs().max() > 1e-3


def test_everything_together_runs_and_leaves_nothing_behind(kolors: Kolors, make: Make) -> None:
    before = kolors.denoise([make(controls=CONTROLS)])
    fast = PRESETS["dpm-25-fast"].sampler.model_copy(update={"steps": 7})
    for controls in ((), CONTROLS):
        drawn = kolors.denoise([make(controls=controls, sampler=fast), make(controls=controls, sampler=fast, seed=5)])
        assert torch.isfinite(drawn).all()
    assert (kolors.denoise([make(controls=CONTROLS)]) == before).all()
    assert not kolors._parts.unet._forward_hooks


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_changes_the_jobs_identity_and_says_what_else(preset: str) -> None:
    fields = {"model": {"name": "kolors", "revision": "1"}, "prompt": "", "seed": 1, "width": 64, "height": 64}
    ids = {
        name: RenderJob.model_validate({**fields, "product_image": "0" * 64, "sampler": one.sampler}).job_id
        for name, one in PRESETS.items()
    }
    assert len(set(ids.values())) == len(PRESETS)
    assert len(PRESETS[preset].changes) > 20


def tuned(found: ModelSet, *tunings: str) -> Kolors:
    found = found.model_copy(update={"tuning": tunings})
    return Kolors(found, load_parts(found, device=CPU), device=CPU)


@pytest.mark.parametrize("tuning", ["channels-last", "fused-qkv"])
def test_a_tuning_of_kernels_keeps_the_picture(found: ModelSet, kolors: Kolors, make: Make, tuning: str) -> None:
    fast = tuned(found, tuning)
    expected, drawn = kolors.denoise([make(controls=CONTROLS)]), fast.denoise([make(controls=CONTROLS)])
    assert torch.allclose(drawn, expected, atol=1e-2 * float(expected.abs().max()))
    unet = fast._parts.unet
    if tuning == "fused-qkv":
        names = {type(p).__name__ for name, p in unet.attn_processors.items() if "attn1" in name}
        assert names == {"FusedAttnProcessor2_0"}
        assert any("IPAdapter" in type(p).__name__ for name, p in unet.attn_processors.items() if "attn2" in name)
    else:
        assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def test_float8_is_refused_where_the_device_has_none(found: ModelSet) -> None:
    pytest.importorskip("torchao")
    with pytest.raises(ModelError, match="fp8 cannot be set up on cpu"):
        tuned(found, "fp8")


def test_quantised_layers_draw_nearly_the_same(found: ModelSet, kolors: Kolors, make: Make) -> None:
    pytest.importorskip("torchao")
    fast = tuned(found, "int8")
    weights = [module.weight for name, module in fast._parts.unet.named_modules() if name.endswith("attn1.to_q")]
    assert all(type(weight.data).__name__ != "Tensor" for weight in weights), "nothing was quantised"
    drawn, expected = fast.denoise([make()]), kolors.denoise([make()])
    similar = torch.nn.functional.cosine_similarity(drawn.flatten(), expected.flatten(), dim=0)
    assert (drawn != expected).any()
    assert similar > 0.97


@pytest.mark.slow
@pytest.mark.timeout(900)  # five minutes of the C++ compiler on a busy core
def test_compiled_blocks_draw_the_same(found: ModelSet, kolors: Kolors, make: Make) -> None:
    drawn, expected = tuned(found, "compiled").denoise([make()]), kolors.denoise([make()])
    assert torch.allclose(drawn, expected, atol=1e-2 * float(expected.abs().max()))


def test_tunings_are_part_of_the_models_name(found: ModelSet, random_set: Path) -> None:
    fast = find_model_set(f"{found.name}:fused-qkv+channels-last", models_dir=random_set.parent)
    assert fast.ref.name == f"{found.name}:channels-last+fused-qkv"
    assert fast.ref != found.ref


@pytest.mark.parametrize(("name", "message"), [("kolors:fp16", "fp16 cannot be"), ("kolors:int8+fp8", "one at most")])
def test_a_tuning_that_cannot_be_lists_those_that_can(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        parse_name(name)
    assert all(tuning in str(error.value) for tuning in TUNINGS)
