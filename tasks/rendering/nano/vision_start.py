"""An image encoder that tells colours without having learnt anything.

The weights are set by hand and stay so: each patch becomes its mean colour, its brightness slopes and its place, and
the first layer passes them on, so that the next-to-last hidden states, which an IP-Adapter reads, hold a palette.
As in `vae_start`, numbers go as pairs (c, -c) and large constants keep the layer norm to a mere scale.
"""

import math
from typing import Any

import torch
from transformers import CLIPVisionModelWithProjection

K, CONSTANTS = 8.0, 20  # the constants' size and how many channels hold them
SEEN = 5  # red, green, blue, slope down, slope across
PLACES = 4  # sine and cosine of the row and of the column
SLOPE = 2.0


def set_by_hand(encoder: CLIPVisionModelWithProjection) -> None:
    """Set the embedding and the first layer of an encoder with two layers and at least 38 channels."""
    config = encoder.config
    vision: Any = encoder.vision_model
    needed = 2 * (SEEN + PLACES) + CONSTANTS
    if config.num_hidden_layers != 2 or config.hidden_size < needed:
        found = f"{config.num_hidden_layers} and {config.hidden_size}"
        raise ValueError(f"needs 2 layers and {needed} channels, found {found}")
    with torch.no_grad():
        _set_embedding(vision.embeddings, patch=config.patch_size, side=config.image_size // config.patch_size)
        vision.pre_layrnorm.bias.zero_()
        # undoes the norm, whose input has nearly this deviation
        vision.pre_layrnorm.weight.fill_(K * math.sqrt(CONSTANTS / config.hidden_size))
        vision.pre_layrnorm.weight[needed - CONSTANTS : needed] = 0.1
        first = vision.encoder.layers[0]
        for layer in (first.self_attn.out_proj, first.mlp.fc2):
            layer.weight.zero_()
            layer.bias.zero_()


def _set_embedding(embeddings: Any, *, patch: int, side: int) -> None:
    kernel = torch.zeros(SEEN, 3, patch, patch)
    for channel in range(3):
        kernel[channel, channel] = 1 / patch**2
    half = patch // 2
    kernel[3, :, :half], kernel[3, :, half:] = SLOPE / (3 * patch * half), -SLOPE / (3 * patch * half)
    kernel[4] = kernel[3].transpose(1, 2)
    weight, position = embeddings.patch_embedding.weight, embeddings.position_embedding.weight
    weight.zero_()
    weight[:SEEN], weight[SEEN : 2 * SEEN] = kernel, -kernel
    position.zero_()
    embeddings.class_embedding.zero_()
    turn = (torch.arange(side) + 0.5) / side * math.pi
    rows, columns = (turn.repeat_interleave(side), turn.repeat(side))
    places = torch.stack([rows.sin(), rows.cos(), columns.sin(), columns.cos()], 1)
    start = 2 * SEEN
    position[1:, start : start + PLACES], position[1:, start + PLACES : start + 2 * PLACES] = places, -places
    constants = start + 2 * PLACES
    position[:, constants : constants + CONSTANTS // 2] = K
    position[:, constants + CONSTANTS // 2 : constants + CONSTANTS] = -K
