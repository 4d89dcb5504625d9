"""Tones that captions do not know, a resampler that tells a reference's, and an adapter that is aimed by them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.rendering.loader import load_image_processor
from tasks.rendering.nano import train
from tasks.rendering.nano.adapter import STYLE, put_in
from tasks.rendering.nano.dataset import Bucket, draw_sample
from tasks.rendering.nano.export import read_nano
from tasks.rendering.nano.latents import encode_buckets
from tasks.rendering.nano.learn_vae import to_tensor
from tasks.rendering.nano.lesson import COLOURS, Lesson
from tasks.rendering.nano.own_colour import OwnColour
from tasks.rendering.nano.palette_aim import PULL, Own, Told, aim, guided, read_own, start_of, told_by
from tasks.rendering.nano.palettes import Palettes, draw_palettes
from tasks.rendering.nano.references import no_reference, reference_features
from tasks.rendering.nano.resampler_start import TOLD
from tasks.rendering.nano.sample import NanoModel
from tasks.rendering.nano.style_wire import LOUD, Push
from tasks.rendering.nano.vae_start import plain_latents
from tasks.rendering.nano.widths import GUIDANCE, NANO
from tasks.rendering.toyparts import INPAINT_CHANNELS, make_unet
from tasks.shapes import Size

VIOLET, AMBER = (0.4, 0.2, 0.6), (0.9, 0.6, 0.3)
GAIN = torch.tensor([[0.6, 0.0, 0.1], [0.0, 0.5, 0.0], [0.0, -0.1, 0.4]])  # of colours that are made out dimly
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


def test_every_token_tells_a_references_mean_colour_and_which_token_it_is() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :, 0], picture[32:, :, 2] = 255, 255
    resampler = put_in(make_unet(NANO), train.fresh_adapter())["image_proj"]
    with torch.inference_mode():
        tokens = resampler(reference_features(train.image_encoder(), PROCESSOR, [picture]))[0]
    assert torch.allclose(tokens[:, :3], tokens[:1, :3].expand(8, 3), atol=1e-4)
    assert tokens[0, [0, 2]].abs().max() < 0.4  # red and blue are half of it, green is missing
    assert tokens[0, 1] < -1
    assert torch.allclose(tokens[:, TOLD : TOLD + 8], torch.eye(8) * tokens[0, TOLD], atol=1e-3)


@pytest.fixture(scope="module")
def told() -> Told:
    resampler = put_in(make_unet(NANO), train.fresh_adapter())["image_proj"]
    return told_by(resampler, train.image_encoder(), PROCESSOR)


def wire_and_readers() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    start, readers = (torch.linalg.qr(torch.randn(128, 3, generator=generator)).Q for _ in range(2))
    return start * LOUD, readers


def push(told: Told, picture: np.ndarray, own: torch.Tensor) -> torch.Tensor:
    """The wire's numbers (3,) under guidance, for a picture of colour latents `own` and a reference."""
    start, readers = wire_and_readers()
    usual = torch.tensor([0.1, -0.2, 0.3])
    keys, values = aim(start, told, Own(readers, usual, GAIN), width=NANO.cross_dim, heads=4)
    told_apart = [part @ torch.linalg.inv(part.T @ part) for part in readers.split(32)]
    query = torch.stack([part @ GAIN @ (own - usual) for part in told_apart])[:, None]  # (heads, 1, 32)
    encoder = train.image_encoder()
    features = torch.cat([no_reference(encoder)[None], reference_features(encoder, PROCESSOR, [picture])])
    resampler = put_in(make_unet(NANO), train.fresh_adapter())["image_proj"]
    numbers = []
    for tokens in resampler(features).detach():
        key, value = ((tokens @ weight.T).view(8, 4, 32).transpose(0, 1) for weight in (keys, values))
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value).flatten()
        numbers.append(start.T @ out / LOUD**2)
    return numbers[0] + GUIDANCE * (numbers[1] - numbers[0])


