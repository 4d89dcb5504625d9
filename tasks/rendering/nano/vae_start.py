"""A VAE that works before it has learnt anything.

The weights are set by hand: the encoder averages colours over 8 x 8 pixels and notes how much brighter their upper half
is than their lower, and stays so; the decoder interpolates the colours back, and then learns the rest (edges, texture).
Two identities make it exact:

- silu(z) - silu(-z) = z, so a colour carried as the pair (c, -c) passes the non-linearity unchanged;
- a group norm over channels that hold (c, -c) and large constants (K, -K) has mean 0 and a nearly constant
  deviation, so it only scales.
"""

import torch
from diffusers import AutoencoderKL
from torch import nn

# mypy: disable-error-code="union-attr,index"
# torch types a convolution's bias as optional; every one here has it.
K = 4.0  # the constants' size; colours lie in -1..1
PAIRS = 6  # r, g, b, -r, -g, -b
# Latents: brightness and two colour differences, each of about unit deviation on the drawn pictures.
TO_LATENT = torch.tensor([[0.62, 0.62, 0.62], [2.4, 0.0, -2.4], [-1.9, 3.8, -1.9]])
SLOPE = 9.0  # of the fourth latent: mean of the upper four rows less mean of the lower four, brightness -1..1
MIDDLE = (0.48, 0.20, -0.17, 0.0)  # mean of the latents on the drawn pictures, taken off


def plain_latents(images: torch.Tensor) -> torch.Tensor:
    """What the encoder gives for images (n, 3, h, w) in -1..1, computed directly: (n, 4, h / 8, w / 8)."""
    colours = nn.functional.avg_pool2d(images, 8)
    halves = nn.functional.avg_pool2d(images.mean(1, keepdim=True), (4, 8))
    slope = (halves[:, :, 0::2] - halves[:, :, 1::2]) * SLOPE
    mixed = torch.einsum("lc,nchw->nlhw", TO_LATENT, colours)
    return torch.cat([mixed, slope], 1) - torch.tensor(MIDDLE)[None, :, None, None]


def set_by_hand(vae: AutoencoderKL) -> None:
    """Set the weights of a VAE with one norm group and at least 16 channels at every level."""
    width = vae.config.block_out_channels[0]
    if vae.config.norm_num_groups != 1 or width < 16:
        raise ValueError(f"needs 1 norm group and 16 channels, found {vae.config.norm_num_groups} and {width}")
    with torch.no_grad():
        for name, module in vae.named_modules():
            if name.endswith("conv2") and isinstance(module, nn.Conv2d):
                module.weight.zero_()
                module.bias.zero_()
            elif name.endswith("conv_shortcut"):
                _pass_on(module, centre=0)
            elif name.endswith("downsamplers.0.conv"):
                _average(module)
            elif name.endswith("upsamplers.0.conv"):
                _interpolate(module)
            elif isinstance(module, nn.GroupNorm):
                module.weight[:PAIRS], module.weight[PAIRS:16] = 3.0, 0.3
        _set_ends(vae)


def _pass_on(conv: nn.Conv2d, *, centre: int) -> None:
    """The first channels go through unchanged; further ones keep a little of their random start."""
    conv.weight.mul_(0.3)
    same = min(conv.in_channels, conv.out_channels)
    conv.weight[:same] = 0
    conv.bias.zero_()
    for channel in range(same):
        conv.weight[channel, channel, centre, centre] = 1


def _average(conv: nn.Conv2d) -> None:
    """Mean of 2 x 2 pixels; the padding, which lies right and below, is never read."""
    conv.weight.zero_()
    conv.bias.zero_()
    for channel in range(conv.out_channels):
        conv.weight[channel, channel, :2, :2] = 0.25


def _interpolate(conv: nn.Conv2d) -> None:
    """Tent filter after the doubling of pixels."""
    tent = torch.tensor([1.0, 2.0, 1.0]) / 4
    conv.weight.zero_()
    conv.bias.zero_()
    for channel in range(conv.out_channels):
        conv.weight[channel, channel] = tent[:, None] * tent[None, :]


def _constants(conv: nn.Conv2d) -> None:
    """Channels 6 to 15 hold K and -K, by their bias."""
    conv.weight[PAIRS:16] = 0
    conv.bias[PAIRS:16] = torch.tensor([K] * 5 + [-K] * 5)


def _set_ends(vae: AutoencoderKL) -> None:
    first, last = vae.encoder.conv_in, vae.encoder.conv_out
    first.weight[:PAIRS] = 0
    first.bias[:PAIRS] = 0
    for channel in range(3):
        first.weight[channel, channel, 1, 1], first.weight[channel + 3, channel, 1, 1] = 1, -1
    _constants(first)
    _set_slope(vae)
    last.weight.zero_()
    last.bias[:4], last.bias[4:] = -torch.tensor(MIDDLE), -12
    shrunk = _deviation(vae.encoder.conv_norm_out)
    for row in range(3):
        for channel in range(3):
            last.weight[row, channel, 1, 1] = TO_LATENT[row, channel] * shrunk
            last.weight[row, channel + 3, 1, 1] = -TO_LATENT[row, channel] * shrunk
    last.weight[3, 16, 1, 1], last.weight[3, 17, 1, 1] = SLOPE * shrunk, -SLOPE * shrunk
    for quant in (vae.quant_conv, vae.post_quant_conv):
        quant.weight.copy_(torch.eye(quant.out_channels)[:, :, None, None])
        quant.bias.zero_()
    _set_decoder_ends(vae)


def _set_slope(vae: AutoencoderKL) -> None:
    """Channels 16 and 17 of the coarsest level: half the step from upper to lower row, and its negative."""
    conv = vae.encoder.down_blocks[-2].downsamplers[0].conv
    shortcut = vae.encoder.down_blocks[-1].resnets[0].conv_shortcut
    for channel, sign in ((16, 1.0), (17, -1.0)):
        conv.weight[channel] = 0
        conv.weight[channel, :3, 0, :2], conv.weight[channel, :3, 1, :2] = sign / 6, -sign / 6
        shortcut.weight[channel] = 0
        shortcut.weight[channel, channel] = 1


def _set_decoder_ends(vae: AutoencoderKL) -> None:
    first, last = vae.decoder.conv_in, vae.decoder.conv_out
    back = torch.linalg.inv(TO_LATENT)
    first.weight.mul_(0.3)
    first.weight[:PAIRS] = 0
    first.bias[:PAIRS] = 0
    first.weight[:3, :3, 1, 1], first.weight[3:6, :3, 1, 1] = back, -back
    offset = back @ torch.tensor(MIDDLE[:3])
    first.bias[:3], first.bias[3:6] = offset, -offset
    _constants(first)
    shrunk = _deviation(vae.decoder.conv_norm_out)
    last.weight.zero_()
    last.bias.zero_()
    for channel in range(3):
        last.weight[channel, channel, 1, 1], last.weight[channel, channel + 3, 1, 1] = shrunk, -shrunk


def _deviation(norm: nn.GroupNorm) -> float:
    """What undoes the last norm, whose scale is set to 1 here: the deviation of its input over channels and space."""
    norm.weight.fill_(1.0)
    return float(torch.tensor((10 * K**2 + 2.0) / norm.num_channels).sqrt())
