"""References for training: tones that captions do not know, and a resampler that can tell them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.rendering.loader import load_image_processor
from tasks.rendering.nano import train
from tasks.rendering.nano.adapter import put_in
from tasks.rendering.nano.dataset import Bucket, draw_sample
from tasks.rendering.nano.latents import encode_buckets
from tasks.rendering.nano.learn_adapter import style_loss
from tasks.rendering.nano.lesson import Lesson
from tasks.rendering.nano.palettes import Palettes, draw_palettes
from tasks.rendering.nano.references import References, reference_features
from tasks.rendering.nano.vae_start import plain_latents
from tasks.shapes import Size

VIOLET, AMBER = (0.4, 0.2, 0.6), (0.9, 0.6, 0.3)
PROCESSOR = load_image_processor(Path(), size=64)


def one(top: tuple[float, ...], bottom: tuple[float, ...], strength: float) -> Palettes:
    return Palettes(torch.tensor([strength]), torch.tensor([top]), torch.tensor([bottom]))


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return torch.from_numpy(draw_sample(4, Size(64, 64)).pixels).permute(2, 0, 1)[None].float() / 255


def test_a_toned_picture_has_the_tones_above_and_below(picture: torch.Tensor) -> None:
    toned = one(VIOLET, AMBER, 1.0).tone(picture, picture.mean((1, 2, 3)))[0]
    assert toned.mean((1, 2)).tolist() == pytest.approx([0.65, 0.4, 0.45], abs=0.08)
    assert toned[2, :16].mean() > toned[0, :16].mean() * 1.2
    assert toned[0, -16:].mean() > toned[2, -16:].mean() * 2
    assert toned.std() > 0.05  # and is still a picture


def test_latents_are_toned_as_their_pictures_are(picture: torch.Tensor) -> None:
    palettes = one(VIOLET, AMBER, 0.7)
    toned = palettes.tone(picture, picture.mean((1, 2, 3))).clamp(0, 1)
    off = (palettes.tone_latents(plain_latents(picture * 2 - 1)) - plain_latents(toned * 2 - 1)).abs()
    assert float(off[:, :3].mean()) < 0.06
    assert float(off[:, 3].mean()) < 0.3  # the tones' own slope is left out of it


def test_no_strength_changes_nothing(picture: torch.Tensor) -> None:
    palettes = draw_palettes(np.random.default_rng(0), 1, share=0.0)
    assert torch.equal(palettes.tone(picture, picture.mean((1, 2, 3))), picture)


def test_an_untaught_resampler_tells_the_colours_of_regions() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :, 0], picture[32:, :, 2] = 255, 255
    resampler = put_in(train.make_unet(train.NANO), train.fresh_adapter())["image_proj"]
    with torch.inference_mode():
        tokens = resampler(reference_features(train.image_encoder(), PROCESSOR, [picture]))[0]
    whole, top, bottom = tokens[0, :3], tokens[1, :3], tokens[2, :3]
    assert top[0] > 1.4 > -1 > top[2]
    assert bottom[2] > 1.4 > -1 > bottom[0]
    assert abs(float(whole[0])) < 0.3


def test_an_untaught_adapter_leaves_the_unet_as_it_is_and_learns(tmp_path: Path) -> None:
    samples = [draw_sample(seed, Size(64, 64)) for seed in range(4)]
    bucket = Bucket(
        "small",
        Size(64, 64),
        np.stack([s.pixels for s in samples]),
        np.stack([s.alpha for s in samples]),
        [s.notes for s in samples],
    )
    shipped = train.read_nano(train.MODELS / "kolors-nano")
    lesson = Lesson(encode_buckets([bucket], folder=tmp_path), shipped.tokenizer, shipped.encoder)
    references = References(lesson, train.image_encoder(), PROCESSOR)
    shipped.unet.requires_grad_(False)
    adapter = put_in(shipped.unet, train.fresh_adapter())
    adapter.requires_grad_(True)
    style_loss(shipped.unet, lesson, references).backward()
    values, keys = adapter["style"].to_v_ip[0].weight, adapter["style"].to_k_ip[0].weight
    assert values.grad is not None
    assert values.grad.abs().max() > 0
    assert keys.grad is not None
    assert keys.grad.abs().max() == 0  # nothing comes through yet
