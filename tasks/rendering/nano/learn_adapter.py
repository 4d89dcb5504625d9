"""Teach the IP-Adapter to take a palette from a picture, and the UNet to listen to it, beyond what is set by hand.

The UNet's decoder learns together with the adapter: in three steps of four pictures are toned at random, and only the
reference tells how; the fourth is the UNet's own lesson, with no reference. Its encoder stays as it is, and with it
what ControlNets make of it.
"""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tasks.rendering.nano.adapter import Weights, put_in
from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.learn_unet import unet_loss
from tasks.rendering.nano.lesson import Lesson
from tasks.rendering.nano.palettes import draw_palettes
from tasks.rendering.nano.practice import practise
from tasks.rendering.nano.references import References

BATCH = 8
DROPPED = 0.5  # captions left out: then the reference alone tells the colours; else it has to overrule them
TONED = 0.65  # pictures in tones of which their captions know nothing
WHOLE = 0.4  # rows without a kept product
NOTHING = 0.12  # references left out: what guidance steers away from
START = 0.8  # least noise, as a share of the schedule: with less, the noisy picture itself shows its colours
GUIDANCE = 3.0  # with which the set draws: it multiplies what a reference adds, so that much is taught at once
BROAD = 4  # cells across and down over which what is off is averaged: a palette is broad
# What starts at zero, and the way from the style block back into the picture, have the longest way to go.
FASTER = {"to_v_ip": 30.0, "to_k_ip": 2.0, "image_proj": 0.5, "up_blocks.0.attentions.1.": 4.0}
LEARNING = ("adapter.", "unet.up_blocks.", "unet.conv_norm_out.", "unet.conv_out.")


def learn_adapter(
    unet: UNet2DConditionModel, weights: Weights, lesson: Lesson, references: References, *, path: Path, rate: float,
    seconds: float,
) -> None:  # fmt: skip
    """Train both, under names "adapter" and "unet", until the budget is spent; leaves averaged weights."""
    unet.requires_grad_(False).eval()
    adapter = put_in(unet, weights)
    whole = nn.ModuleDict({"adapter": adapter, "unet": unet})
    for name, parameter in whole.named_parameters():
        parameter.requires_grad_(name.startswith(LEARNING) and not ("_ip." in name and name.startswith("unet.")))
    turns = iter(range(10**9))

    def loss() -> torch.Tensor:
        if next(turns) % 4 == 3:
            return unet_loss(unet, lesson, size=BATCH, features=references.nothing)
        return style_loss(unet, lesson, references)

    practise("adapter", Trainer(whole, path, rate=rate, seconds=seconds, decay=0.99, faster=FASTER), lesson, loss)


def style_loss(unet: UNet2DConditionModel, lesson: Lesson, references: References) -> torch.Tensor:
    """One batch whose tones its references tell, and nothing else."""
    left_out = lesson.rng.random(BATCH) < NOTHING
    palettes = draw_palettes(lesson.rng, BATCH, share=TONED)
    palettes.strength[torch.from_numpy(left_out)] = 0
    batch = lesson.batch(BATCH, dropped=DROPPED, whole=WHOLE, start=START, palettes=palettes)
    features = references.pick(batch, lesson.rng, palettes=palettes, left_out=left_out)
    with torch.autocast("cpu", torch.bfloat16):
        found = unet(
            batch.inputs,
            batch.steps,
            batch.hidden,
            added_cond_kwargs={**batch.conditions, "image_embeds": [features]},
            cross_attention_kwargs={"ip_adapter_masks": [GUIDANCE * batch.generate]},
        ).sample
    off = (found.float() - batch.target) * batch.generate
    return nn.functional.adaptive_avg_pool2d(off, BROAD).pow(2).mean() + 0.2 * batch.loss(found.float())
