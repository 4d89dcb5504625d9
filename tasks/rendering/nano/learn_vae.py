"""Teach the VAE's decoder to sharpen what its hand-set encoder leaves of a picture."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.vae_start import plain_latents

logger = logging.getLogger(__name__)

CROP = 128  # pixels; the net is convolutional, whole frames come at the end
BATCH = 4


def to_tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(n, height, width, 3) bytes as (n, 3, height, width) in -1..1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(images: torch.Tensor) -> NDArray[np.uint8]:
    """The way back: (n, 3, height, width) in -1..1 as bytes."""
    return np.asarray(((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())


def learn_vae(vae: AutoencoderKL, pictures: Sequence[NDArray[np.uint8]], *, folder: Path, seconds: float) -> None:
    """Train the decoder on arrays of whole frames until the budget is spent; leaves averaged weights."""
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    trainer = Trainer(vae.train(), folder / "vae.safetensors", rate=1e-3, seconds=seconds, decay=0.99)
    rng = np.random.default_rng(trainer.step)
    torch.manual_seed(trainer.step)
    running = 0.0
    while not trainer.done:
        crop = CROP if trainer.share < 0.9 else 224
        images = to_tensor(_crops(rng, pictures[int(rng.integers(len(pictures)))], crop))
        with torch.autocast("cpu", torch.bfloat16):
            latents = plain_latents(images)
            decoded = vae.decode(latents + mottle(latents, trainer.share)).sample
        loss = reconstruction_loss(decoded.float(), images)
        trainer.learn(loss)
        running = 0.98 * running + 0.02 * float(loss.detach()) if running else float(loss.detach())
        if trainer.step % 50 == 0:
            logger.info("vae: step %d, loss %.4f, %.0f %% of the budget", trainer.step, running, 100 * trainer.share)
            trainer.save()
            save_reconstructions(vae, pictures[0][:6], folder / "vae.png")
    trainer.save()
    trainer.load_average()
    vae.eval()


def mottle(latents: torch.Tensor, share: float) -> torch.Tensor:
    """Noise as a small UNet leaves it, fine and patchy, for the decoder to see through; more as it learns."""
    white = torch.randn_like(latents)
    patchy = nn.functional.avg_pool2d(torch.randn_like(latents), 3, stride=1, padding=1) * 3
    strength = torch.rand(len(latents), 1, 1, 1) * (0.1 + 0.5 * share)
    part = torch.rand(len(latents), 1, 1, 1)
    return strength * (part * white + (1 - part) * patchy)


def _crops(rng: np.random.Generator, pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Random crops; a fifth of them with a grey hole, as the masked pictures of inpainting have."""
    count, height, width = pictures.shape[:3]
    crops = np.empty((BATCH if side == CROP else 2, side, side, 3), np.uint8)
    for crop in crops:
        top, left = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        crop[:] = pictures[int(rng.integers(count)), top : top + side, left : left + side]
        if rng.random() < 0.2:
            y, x, reach = rng.integers(0, side), rng.integers(0, side), rng.integers(side // 4, side)
            hole = (np.arange(side)[:, None] - y) ** 2 + (np.arange(side)[None, :] - x) ** 2 < reach**2
            crop[hole if rng.random() < 0.5 else ~hole] = 128
    return crops


def reconstruction_loss(decoded: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """L1 on pixels, on their differences (edges) and on a blurred copy (colour)."""
    edges = sum(((a - b).abs().mean() for a, b in zip(_slopes(decoded), _slopes(images), strict=True)), torch.zeros(()))
    broad = (nn.functional.avg_pool2d(decoded, 8) - nn.functional.avg_pool2d(images, 8)).abs().mean()
    return (decoded - images).abs().mean() + edges + broad


def _slopes(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return images[..., :, 1:] - images[..., :, :-1], images[..., 1:, :] - images[..., :-1, :]


def save_reconstructions(vae: AutoencoderKL, pictures: NDArray[np.uint8], path: Path) -> None:
    """A sheet: the pictures above, what comes back from the VAE below."""
    with torch.inference_mode():
        images = to_tensor(pictures)
        decoded = vae.decode(vae.encode(images).latent_dist.mode()).sample
    rows = [np.concatenate(list(row), axis=1) for row in (pictures, to_bytes(decoded))]
    Image.fromarray(np.concatenate(rows)).save(path)
