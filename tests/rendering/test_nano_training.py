"""The script that makes kolors-nano, at toy size."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.rendering.canvas import EMPTY, over
from tasks.rendering.controls import draw_control
from tasks.rendering.job import ControlUse, Staging
from tasks.rendering.loader import load_image_processor
from tasks.rendering.nano.adapter import put_in, take_out
from tasks.rendering.nano.checkpoint import Trainer, read_average
from tasks.rendering.nano.control_eyes import open_eyes
from tasks.rendering.nano.control_images import canny_image, depth_image, scene_edges
from tasks.rendering.nano.dataset import draw_sample
from tasks.rendering.nano.export import read_control, read_nano
from tasks.rendering.nano.learn_controls import control_of, outlines_off
from tasks.rendering.nano.learn_vae import to_tensor
from tasks.rendering.nano.recipes import RECIPES, compose_scene
from tasks.rendering.nano.references import no_reference, reference_features
from tasks.rendering.nano.scenery import draw_front, draw_set
from tasks.rendering.nano.train import MODELS, encoder_of, seed_folder, unet_of
from tasks.rendering.nano.vae_start import plain_latents, set_by_hand
from tasks.rendering.nano.vision_start import set_by_hand as look_by_hand
from tasks.rendering.nano.vocabulary import caption
from tasks.rendering.nano.widths import NANO
from tasks.rendering.toyparts import INPAINT_CHANNELS, make_image_encoder, make_ip_adapter, make_unet, make_vae
from tasks.rendering.toyset import CONTROLS
from tasks.shapes import Size


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_draws_a_picture_and_words_for_it(name: str) -> None:
    rng = np.random.default_rng(3)
    scene = compose_scene(rng, name)
    picture = draw_front(scene, rng, draw_set(scene, rng, height=64, width=64))
    assert picture.shape == (64, 64, 3)
    assert np.isfinite(picture).all()
    assert picture.std() > 0.002
    assert scene.words["setting"] in caption(rng, {"setting": scene.words["setting"]})


def test_same_seed_draws_the_same_sample() -> None:
    first, second = draw_sample(5, Size(64, 64)), draw_sample(5, Size(64, 64))
    assert np.array_equal(first.pixels, second.pixels)
    assert first.notes == second.notes


def test_hand_set_vae_gives_pictures_back_in_their_colours() -> None:
    vae = make_vae(NANO, scaling_factor=1.0)
    set_by_hand(vae)
    ramp = np.linspace(0, 1, 64)
    rows, columns = np.meshgrid(ramp, ramp, indexing="ij")
    pixels = np.stack([220 - 160 * rows, 40 + 120 * columns, 200 * rows * columns], -1).astype(np.uint8)
    images = to_tensor(pixels[None])
    with torch.inference_mode():
        latents = vae.encode(images).latent_dist.mode()
        decoded = vae.decode(latents).sample
    assert float((latents - plain_latents(images)).abs().mean()) < 0.06
    colours = torch.nn.functional.avg_pool2d(decoded - images, 8)[:, :, 1:-1, 1:-1]
    assert float(colours.abs().mean()) < 0.05


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def step(trainer: Trainer) -> None:
        trainer.learn((trainer.module(torch.ones(1, 2)) ** 2).sum())

    torch.manual_seed(0)
    path = tmp_path / "state.safetensors"
    trainer = Trainer(torch.nn.Linear(2, 1), path, rate=0.01, seconds=60)
    step(trainer)
    trainer.save()
    again = Trainer(torch.nn.Linear(2, 1), path, rate=0.01, seconds=60)
    assert again.step == 1
    step(trainer)
    step(again)
    assert torch.allclose(trainer.module.weight, again.module.weight, atol=1e-6)
    bare = torch.nn.Linear(2, 1)
    trainer.save()
    read_average(bare, path)
    assert torch.equal(bare.weight, trainer.average["weight"])


def test_losses_of_several_workers_count_as_their_mean(tmp_path: Path) -> None:
    inputs = torch.arange(8.0).reshape(4, 2) / 4

    def trained(*, workers: int) -> torch.nn.Module:
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        trainer = Trainer(net, tmp_path / "none.safetensors", rate=0.05, seconds=1e6)

        def loss(rows: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor((net(rows) - 1).pow(2).mean())

        for _ in range(5):
            if workers == 1:
                trainer.learn(loss(inputs))
            else:
                trainer.learn_at_once([partial(loss, part) for part in inputs.chunk(workers)])
        return net

    alone, shared = (trained(workers=workers).state_dict() for workers in (1, 2))
    assert all(torch.allclose(value, shared[name], atol=1e-5) for name, value in alone.items())


def test_a_net_that_a_loss_does_not_reach_stays_as_it_is(tmp_path: Path) -> None:
    nets = torch.nn.ModuleDict({name: torch.nn.Linear(2, 1) for name in ("reached", "other")})
    before = {name: value.clone() for name, value in nets.state_dict().items()}
    trainer = Trainer(nets, tmp_path / "none.safetensors", rate=0.05, seconds=1e6)
    found = trainer.learn_at_once([lambda: nets["reached"](torch.ones(1, 2)).sum()])
    assert found == pytest.approx(float(before["reached.weight"].sum() + before["reached.bias"].sum()))
    assert not torch.equal(nets["reached"].weight, before["reached.weight"])
    assert torch.allclose(nets["other"].weight, before["other.weight"], atol=1e-5)


def _box() -> tuple[np.ndarray, np.ndarray]:
    """Noise, and the matte of a box that stands on it."""
    alpha = np.zeros((64, 64), np.uint8)
    alpha[20:50, 24:40] = 255
    return np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8), alpha


@pytest.mark.parametrize("kind", ["canny", "depth"])
def test_nets_learn_from_the_very_pictures_that_the_renderer_draws(kind: str) -> None:
    pixels, alpha = _box()
    canvas = over(pixels, alpha, np.full_like(pixels, EMPTY))
    drawn = draw_control(ControlUse(kind=kind), canvas, alpha, Staging(ground=0.6))  # type: ignore[arg-type]
    learnt = depth_image(pixels, alpha, edge=0.6) if kind == "depth" else canny_image(pixels, alpha)
    assert np.array_equal(np.rint(learnt * 255).astype(np.uint8), drawn[..., 0])


def test_depth_image_rises_from_the_ground_line_and_puts_the_product_at_its_base() -> None:
    depth = depth_image(*_box(), edge=0.6)
    assert depth[10, 2] < depth[45, 2] < depth[63, 2]
    assert depth[25, 30] == pytest.approx(depth[50, 2], abs=0.08)


def test_edges_of_a_whole_scene_show_its_ground_line_too() -> None:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    pixels[40:] = 90
    edges = scene_edges(pixels, finer=2.0)
    assert edges[38:43, 8:56].max(0).mean() > 0.9
    assert not edges[:30].any()


def test_hand_set_image_encoder_tells_colours_where_they_are() -> None:
    encoder = make_image_encoder(NANO)
    look_by_hand(encoder)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :, 0], picture[32:, :, 2] = 255, 255
    processor = load_image_processor(Path(), size=NANO.clip_image)
    tokens = reference_features(encoder, processor, [picture])[0, 1:].reshape(8, 8, -1)
    red, blue = tokens[:4].mean((0, 1)), tokens[4:].mean((0, 1))
    assert red[0] > 1.5 > -1.2 > red[2]
    assert blue[2] > 1.5 > -1.2 > blue[0]
    assert torch.allclose(no_reference(encoder)[1:, :3], torch.zeros(3), atol=1e-4)


def test_adapter_comes_out_of_the_unet_as_it_went_in() -> None:
    unet = make_unet(NANO, in_channels=INPAINT_CHANNELS)
    weights = make_ip_adapter(make_unet(NANO), NANO, seed=3)
    put_in(unet, weights)
    found = take_out(unet)
    assert {group: set(keys) for group, keys in found.items()} == {group: set(keys) for group, keys in weights.items()}
    assert all(torch.equal(found[group][key], value) for group in weights for key, value in weights[group].items())


def test_net_with_open_eyes_still_changes_nothing() -> None:
    net = control_of(make_unet(NANO, in_channels=INPAINT_CHANNELS), NANO)
    images = torch.rand(2, 3, 64, 64)
    open_eyes(net, images)
    conditions = {"text_embeds": torch.zeros(2, 96), "time_ids": torch.zeros(2, 6)}
    with torch.inference_mode():
        seen = net.controlnet_cond_embedding(images)
        down, middle = net(
            torch.randn(2, 4, 8, 8),
            500,
            torch.randn(2, 256, 96),
            controlnet_cond=images,
            added_cond_kwargs=conditions,
            return_dict=False,
        )
    assert float(seen.std(0).mean()) > 0.1  # between pictures, not between places
    assert not any(level.any() for level in (*down, middle))


def test_what_is_off_along_an_outline_counts_and_a_tone_that_is_off_all_over_does_not() -> None:
    edges = torch.zeros(1, 3, 128, 128)
    edges[..., 60, :] = 1
    blurred = torch.zeros(1, 4, 16, 16)
    blurred[:, :, 7] = 1
    assert outlines_off(torch.ones(1, 4, 16, 16), edges) == 0
    assert outlines_off(blurred, edges) > 0.5
    assert outlines_off(blurred.transpose(2, 3), edges) < 0.1


def test_training_can_begin_from_a_finished_set(tmp_path: Path) -> None:
    options = argparse.Namespace(start=MODELS / "kolors-nano")
    seed_folder(tmp_path, options)
    shipped = read_nano(options.start)
    unet = unet_of(tmp_path)
    assert all(torch.equal(value, shipped.unet.state_dict()[name]) for name, value in unet.state_dict().items())
    assert torch.equal(
        encoder_of(tmp_path).embedding.word_embeddings.weight, shipped.encoder.embedding.word_embeddings.weight
    )
    for kind in CONTROLS:
        net, finished = control_of(unet, NANO), read_control(options.start, kind)
        read_average(net, tmp_path / "controls.safetensors", prefix=f"control_{kind}.")
        assert all(torch.equal(value, finished.state_dict()[name]) for name, value in net.state_dict().items())
    trainer = Trainer(torch.nn.ModuleDict({"unet": unet}), tmp_path / "unet.safetensors", rate=1e-3, seconds=60)
    assert (trainer.step, trainer.spent) == (0, 0.0)
