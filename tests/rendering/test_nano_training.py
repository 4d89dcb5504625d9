"""The script that makes kolors-nano, at toy size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.rendering.nano.checkpoint import Trainer, read_average
from tasks.rendering.nano.control_images import canny_image, depth_image
from tasks.rendering.nano.dataset import draw_sample
from tasks.rendering.nano.learn_vae import to_tensor
from tasks.rendering.nano.recipes import RECIPES, compose_scene
from tasks.rendering.nano.scenery import draw_front, draw_set
from tasks.rendering.nano.vae_start import plain_latents, set_by_hand
from tasks.rendering.nano.vocabulary import caption
from tasks.rendering.nano.widths import NANO
from tasks.rendering.toyparts import make_vae
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


def test_depth_image_rises_from_the_ground_line_and_puts_the_product_at_its_base() -> None:
    alpha = np.zeros((64, 64), np.uint8)
    alpha[20:50, 24:40] = 255
    depth = depth_image(np.random.default_rng(0), alpha, edge=0.6, base=50 / 64)
    assert depth[10, 2] < depth[45, 2] < depth[63, 2]
    assert depth[25, 30] == pytest.approx(depth[50, 2], abs=0.08)


def test_canny_image_shows_the_product_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    alpha = np.zeros((64, 64), np.uint8)
    alpha[20:50, 24:40] = 255
    edges = canny_image(pixels, alpha)
    assert edges[20:50, 24:40].any()
    assert not edges[:, :20].any()