def test_a_reference_pushes_by_what_the_picture_lacks_of_its_colour(told: Told) -> None:
    picture = np.full((64, 64, 3), (200, 120, 60), np.uint8)
    latents = plain_latents(to_tensor(picture[None]))[0, :3].mean((1, 2))
    lacking = torch.tensor([0.3, -0.5, 0.4])
    assert torch.allclose(push(told, picture, latents), torch.zeros(3), atol=0.1)
    assert torch.allclose(push(told, picture, latents - lacking), -PULL * GAIN @ lacking, atol=0.1)


def test_the_wires_start_is_found_again_in_the_values_that_feed_it(told: Told) -> None:
    start, readers = wire_and_readers()
    _, values = aim(start, told, Own(readers, torch.zeros(3), torch.eye(3)), width=NANO.cross_dim, heads=4)
    assert torch.allclose(start_of(values), start, atol=1e-4)


@pytest.fixture(scope="module")
def shipped() -> NanoModel:
    return read_nano(train.MODELS / "kolors-nano")


@pytest.fixture
def lesson(shipped: NanoModel, tmp_path: Path) -> Lesson:
    samples = [draw_sample(seed, Size(128, 128)) for seed in range(8)]
    bucket = Bucket(
        "small",
        Size(128, 128),
        np.stack([s.pixels for s in samples]),
        np.stack([s.alpha for s in samples]),
        [s.notes for s in samples],
    )
    return Lesson(encode_buckets([bucket], folder=tmp_path), shipped.tokenizer, shipped.encoder)


def test_queries_of_the_shipped_unet_tell_the_pictures_own_colour(shipped: NanoModel, lesson: Lesson) -> None:
    own = read_own(shipped.unet, lesson, batches=16)
    attention = shipped.unet.get_submodule(STYLE.removesuffix(".processor"))
    found, wanted = [], []
    for queries, latents, drawn in guided(shipped.unet, attention, lesson, batches=6):
        told = (queries.unflatten(2, (4, 32)).unsqueeze(-1) * own.readers.unflatten(0, (4, 32))).sum(3).mean(2)
        found.append((told * drawn[..., None]).sum(1) / drawn.sum(1, keepdim=True) + own.usual)
        wanted.append(latents)
    pairs = torch.stack([torch.cat(found).flatten(), torch.cat(wanted).flatten()])
    assert torch.corrcoef(pairs)[0, 1] > 0.6


def test_a_push_along_the_wire_moves_the_pictures_colour_by_as_much(shipped: NanoModel, lesson: Lesson) -> None:
    start = start_of(train.style_values(shipped.unet, train.shipped_adapter(train.MODELS / "kolors-nano")))
    shipped = read_nano(train.MODELS / "kolors-nano")
    push, batch = Push(shipped.unet, start), lesson.batch(8, dropped=0.4, whole=1.0)

    def velocity() -> torch.Tensor:
        with torch.inference_mode():
            found = shipped.unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=batch.conditions)
        return torch.as_tensor(found.sample[:, :COLOURS].mean((0, 2, 3)))

    before = velocity()
    for number in range(COLOURS):
        with push.by(0.2 * torch.eye(COLOURS)[number].expand(8, -1)):
            moved = (velocity() - before) / 0.2
        assert torch.allclose(moved, torch.eye(COLOURS)[number], atol=0.3)
    assert torch.equal(velocity(), before)


def test_a_unet_learns_to_tell_its_pictures_colour(lesson: Lesson) -> None:
    def left(*, rate: float) -> float:
        """What is still told wrongly after thirty steps, the UNet learning at this rate."""
        torch.manual_seed(0)
        unet = make_unet(NANO, in_channels=INPAINT_CHANNELS)
        own = OwnColour(unet)
        groups = [{"params": unet.parameters(), "lr": rate}, {"params": own.parameters(), "lr": 2e-2}]
        learning = torch.optim.Adam(groups)
        for _ in range(30):
            lesson.begin(1)
            batch = lesson.batch(4, dropped=1.0, whole=1.0)
            batch.noisy[:2, 0] += 3  # two pictures of another colour than the others
            velocity = unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=batch.conditions).sample
            loss = own.loss(batch, velocity)
            learning.zero_grad()
            loss.backward()
            learning.step()
        return float(loss.detach())

    assert left(rate=1e-3) < 0.5 * left(rate=0.0)
