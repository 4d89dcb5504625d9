"""A way for a reference's colours through the UNet's decoder: three quiet directions, linear from end to end.

What the style block adds reaches the picture through so many layers that a UNet which never met a reference turns
every push into "lighter" or "darker". Attention output, projections, upsamplers and the resnets' shortcuts are linear,
though, and at each of them some directions are hardly used. Along those a wire of three numbers is laid, the colour
latents of the velocity, from the style block to the last resnet. Without a reference next to nothing flows through it.
A UNet that goes on learning must be pushed along it at times, or it unlearns the wire within a few hundred steps.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tasks.rendering.nano.adapter import STYLE
from tasks.rendering.nano.lesson import COLOURS, Batch

LOUD = 8.0  # how much stronger the wire carries its numbers than they are: strays count less


@dataclass(frozen=True)
class Stop:
    """A linear layer on the way; the wire runs through the first `width` of its inputs."""

    layer: Any  # torch types a module's weight and bias as anything
    width: int


def way_of(unet: UNet2DConditionModel) -> list[Stop]:
    """From the style block's output projection to the shortcut of the last resnet but one."""
    parts: Any = unet
    block, middle, last = parts.up_blocks
    style = unet.get_submodule(STYLE.removesuffix(".attn2.processor"))
    attention = block.attentions[1]
    layers = [
        style.attn2.to_out[0], attention.proj_out, block.upsamplers[0].conv, middle.resnets[0].conv_shortcut,
        middle.resnets[1].conv_shortcut, middle.upsamplers[0].conv, last.resnets[0].conv_shortcut,
    ]  # fmt: skip
    outs = [layer.weight.shape[0] for layer in layers]
    return [Stop(layer, width) for layer, width in zip(layers, [layers[0].weight.shape[1], *outs[:-1]], strict=True)]


def lay_wire(unet: UNet2DConditionModel, batches: Sequence[Batch]) -> torch.Tensor:
    """Change the UNet's weights in place; returns (channels, 3): what the style block must add for each number.

    The columns stand at right angles, each LOUD long.

    `batches` are typical ones, by which the quiet directions and the last resnet's slopes are found.
    """
    stops = way_of(unet)
    seen, slopes = _observe(unet, stops, batches)
    quiet = [_quiet(values[:, : stop.width]) for stop, values in zip(stops, seen, strict=True)]
    ends = [*(directions for directions, _ in quiet[1:]), torch.linalg.pinv(slopes) / LOUD]
    for stop, (start, mean), end in zip(stops, quiet, ends, strict=True):
        _connect(stop, start, end, mean)
    return quiet[0][0] * LOUD


class Push:
    """Adds numbers to what the style block gives, along the wire's start (channels, 3)."""

    def __init__(self, unet: UNet2DConditionModel, start: torch.Tensor) -> None:
        self._start, self._now = start, threading.local()  # workers share the UNet
        way_of(unet)[0].layer.register_forward_pre_hook(self._add)

    @contextmanager
    def by(self, numbers: torch.Tensor) -> Iterator[None]:
        """Every pass of this thread is pushed by `numbers`, (n, 3)."""
        self._now.numbers = numbers
        try:
            yield
        finally:
            self._now.numbers = None

    def _add(self, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        numbers = getattr(self._now, "numbers", None)
        if numbers is None:
            return inputs
        return (inputs[0] + (numbers @ self._start.T)[:, None].to(inputs[0].dtype), *inputs[1:])


def _observe(
    unet: UNet2DConditionModel, stops: Sequence[Stop], batches: Sequence[Batch]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What arrives at each stop, (positions, channels); how the velocity's mean follows the last one's output."""
    seen: list[list[torch.Tensor]] = [[] for _ in stops]
    slopes = torch.zeros(COLOURS, stops[-1].layer.weight.shape[0])
    for batch in batches:
        added = torch.zeros(slopes.shape[1], requires_grad=True)
        hooks = [stop.layer.register_forward_pre_hook(_noting(kept)) for stop, kept in zip(stops, seen, strict=True)]
        hooks.append(stops[-1].layer.register_forward_hook(lambda _m, _i, out, a=added: out + a[:, None, None]))
        velocity = unet(batch.inputs, batch.steps, batch.hidden, added_cond_kwargs=batch.conditions).sample
        for hook in hooks:
            hook.remove()
        means = velocity[:, :COLOURS].mean((0, 2, 3))
        for row in range(COLOURS):
            slopes[row] += torch.autograd.grad(means[row], added, retain_graph=True)[0] / len(batches)
    return [torch.cat(kept) for kept in seen], slopes


def _noting(kept: list[torch.Tensor]) -> Any:
    def note(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        found = inputs[0].detach()
        flat = found if found.ndim == 3 else found.permute(0, 2, 3, 1)
        kept.append(flat.reshape(-1, flat.shape[-1]))

    return note


def _quiet(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(channels, 3): orthonormal directions in which the values vary least; and their mean along them, (3,)."""
    directions = torch.linalg.eigh(torch.cov(values.T)).eigenvectors[:, :COLOURS]
    return directions, values.mean(0) @ directions


def _connect(stop: Stop, start: torch.Tensor, end: torch.Tensor, mean: torch.Tensor) -> None:
    """Whatever the layer's input has along `start` beyond its mean comes out along `end` too."""
    weight, bias = stop.layer.weight, stop.layer.bias
    with torch.no_grad():
        middle = (
            weight[:, : stop.width, 1, 1] if weight.ndim == 4 and weight.shape[-1] == 3 else weight[:, : stop.width]
        )
        flat = middle.reshape(weight.shape[0], stop.width)
        flat += end @ start.T
        middle.copy_(flat.reshape(middle.shape))
        bias -= end @ mean
