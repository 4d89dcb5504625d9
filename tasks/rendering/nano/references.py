"""Reference pictures for training: the sets of the training pictures, without what stands on them."""

import logging
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from tasks.rendering.nano.lesson import Batch, Lesson
from tasks.rendering.nano.palettes import Palettes

logger = logging.getLogger(__name__)

CROPS = ((0.0, 1.0), (0.0, 0.42), (0.58, 1.0))  # of a picture's width: whole, and beside the product


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
    """Small views of every training picture, mirrored, its product filled in; encoded in the tones asked for."""

    def __init__(self, lesson: Lesson, encoder: CLIPVisionModelWithProjection, processor: CLIPImageProcessor) -> None:
        self.encoder, self.nothing = encoder, no_reference(encoder)
        self.middle, self.spread = (
            torch.tensor(values)[None, :, None, None] for values in (processor.image_mean, processor.image_std)
        )
        self.views: dict[str, NDArray[np.uint8]] = {}
        for data in lesson.buckets:
            pairs = zip(data.bucket.pixels, data.bucket.alpha, strict=True)
            self.views[data.bucket.name] = np.stack([_views(*pair, side=encoder.config.image_size) for pair in pairs])
            logger.info("references: %s, %d pictures", data.bucket.name, len(data.bucket.notes))

    def pick(
        self, batch: Batch, rng: np.random.Generator, *, palettes: Palettes, left_out: NDArray[np.bool_]
    ) -> torch.Tensor:
        """(n, 1, tokens, hidden): a view of each row's own picture in its tones, nothing for those left out."""
        chosen = self.views[batch.data.bucket.name][batch.rows, rng.integers(len(CROPS), size=len(batch.rows))]
        colours = torch.from_numpy(chosen).permute(0, 3, 1, 2).float() / 255
        toned = palettes.tone(colours, colours.mean((1, 2, 3))).clamp(0, 1)
        with torch.inference_mode():
            own = self.encoder((toned - self.middle) / self.spread, output_hidden_states=True).hidden_states[-2]
        return torch.where(torch.from_numpy(left_out)[:, None, None], self.nothing, own.clone())[:, None]


def _views(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], *, side: int) -> NDArray[np.uint8]:
    """(crops, side, side, 3) of the picture mirrored, so that no place is copied; the product in the set's colour."""
    share = 1 - alpha[..., None].astype(np.float32) / 255
    usual = (pixels * share).sum((0, 1)) / max(float(share.sum()), 1)
    alone = np.ascontiguousarray((pixels * share + usual * (1 - share))[:, ::-1])
    width = alone.shape[1]
    strips = [alone[:, int(left * width) : int(right * width)] for left, right in CROPS]
    return np.stack(
        [cv2.resize(strip, (side, side), interpolation=cv2.INTER_AREA).round().astype(np.uint8) for strip in strips]
    )
