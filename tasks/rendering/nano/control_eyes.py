"""A ControlNet's picture embedding that passes its picture on before it has learnt anything.

Left random, its seven convolutions give nearly the same for every picture, and what is left of the differences drowns
in what the padding does at the frame. As in `vae_start`, silu(z) - silu(-z) = z carries numbers as pairs (z, -z).
"""

from typing import Any

import torch
from torch import nn

from tasks.rendering.controlnet import KolorsControlNet

# mypy: disable-error-code="union-attr,index"
# torch types a convolution's bias as optional; every one here has it.

SHARE = 0.7  # of the noisy latents' strength: how loud the picture starts
PHASES = 16  # sub-positions of a latent cell, 4 x 4 at half size, each as a pair


def open_eyes(net: KolorsControlNet, images: torch.Tensor, *, slopes: bool = False) -> None:
    """Set the embedding by hand: the picture at half size, its 4 x 4 pixels of each latent cell as channels.

    The net's output convolutions stay at zero, so it still changes nothing. `images` (n, 3, h, w) in 0..1 are typical
    ones: their mean goes, and their spread sets the strength. `slopes` gives a quarter of the channels the slope from
    row to row, which tells ground from wall in a depth picture. Needs channels of at least 2, 2, 8 and 32.
    """
    embedding = net.controlnet_cond_embedding
    with torch.no_grad():
        _set_first(embedding.conv_in, middle=float(images.mean()), spread=float(images.std()))
        halve, split, again = (embedding.blocks[n] for n in (1, 3, 5))
        for block, pairs in ((embedding.blocks[0], 1), (embedding.blocks[2], 1), (embedding.blocks[4], 4)):
            _pass_on(block, pairs)
        _pass_on(halve, 1, taps=[(row, column, 0.25) for row in (1, 2) for column in (1, 2)])
        _split(split, 1)
        _split(again, 4)
        _project(embedding.conv_out)
        strength = SHARE * net.conv_in(torch.randn(8, net.conv_in.in_channels, 32, 32)).std() / embedding(images).std()
        embedding.conv_out.weight.mul_(strength)
        if slopes:
            _set_slopes(embedding, images)


def _set_slopes(embedding: Any, images: torch.Tensor) -> None:
    conv, own = embedding.conv_out, slice(1, None, 4)
    usual = embedding(images).std()
    conv.weight[own] = 0
    for row, sign in ((0, -1.0), (2, 1.0)):
        conv.weight[own, 0 : 2 * PHASES : 2, row, 1], conv.weight[own, 1 : 2 * PHASES : 2, row, 1] = sign, -sign
    inner = embedding(images)[:, own, 1:-1, 1:-1]  # at the frame the padding makes slopes of its own
    conv.weight[own] *= usual / inner.std()


def _set_first(conv: nn.Conv2d, *, middle: float, spread: float) -> None:
    conv.weight[:2], conv.bias[:2] = 0, 0
    for channel, sign in ((0, 1.0), (1, -1.0)):
        conv.weight[channel, :, 1, 1] = sign / (conv.in_channels * spread)
        conv.bias[channel] = -sign * middle / spread


def _pass_on(conv: nn.Conv2d, pairs: int, *, taps: list[tuple[int, int, float]] | None = None) -> None:
    """The first pairs go through, summed over the taps (row, column, weight) of the kernel."""
    for pair in range(pairs):
        _carry(conv, pair, pair, taps or [(1, 1, 1.0)])


def _split(conv: nn.Conv2d, pairs: int) -> None:
    """Half the size: of every 2 x 2 pixels each becomes a pair of its own."""
    places = [(row, column) for row in (1, 2) for column in (1, 2)]
    for pair in range(pairs):
        for number, (row, column) in enumerate(places):
            _carry(conv, pair, 4 * pair + number, [(row, column, 1.0)])


def _carry(conv: nn.Conv2d, source: int, target: int, taps: list[tuple[int, int, float]]) -> None:
    for channel, sign in ((2 * target, 1.0), (2 * target + 1, -1.0)):
        conv.weight[channel], conv.bias[channel] = 0, 0
        for row, column, weight in taps:
            conv.weight[channel, 2 * source, row, column] = sign * weight
            conv.weight[channel, 2 * source + 1, row, column] = -sign * weight


def _project(conv: nn.Conv2d) -> None:
    """Each output a random mixture of the phases; the last of a few is their mean."""
    mixture = torch.randn(conv.out_channels, PHASES)
    mixture[::4] = mixture[::4].mean(1, keepdim=True) * PHASES**0.5
    conv.weight.zero_()
    conv.bias.zero_()
    conv.weight[:, 0 : 2 * PHASES : 2, 1, 1], conv.weight[:, 1 : 2 * PHASES : 2, 1, 1] = mixture, -mixture
