"""The shipped draft set through our pipeline is the library's Kolors, and what breaks that quietly is noticed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.kolors import KolorsPipeline

from tasks.rendering.checkpoints.names import BASE
from tasks.rendering.job import Sampler
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import load_parts
from tasks.rendering.modelset import ModelSet
from tasks.rendering.nano.studio import NEGATIVE, SHIPPED, SIDE, Studio
from tasks.rendering.text import TextService

PROMPT = "正红色绒面台面，红色背景墙，春节"
SEED, STEPS = 5, 4
ROUNDING = 1e-3  # latents are of unit deviation


@pytest.fixture(scope="module")
def expected() -> torch.Tensor:
    """Latents as the library's own text-to-image draws them from the words."""
    pipe = KolorsPipeline.from_pretrained(SHIPPED / BASE, variant="fp16", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(SEED)
    # the first draw is that of the canvas' own latents, which four channels blend in where nothing is drawn
    noise = [torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=generator) for _ in range(2)]
    latents = pipe(
        prompt=PROMPT,
        negative_prompt=NEGATIVE,
        width=SIDE,
        height=SIDE,
        num_inference_steps=STEPS,
        guidance_scale=3.0,
        latents=noise[1],
        output_type="latent",
    ).images
    return torch.as_tensor(latents)


def plain_studio() -> Studio:
    """Ours, with the four-channel UNet and no adapter: what the library's pipeline is made of."""
    found = ModelSet(name="base", revision="0", folder=SHIPPED)
    parts = replace(load_parts(found, device=torch.device("cpu")), ip_adapter=None)
    base = SHIPPED / BASE / "unet"
    parts.unet = UNet2DConditionModel.from_pretrained(base, variant="fp16", dtype=torch.float32).eval()
    text = TextService(parts.tokenizer, parts.text_encoder, encoder_key="plain")
    return Studio(Kolors(found, parts, device=torch.device("cpu")), text)


def condition_of(studio: Studio) -> Condition:
    sampler = Sampler(preset="euler-50", steps=STEPS, guidance_scale=3.0)
    return replace(studio.condition(PROMPT, SEED), sampler=sampler)


def test_draws_what_the_librarys_own_pipeline_draws(expected: torch.Tensor) -> None:
    studio = plain_studio()
    found = studio.kolors.denoise([condition_of(studio)])
    assert float((found - expected).abs().max()) < ROUNDING


def _other_schedule(studio: Studio, condition: Condition) -> Condition:
    _configure(studio, num_train_timesteps=1000, beta_end=0.012)  # SDXL's
    return condition


def _other_prediction(studio: Studio, condition: Condition) -> Condition:
    _configure(studio, prediction_type="epsilon")
    return condition


def _configure(studio: Studio, **changes: Any) -> None:
    parts = studio.kolors._parts
    parts.scheduler = type(parts.scheduler).from_config(parts.scheduler.config, **changes)


def _trimmed_padding(studio: Studio, condition: Condition) -> Condition:
    positive, negative = (one._replace(hidden=one.hidden[-64:]) for one in (condition.positive, condition.negative))
    return replace(condition, positive=positive, negative=negative)


def _skipped_projection(studio: Studio, condition: Condition) -> Condition:
    studio.kolors._parts.unet.encoder_hid_proj = torch.nn.Identity()  # both sides are 96 wide: nothing would complain
    return condition


@pytest.mark.parametrize("plant", [_other_schedule, _other_prediction, _trimmed_padding, _skipped_projection])
def test_quiet_defect_is_noticed(expected: torch.Tensor, plant: Callable[[Studio, Condition], Condition]) -> None:
    studio = plain_studio()
    planted = plant(studio, condition_of(studio))
    assert float((studio.kolors.denoise([planted]) - expected).abs().max()) > 20 * ROUNDING
