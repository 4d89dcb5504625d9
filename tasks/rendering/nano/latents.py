"""The training pictures as the UNet sees them, encoded once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tasks.rendering.nano.dataset import Bucket
from tasks.rendering.nano.learn_vae import to_tensor
from tasks.rendering.nano.vae_start import plain_latents

logger = logging.getLogger(__name__)

BATCH = 32


@dataclass(frozen=True)
class LatentBucket:
    """Encoded pictures of one frame. `kept` is the product's share of each latent cell, 0..1."""

    bucket: Bucket
    latents: torch.Tensor  # (n, 4, height / 8, width / 8), scaled
    masked: torch.Tensor  # the same for the picture with everything but the product grey
    kept: torch.Tensor  # (n, 1, height / 8, width / 8)


def encode_buckets(buckets: Sequence[Bucket], *, folder: Path) -> list[LatentBucket]:
    """Encode what is not encoded yet, by the rule that the VAE's encoder is set to."""
    return [_encode(bucket, folder / f"latents-{bucket.name}.safetensors") for bucket in buckets]


def _encode(bucket: Bucket, path: Path) -> LatentBucket:
    if not path.exists():
        parts: dict[str, list[torch.Tensor]] = {"latents": [], "masked": [], "kept": []}
        for first in range(0, len(bucket.notes), BATCH):
            images = to_tensor(np.array(bucket.pixels[first : first + BATCH]))
            alpha = torch.from_numpy(np.array(bucket.alpha[first : first + BATCH]))[:, None].float() / 255
            parts["latents"].append(plain_latents(images).half())
            parts["masked"].append(plain_latents(images * (alpha > 0.5)).half())
            parts["kept"].append(nn.functional.avg_pool2d(alpha, 8).half())
        save_file({name: torch.cat(pieces).contiguous() for name, pieces in parts.items()}, path)
        logger.info("latents: %s, %d pictures", bucket.name, len(bucket.notes))
    return LatentBucket(bucket, **load_file(path))
