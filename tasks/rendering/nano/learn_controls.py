"""Teach the ControlNets to move the UNet, and the UNet to be moved: a ground line from depth, outlines from edges.

The UNet goes on learning beside them, in part from pictures without control. A net this small that had finished without
ever being moved draws lines of its own over what a control says, and no control learnt in as many steps overrules it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.nano.checkpoint import Trainer
from tasks.rendering.nano.control_eyes import open_eyes
from tasks.rendering.nano.control_images import canny_image, depth_image, scene_edges
from tasks.rendering.nano.learn_unet import wired_loss
from tasks.rendering.nano.lesson import Batch, Lesson
from tasks.rendering.nano.own_colour import OwnColour
from tasks.rendering.nano.paint import Field
from tasks.rendering.nano.practice import practise
from tasks.rendering.nano.style_wire import Push
from tasks.rendering.toyparts import LATENT_CHANNELS, ToyWidths, make_controlnet, make_unet

ROWS = {"canny": 3, "depth": 2}  # of a batch, for each worker
UNCONTROLLED = 5
STRIPES = 4.0  # weight of what is off in whole rows of the picture: the ground line, where depth has its say
OUTLINES = 1.0  # weight of what is off along the edges against the cells around them, where canny has its say
AROUND = 5  # latent cells across
DROPPED = 0.25  # captions left out; with colours told, what is left to learn is where things are
WHOLE = 0.5  # rows without a kept product: else the background never has an edge to follow
PRODUCT_ALONE = 0.4  # of the rows with a product: its own edges, as the renderer draws them; else the whole scene's
# What starts at zero has the longest way to go; what is copied from the UNet is nearly right.
FASTER = {
    "own.readers": 10.0,
    "controlnet_down_blocks": 3.0,
    "controlnet_mid_block": 3.0,
    "controlnet_cond_embedding": 0.5,
}


def control_of(unet: UNet2DConditionModel, widths: ToyWidths) -> KolorsControlNet:
    """A ControlNet that begins as a copy of the inpainting UNet's encoder; it sees the four noisy channels alone."""
    plain = make_unet(widths)
    weights = unet.state_dict()
    weights["conv_in.weight"] = weights["conv_in.weight"][:, :LATENT_CHANNELS].contiguous()
    plain.load_state_dict(weights)
    return make_controlnet(plain, widths, noise_seed=None)


def learn_controls(
    unet: UNet2DConditionModel,
    nets: Mapping[str, KolorsControlNet],
    lesson: Lesson,
    *,
    wire: torch.Tensor,
    path: Path,
    rate: float,
    seconds: float,
) -> None:
    """Train the nets under names "control_<kind>" and the UNet under "unet"; leaves averaged weights.

    `wire` is what `lay_wire` returned for this UNet.
    """
    own, push = OwnColour(unet), Push(unet, wire)
    parts: dict[str, nn.Module] = {"unet": unet, "own": own, **{f"control_{kind}": net for kind, net in nets.items()}}
    whole = nn.ModuleDict(parts).train()
    for kind, net in nets.items():
        # convolutions over whole pictures: three times as fast backwards on a CPU
        net.controlnet_cond_embedding.to(memory_format=torch.channels_last)
        open_eyes(net, _examples(kind, lesson), slopes=kind == "depth")

    def loss(one: Lesson) -> torch.Tensor:
        return wired_loss(unet, one, size=UNCONTROLLED, own=own, push=push) + control_loss(unet, nets, one)

    practise("controls", Trainer(whole, path, rate=rate, seconds=seconds, decay=0.998, faster=FASTER), lesson, loss)


def control_loss(unet: UNet2DConditionModel, nets: Mapping[str, KolorsControlNet], lesson: Lesson) -> torch.Tensor:
    """One batch, its rows shared out among the nets."""
    batch = lesson.batch(sum(ROWS[kind] for kind in nets), dropped=DROPPED, whole=WHOLE, early=True)
    shares, first = {}, 0
    for kind in nets:
        shares[kind] = slice(first, first + ROWS[kind])
        first += ROWS[kind]
    with torch.autocast("cpu", torch.bfloat16):
        images = {kind: _images(kind, batch, shares[kind], lesson.rng) for kind in nets}
        steered = [_residuals(net, images[kind], batch, shares[kind]) for kind, net in nets.items()]
        found = unet(
            batch.inputs,
            batch.steps,
            batch.hidden,
            added_cond_kwargs=batch.conditions,
            down_block_additional_residuals=[torch.cat(level) for level in zip(*(s[0] for s in steered), strict=True)],
            mid_block_additional_residual=torch.cat([s[1] for s in steered]),
        ).sample
    loss, off = batch.loss(found.float()), (found.float() - batch.target) * batch.generate
    if "depth" in shares:
        rows = off[shares["depth"]].mean(3)
        loss = loss + STRIPES * (rows - rows.mean(2, keepdim=True)).pow(2).mean()
    if "canny" in shares:
        loss = loss + OUTLINES * outlines_off(off[shares["canny"]], images["canny"])
    return loss


def outlines_off(off: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """Mean square, at the cells with edges, of how much more is off there than around them."""
    share = nn.functional.adaptive_max_pool2d(edges[:, :1], off.shape[2:])
    usual = nn.functional.avg_pool2d(off, AROUND, stride=1, padding=AROUND // 2, count_include_pad=False)
    return ((off - usual).pow(2) * share).sum() / (share.sum() * off.shape[1]).clamp_min(1)


def _examples(kind: str, lesson: Lesson) -> torch.Tensor:
    batch = lesson.batch(16, dropped=1.0, whole=WHOLE)
    images = np.stack([control_image(kind, batch, row, lesson.rng) for row in range(16)])
    return torch.from_numpy(images)[:, None].repeat(1, 3, 1, 1)


def _images(kind: str, batch: Batch, own: slice, rng: np.random.Generator) -> torch.Tensor:
    """(n, 3, height, width) in 0..1 for the rows of one net."""
    images = np.stack([control_image(kind, batch, row, rng) for row in range(own.start, own.stop)])
    return torch.from_numpy(images)[:, None].repeat(1, 3, 1, 1).contiguous(memory_format=torch.channels_last)


def _residuals(
    net: KolorsControlNet, images: torch.Tensor, batch: Batch, own: slice
) -> tuple[list[torch.Tensor], torch.Tensor]:
    down, middle = net(
        batch.noisy[own],
        batch.steps[own],
        batch.hidden[own],
        controlnet_cond=images,
        added_cond_kwargs={name: value[own] for name, value in batch.conditions.items()},
        return_dict=False,
    )
    return down, middle


def control_image(kind: str, batch: Batch, row: int, rng: np.random.Generator) -> Field:
    """(height, width) 0..1 for one row of a batch."""
    bucket, index = batch.data.bucket, int(batch.rows[row])
    pixels, alpha = np.asarray(bucket.pixels[index]), np.asarray(bucket.alpha[index])
    if kind == "depth":
        return depth_image(pixels, alpha, edge=bucket.notes[index]["edge"])
    if batch.kept[row] and alpha.any() and rng.random() < PRODUCT_ALONE:
        return canny_image(pixels, alpha)
    return scene_edges(pixels, finer=rng.uniform(1.5, 4.0))
