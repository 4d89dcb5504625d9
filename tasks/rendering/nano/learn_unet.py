"""Teach the inpainting UNet to draw the set around a kept product."""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.lesson import COLOURS, Lesson
from tasks.rendering.nano.own_colour import OwnColour
from tasks.rendering.nano.practice import practise
from tasks.rendering.nano.style_wire import Push

BATCH = 8  # for each worker
PUSHED, PUSHED_SHARE = 0.35, 0.5  # colour latents; of the pictures
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


def unet_loss(unet: UNet2DConditionModel, lesson: Lesson, *, size: int) -> torch.Tensor:
    """One batch."""
    batch = lesson.batch(size, dropped=DROPPED)
    with torch.autocast("cpu", torch.bfloat16):
        found = unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=batch.conditions).sample
    return batch.loss(found.float())


def wired_loss(unet: UNet2DConditionModel, lesson: Lesson, *, size: int, own: OwnColour, push: Push) -> torch.Tensor:
    """One batch, some of it pushed along the wire to other colours; and what the UNet tells of its picture's colour."""
    batch = lesson.batch(size, dropped=DROPPED)
    numbers = lesson.rng.normal(0, PUSHED, (size, COLOURS)) * (lesson.rng.random((size, 1)) < PUSHED_SHARE)
    pushed = torch.from_numpy(numbers).float()
    with torch.autocast("cpu", torch.bfloat16), push.by(pushed):
        found = unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=batch.conditions).sample.float()
    found = found - nn.functional.pad(pushed, (0, found.shape[1] - COLOURS))[:, :, None, None] * batch.generate
    return batch.loss(found) + own.loss(batch, found)
