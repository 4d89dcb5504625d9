"""Teach the IP-Adapter to take a palette from a picture: its resampler and its projections in the style block."""

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from tasks.rendering.nano.adapter import Weights, put_in
from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.lesson import Batch, Lesson
from tasks.rendering.nano.practice import practise

logger = logging.getLogger(__name__)

BATCH = 16
DROPPED = 0.85  # captions left out: then the reference alone tells the colours
WHOLE = 0.4  # rows without a kept product
NOTHING = 0.12  # references left out: what guidance steers away from
CROPS = ((0.0, 1.0), (0.0, 0.42), (0.58, 1.0))  # of a picture's width, as references: whole, and beside the product
BROAD = 4  # cells across and down over which what is off is averaged first: a palette is broad, the rest is noise
# The style block moves a colour little: by 0.004 of a latent for a value of 1, so values have to become large.
FASTER = {"to_v_ip": 30.0}


def reference_features(
    encoder: CLIPVisionModelWithProjection, processor: CLIPImageProcessor, pictures: Sequence[NDArray[np.uint8]]
) -> torch.Tensor:
    """(n, tokens, hidden) of whole pictures, as the renderer takes them."""
    with torch.inference_mode():
        pixels = processor([Image.fromarray(picture) for picture in pictures], return_tensors="pt").pixel_values
        features: torch.Tensor = encoder(pixels, output_hidden_states=True).hidden_states[-2]
    return features.clone()


def no_reference(encoder: CLIPVisionModelWithProjection) -> torch.Tensor:
    """(tokens, hidden) of an all-zero input: what stands for "no picture"."""
    side = encoder.config.image_size
    with torch.inference_mode():
        nothing: torch.Tensor = encoder(torch.zeros(1, 3, side, side), output_hidden_states=True).hidden_states[-2]
    return nothing[0].clone()


class References:
    """Features of every training picture, mirrored and cropped, encoded once."""

    def __init__(self, lesson: Lesson, encoder: CLIPVisionModelWithProjection, processor: CLIPImageProcessor) -> None:
        self.nothing = no_reference(encoder)
        self.features = {}
        for data in lesson.buckets:
            pictures = np.asarray(data.bucket.pixels)
            crops = [reference_features(encoder, processor, _cropped(pictures, *crop)) for crop in CROPS]
            self.features[data.bucket.name] = torch.stack(crops, 1).half()
            logger.info("references: %s, %d pictures", data.bucket.name, len(pictures))

    def pick(self, batch: Batch, rng: np.random.Generator) -> torch.Tensor:
        """(n, 1, tokens, hidden): a view of each row's own picture, at times nothing."""
        views = torch.from_numpy(rng.integers(len(CROPS), size=len(batch.rows)))
        own = self.features[batch.data.bucket.name][torch.from_numpy(batch.rows), views].float()
        left_out = torch.from_numpy(rng.random(len(own)) < NOTHING)[:, None, None]
        return torch.where(left_out, self.nothing, own)[:, None]


def _cropped(pictures: NDArray[np.uint8], left: float, right: float) -> list[NDArray[np.uint8]]:
    """The strip between two shares of the width, mirrored, so that no place is copied."""
    width = pictures.shape[2]
    strips = pictures[:, :, int(left * width) : int(right * width)]
    return [np.ascontiguousarray(cv2.flip(np.asarray(strip), 1)) for strip in strips]


def learn_adapter(
    unet: UNet2DConditionModel, weights: Weights, lesson: Lesson, references: References, *, path: Path, rate: float,
    seconds: float,
) -> None:  # fmt: skip
    """Train the adapter, the UNet as it is, until the budget is spent; leaves averaged weights in the UNet."""
    unet.requires_grad_(False).eval()
    adapter = put_in(unet, weights)
    adapter.requires_grad_(True)

    def loss() -> torch.Tensor:
        batch = lesson.batch(BATCH, dropped=DROPPED, whole=WHOLE, early=True)
        conditions = {**batch.conditions, "image_embeds": [references.pick(batch, lesson.rng)]}
        with torch.autocast("cpu", torch.bfloat16):
            found = unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=conditions).sample
        off = (found.float() - batch.target) * batch.generate
        return nn.functional.adaptive_avg_pool2d(off, BROAD).pow(2).mean() + 0.1 * batch.loss(found.float())

    practise("adapter", Trainer(adapter, path, rate=rate, seconds=seconds, decay=0.985, faster=FASTER), lesson, loss)
