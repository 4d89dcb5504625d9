"""Teach the inpainting UNet, and the two ControlNets beside it, to draw the set around a kept product."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from torch import nn

from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.control_images import canny_image, depth_image
from tasks.rendering.nano.latents import LatentBucket
from tasks.rendering.nano.learn_text import embed
from tasks.rendering.nano.vocabulary import negative_caption
from tasks.rendering.toyparts import LATENT_CHANNELS, ToyWidths, kolors_scheduler, make_controlnet, make_unet

logger = logging.getLogger(__name__)

BATCH = 16
DROPPED = 0.12  # share of captions replaced by a negative prompt or nothing: what guidance steers away from
KEPT_WEIGHT = 0.25  # of the loss where the product is kept anyway
CONTROLLED = {"none": 0.62, "depth": 0.24, "canny": 0.14}  # share of the batches


class UnetLesson:
    """One kind of training step: velocity prediction on Kolors' noise schedule over random pictures.

    Velocity, because at Kolors' starting noise (sigma 29) an error in predicted noise is 29 times as large in the
    picture, and a net this small never gets the overall colour right that way.
    """

    def __init__(
        self,
        buckets: Sequence[LatentBucket],
        tokenizer: ChatGLMTokenizer,
        encoder: ChatGLMModel,
        *,
        seed: int,
    ) -> None:
        self.buckets, self.tokenizer, self.encoder = buckets, tokenizer, encoder
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.kept_share = kolors_scheduler().alphas_cumprod
        counts = np.array([len(bucket.latents) for bucket in buckets], float)
        self.weights = counts / counts.sum()

    def loss(self, unet: UNet2DConditionModel, nets: Mapping[str, KolorsControlNet]) -> torch.Tensor:
        """The loss of one random batch, some of them with a control image."""
        data = self.buckets[int(self.rng.choice(len(self.buckets), p=self.weights))]
        rows = self.rng.integers(len(data.latents), size=BATCH)
        clean, masked = data.latents[rows].float(), data.masked[rows].float()
        generate = self._mask(data.kept[rows].float())
        noise = torch.randn(clean.shape, generator=self.generator)
        steps = torch.randint(0, len(self.kept_share), (BATCH,), generator=self.generator)
        share = self.kept_share[steps][:, None, None, None]
        noisy, target = (
            share.sqrt() * clean + (1 - share).sqrt() * noise,
            share.sqrt() * noise - (1 - share).sqrt() * clean,
        )
        with torch.inference_mode():
            hidden, pooled = embed(self.tokenizer, self.encoder, self._texts(data, rows))
        conditions = {"text_embeds": pooled.clone(), "time_ids": self._time_ids(data)}
        hidden = hidden.clone()
        with torch.autocast("cpu", torch.bfloat16):
            residuals = self._residuals(
                nets, data, rows, noisy=noisy, steps=steps, hidden=hidden, conditions=conditions
            )
            found = unet(
                torch.cat([noisy, generate, masked], 1), steps, hidden, added_cond_kwargs=conditions, **residuals
            ).sample.float()
        weight = KEPT_WEIGHT + (1 - KEPT_WEIGHT) * generate
        loss: torch.Tensor = ((found - target) ** 2 * weight).sum() / weight.expand_as(target).sum()
        return loss

    def _mask(self, kept: torch.Tensor) -> torch.Tensor:
        """1 where the model draws; cells at the product's rim fall to either side at random."""
        limit = torch.from_numpy(self.rng.choice([0.02, 0.5, 0.95], size=len(kept))).float()[:, None, None, None]
        return (kept < limit).float()

    def _texts(self, data: LatentBucket, rows: np.ndarray) -> list[str]:
        texts = []
        for row in rows:
            captions = data.bucket.notes[int(row)]["captions"]
            dropped = self.rng.random() < DROPPED
            texts.append(negative_caption(self.rng) if dropped else captions[int(self.rng.integers(len(captions)))])
        return texts

    def _time_ids(self, data: LatentBucket) -> torch.Tensor:
        """The frame's own size, at times as if it were the thumbnail of a bigger master."""
        width, height = data.bucket.size
        scale = self.rng.choice([1, 1, 2, 3, 4])
        return torch.tensor([[height, width, 0, 0, height, width]]).float().mul(float(scale)).repeat(BATCH, 1)

    def _residuals(
        self, nets: Mapping[str, KolorsControlNet], data: LatentBucket, rows: np.ndarray, *, noisy: torch.Tensor,
        steps: torch.Tensor, hidden: torch.Tensor, conditions: dict[str, torch.Tensor],
    ) -> dict[str, object]:  # fmt: skip
        kind = str(self.rng.choice(list(CONTROLLED), p=list(CONTROLLED.values())))
        if kind not in nets:
            return {}
        images = torch.from_numpy(np.stack([self._control(kind, data, int(row)) for row in rows]))[:, None].repeat(
            1, 3, 1, 1
        )
        down, middle = nets[kind](
            noisy, steps, hidden, controlnet_cond=images, added_cond_kwargs=conditions, return_dict=False
        )
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    def _control(self, kind: str, data: LatentBucket, row: int) -> np.ndarray:
        bucket = data.bucket
        if kind == "canny":
            return canny_image(bucket.pixels[row], bucket.alpha[row])
        note = bucket.notes[row]
        return depth_image(self.rng, bucket.alpha[row], edge=note["edge"], base=note["base"])


def calm_start(unet: UNet2DConditionModel) -> None:
    """Begin with residual branches that add nothing: the net learns faster than from noise."""
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if any(part in name for part in ("conv2.", "to_out.0.", "ff.net.2.", ".proj_out.")):
                parameter.zero_()


def control_of(unet: UNet2DConditionModel, widths: ToyWidths) -> KolorsControlNet:
    """A ControlNet that begins as a copy of the inpainting UNet's encoder; it sees the four noisy channels alone."""
    plain = make_unet(widths)
    weights = unet.state_dict()
    weights["conv_in.weight"] = weights["conv_in.weight"][:, :LATENT_CHANNELS].contiguous()
    plain.load_state_dict(weights)
    return make_controlnet(plain, widths, noise_seed=None)


def learn_unet(
    unet: UNet2DConditionModel,
    nets: Mapping[str, KolorsControlNet],
    lesson: UnetLesson,
    *,
    path: Path,
    rate: float,
    seconds: float,
) -> None:
    """Train UNet and ControlNets together until the budget is spent; leaves averaged weights."""
    whole = nn.ModuleDict({"unet": unet, **{f"control_{kind}": net for kind, net in nets.items()}}).train()
    trainer = Trainer(whole, path, rate=rate, seconds=seconds, decay=0.995)
    lesson.rng, lesson.generator = np.random.default_rng(trainer.step), torch.Generator().manual_seed(trainer.step)
    running = 0.0
    while not trainer.done:
        loss = lesson.loss(unet, nets)
        trainer.learn(loss)
        running = 0.98 * running + 0.02 * float(loss.detach()) if running else float(loss.detach())
        if trainer.step % 50 == 0:
            logger.info("unet: step %d, loss %.4f, %.0f %% of the budget", trainer.step, running, 100 * trainer.share)
        if trainer.step % 100 == 0:
            trainer.save()
    trainer.save()
    trainer.load_average()
    whole.eval()
