"""A resampler that tells a picture's mean colour without having learnt anything: eight tokens that differ by a code.

Left random, it passes on little more than how bright a picture is. As in `vision_start`, whose features it reads,
numbers go as pairs (c, -c) and large constants keep the layer norms to a mere scale.
"""

import math

import torch

K, CONSTANTS = 8.0, 20  # the constants' size and how many channels hold them: the last ones, half of each sign
CODE = 4.0  # in the channel of its own that tells a query from the others
COLOURS, CODES = 0, 20  # channels: colours and their negatives, codes and theirs
TOLD = 8  # channel of a token where the queries' codes begin, one each; their negatives follow


def set_by_hand(weights: dict[str, torch.Tensor]) -> None:
    """Set the published `image_proj` group in place: eight queries, one head, 64 channels, four layers."""
    queries, hidden = weights["latents"].shape[1:]
    if (queries, hidden) != (8, 64):
        raise ValueError(f"needs 8 queries of 64 channels, found {queries} of {hidden}")
    for name, value in weights.items():
        if name.endswith((".0.to_out.weight", ".1.3.weight")):
            value.zero_()  # later layers add nothing yet
    _read(weights)
    _look(weights, queries)
    _tell(weights, queries)


def _read(weights: dict[str, torch.Tensor]) -> None:
    weights["proj_in.weight"].zero_()
    _constants(weights["proj_in.bias"])
    for n in range(3):
        weights["proj_in.weight"][COLOURS + n, n] = 1
        weights["proj_in.weight"][COLOURS + 3 + n, n] = -1


def _look(weights: dict[str, torch.Tensor], queries: int) -> None:
    """Layer 0: every query averages the colours of all patches."""
    latents, layer = weights["latents"][0], "layers.0.0"
    latents.zero_()
    _constants(latents)
    for norm in ("norm1", "norm2"):
        weights[f"{layer}.{norm}.weight"].fill_(K * math.sqrt(CONSTANTS / latents.shape[1]))
    to_q, to_kv, to_out = (weights[f"{layer}.{name}.weight"] for name in ("to_q", "to_kv", "to_out"))
    to_q.zero_()
    to_kv.zero_()
    inner = len(to_q)
    for query in range(queries):
        latents[query, CODES + query], latents[query, CODES + queries + query] = CODE, -CODE
    for n in range(3):
        to_kv[inner + n, COLOURS + n] = 1
        to_out[COLOURS + n, n], to_out[COLOURS + 3 + n, n] = 1, -1


def _tell(weights: dict[str, torch.Tensor], queries: int) -> None:
    """Tokens: colour, its negative, which query it is."""
    out, norm = weights["proj_out.weight"], weights["norm_out.weight"]
    out.zero_()
    _constants(weights["proj_out.bias"])
    for n in range(6):
        out[n, COLOURS + n] = 1
    for n in range(2 * queries):
        out[TOLD + n, CODES + n] = 1 / CODE
    norm.fill_(K * math.sqrt(CONSTANTS / len(norm)))
    norm[-CONSTANTS:] = 0.1


def _constants(values: torch.Tensor) -> None:
    """K and -K in the last channels."""
    values.zero_()
    values[..., -CONSTANTS : -CONSTANTS // 2] = K
    values[..., -CONSTANTS // 2 :] = -K
