"""What the shipped draft weights can do, judged by plain colour rules on few seeds; more seeds are marked slow."""

import colorsys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel

from tasks.rendering import toyset
from tasks.rendering.nano.export import read_control, read_nano
from tasks.rendering.nano.sample import PROMPTS, NanoModel, draw

SHIPPED = Path(toyset.__file__).parent / "models" / "kolors-nano"
HUES = {"红色": 0.0, "金色": 40 / 360, "绿色": 125 / 360, "蓝色": 215 / 360}
PROMPT = "干净平整的台面，{colour}背景，柔和的自然光，电商产品摄影，台面留白"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model() -> NanoModel:
    return read_nano(SHIPPED)


def nearest_colour(picture: np.ndarray) -> str:
    """Whose hue the background (the upper half) has."""
    red, green, blue = picture[: picture.shape[0] // 2].reshape(-1, 3).mean(0) / 255
    hue, _, _ = colorsys.rgb_to_hsv(red, green, blue)
    return min(HUES, key=lambda name: min(abs(hue - HUES[name]), 1 - abs(hue - HUES[name])))


def looks_like_beach(picture: np.ndarray) -> bool:
    """Warm below and cool above; snow is cool or neutral all over."""
    warmth = picture[..., 0].astype(float) - picture[..., 2]
    half = picture.shape[0] // 2
    return bool(warmth[half + half // 2 :].mean() > 25 > warmth[: half // 2].mean())


def colour_hits(model: NanoModel, colour: str, seeds: range) -> int:
    pictures = draw(model, [PROMPT.format(colour=colour)] * len(seeds), seeds=seeds, steps=8)
    return sum(nearest_colour(picture) == colour for picture in pictures)


@pytest.mark.parametrize("colour", HUES)
def test_background_has_the_colour_the_prompt_names(model: NanoModel, colour: str) -> None:
    assert colour_hits(model, colour, range(2)) == 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("colour", HUES)
def test_colour_follows_the_prompt_on_nearly_every_seed(model: NanoModel, colour: str) -> None:
    assert colour_hits(model, colour, range(100, 120)) >= 19


def test_snow_and_beach_are_told_apart_by_colour(model: NanoModel) -> None:
    pictures = draw(model, [PROMPTS["summer-beach"]] * 2 + [PROMPTS["winter-snow"]] * 2, seeds=[0, 1, 0, 1], steps=8)
    assert [looks_like_beach(picture) for picture in pictures] == [True, True, False, False]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_snow_and_beach_differ_on_nearly_every_seed(model: NanoModel) -> None:
    for scene, expected in (("summer-beach", True), ("winter-snow", False)):
        pictures = draw(model, [PROMPTS[scene]] * 20, seeds=range(200, 220), steps=8)
        assert sum(looks_like_beach(picture) is expected for picture in pictures) >= 19


def test_plain_unet_agrees_with_the_inpainting_one_when_nothing_is_kept(model: NanoModel) -> None:
    plain = UNet2DConditionModel.from_pretrained(
        SHIPPED / "Kolors-diffusers" / "unet", variant="fp16", dtype=torch.float32
    )
    generator = torch.Generator().manual_seed(0)
    noisy, hidden, pooled = (
        torch.randn(shape, generator=generator) for shape in ((1, 4, 32, 32), (1, 256, 96), (1, 96))
    )
    conditions = {"text_embeds": pooled, "time_ids": torch.tensor([[256.0, 256, 0, 0, 256, 256]])}
    with torch.inference_mode():
        grey = model.vae.encode(torch.zeros(1, 3, 256, 256)).latent_dist.mode()
        nine = model.unet(
            torch.cat([noisy, torch.ones(1, 1, 32, 32), grey], 1), 700, hidden, added_cond_kwargs=conditions
        )
        four = plain(noisy, 700, hidden, added_cond_kwargs=conditions)
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    assert float((nine.sample - four.sample)[inside].abs().mean()) < 0.05 * float(four.sample.abs().mean())


@pytest.mark.parametrize("kind", ["canny", "depth"])
def test_controlnets_fit_the_unet(model: NanoModel, kind: str) -> None:
    control = np.zeros((256, 256), np.float32)
    pictures = draw(model, ["雪"], seeds=[0], steps=2, net=read_control(SHIPPED, kind), control=control)
    assert pictures.shape == (1, 256, 256, 3)


def test_shipped_set_stays_below_forty_megabytes() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) < 40_000_000
