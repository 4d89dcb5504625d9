"""Teach the inpainting UNet to draw the set around a kept product."""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.lesson import Lesson
from tasks.rendering.nano.own_colour import OwnColour
from tasks.rendering.nano.practice import practise

BATCH = 8  # for each worker
DROPPED = 0.12  # share of captions replaced by a negative prompt or nothing: what guidance steers away from


def calm_start(unet: UNet2DConditionModel) -> None:
    """Begin with residual branches that add nothing: the net learns faster than from noise."""
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if any(part in name for part in ("conv2.", "to_out.0.", "ff.net.2.", ".proj_out.")):
                parameter.zero_()


def learn_unet(unet: UNet2DConditionModel, lesson: Lesson, *, path: Path, rate: float, seconds: float) -> None:
    """Train the UNet until the budget is spent; leaves averaged weights."""
    whole = nn.ModuleDict({"unet": unet}).train()
    trainer = Trainer(whole, path, rate=rate, seconds=seconds, decay=0.995)
    practise("unet", trainer, lesson, lambda one: unet_loss(unet, one, size=BATCH))


def unet_loss(unet: UNet2DConditionModel, lesson: Lesson, *, size: int, own: OwnColour | None = None) -> torch.Tensor:
    """One batch; with `own`, also of what the UNet tells of its picture's colour."""
    batch = lesson.batch(size, dropped=DROPPED)
    with torch.autocast("cpu", torch.bfloat16):
        found = unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=batch.conditions).sample
    loss = batch.loss(found.float())
    return loss if own is None else loss + own.loss(batch, found.float())
