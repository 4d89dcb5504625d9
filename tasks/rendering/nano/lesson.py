"""Batches to learn from: pictures noised as the schedule has it, with what the UNet is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from numpy.typing import NDArray

from tasks.rendering.nano.latents import LatentBucket
from tasks.rendering.nano.learn_text import embed
from tasks.rendering.nano.palettes import Palettes
from tasks.rendering.nano.vae_start import plain_latents
from tasks.rendering.nano.vocabulary import negative_caption
from tasks.rendering.toyparts import kolors_scheduler

COLOURS = 3  # latents that hold a colour; the fourth holds a slope
KEPT_WEIGHT = 0.25  # of the loss where the product is kept anyway


@dataclass(frozen=True)
class Batch:
    """Rows of one bucket, noised; `target` is the velocity. Latents are (n, 4, h, w), `generate` is (n, 1, h, w)."""

    data: LatentBucket
    rows: NDArray[np.int64]
    noisy: torch.Tensor
    target: torch.Tensor
    generate: torch.Tensor  # 1 where the model draws
    masked: torch.Tensor
    steps: torch.Tensor
    share: torch.Tensor  # (n,) how much of the noisy latents is picture, squared
    hidden: torch.Tensor
    conditions: dict[str, torch.Tensor]
    kept: NDArray[np.bool_]  # rows whose product is given; in the others all is drawn

    @property
    def inputs(self) -> torch.Tensor:
        """The nine channels of the inpainting UNet."""
        return torch.cat([self.noisy, self.generate, self.masked], 1)

    def loss(self, found: torch.Tensor) -> torch.Tensor:
        """Mean square of what is off in the velocity, less where the product is kept."""
        weight = KEPT_WEIGHT + (1 - KEPT_WEIGHT) * self.generate
        loss: torch.Tensor = ((found - self.target) ** 2 * weight).sum() / weight.expand_as(self.target).sum()
        return loss

    def mean_colour(self, velocity: torch.Tensor) -> torch.Tensor:
        """(n, 3) mean colour latents, over what is drawn, of the picture that a velocity (n, 4, h, w) stands for."""
        share = self.share[:, None, None, None]
        picture = (share.sqrt() * self.noisy - (1 - share).sqrt() * velocity)[:, :COLOURS] * self.generate
        return torch.as_tensor(picture.sum((2, 3)) / self.generate.sum((2, 3)).clamp_min(1))


class Lesson:
    """Random batches: velocity prediction on Kolors' noise schedule over random pictures.

    Velocity, because at Kolors' starting noise (sigma 29) an error in predicted noise is 29 times as large in the
    picture, and a net this small never gets the overall colour right that way.
    """

    def __init__(
        self, buckets: Sequence[LatentBucket], tokenizer: ChatGLMTokenizer, encoder: ChatGLMModel, *, seed: int = 0
    ) -> None:
        self.buckets, self.tokenizer, self.encoder = buckets, tokenizer, encoder
        self.kept_share = kolors_scheduler().alphas_cumprod
        counts = np.array([len(bucket.latents) for bucket in buckets], float)
        self.weights = counts / counts.sum()
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """Start the stream of batches that belongs to `seed`."""
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)

    def twin(self, seed: int) -> "Lesson":
        """The same pictures and captions in another order."""
        return Lesson(self.buckets, self.tokenizer, self.encoder, seed=seed)

    def batch(
        self, size: int, *, dropped: float, whole: float = 0.0, early: bool = False, palettes: Palettes | None = None
    ) -> Batch:
        """A random batch: `dropped` captions say nothing, `whole` rows keep no product, `early` favours high noise.

        What the model draws takes on the `palettes`' tones, whatever its caption says.
        """
        data = self.buckets[int(self.rng.choice(len(self.buckets), p=self.weights))]
        rows = self.rng.integers(len(data.latents), size=size)
        kept = self.rng.random(size) >= whole
        clean, masked, generate = self._frames(data, rows, kept)
        if palettes is not None:
            clean = torch.where(generate > 0, palettes.tone_latents(clean), clean)
        noise = torch.randn(clean.shape, generator=self.generator)
        steps = self._steps(size, early=early)
        share = self.kept_share[steps][:, None, None, None]
        with torch.inference_mode():
            hidden, pooled = embed(self.tokenizer, self.encoder, self._texts(data, rows, dropped))
        return Batch(
            data=data,
            rows=rows,
            noisy=share.sqrt() * clean + (1 - share).sqrt() * noise,
            target=share.sqrt() * noise - (1 - share).sqrt() * clean,
            generate=generate,
            masked=masked,
            steps=steps,
            share=self.kept_share[steps],
            hidden=hidden.clone(),
            conditions={"text_embeds": pooled.clone(), "time_ids": self._time_ids(data, size)},
            kept=kept,
        )

    def _frames(
        self, data: LatentBucket, rows: NDArray[np.int64], kept: NDArray[np.bool_]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Clean latents, those of what is kept, and where the model draws."""
        given = torch.from_numpy(kept)[:, None, None, None]
        grey = plain_latents(torch.zeros(1, 3, 8, 8))
        # cells at the product's rim fall to either side at random
        limit = torch.from_numpy(self.rng.choice([0.02, 0.5, 0.95], size=len(rows))).float()[:, None, None, None]
        generate = ((data.kept[rows].float() < limit) | ~given).float()
        return data.latents[rows].float(), torch.where(given, data.masked[rows].float(), grey), generate

    def _steps(self, size: int, *, early: bool) -> torch.Tensor:
        share = torch.rand(size, generator=self.generator)
        return ((share**0.35 if early else share) * len(self.kept_share)).long()

    def _texts(self, data: LatentBucket, rows: NDArray[np.int64], share: float) -> list[str]:
        texts = []
        for row in rows:
            captions = data.bucket.notes[int(row)]["captions"]
            dropped = self.rng.random() < share
            texts.append(negative_caption(self.rng) if dropped else captions[int(self.rng.integers(len(captions)))])
        return texts

    def _time_ids(self, data: LatentBucket, size: int) -> torch.Tensor:
        """The frame's own size, at times as if it were the thumbnail of a bigger master."""
        width, height = data.bucket.size
        scale = self.rng.choice([1, 1, 2, 3, 4])
        return torch.tensor([[height, width, 0, 0, height, width]]).float().mul(float(scale)).repeat(size, 1)
