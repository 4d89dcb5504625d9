"""What the style block does with a reference: it pushes the picture's mean colour towards the reference's.

The push is the difference of the two, so it ends where they meet; a push that knew the reference alone would add its
colour to whatever a scene has. Nothing is learnt by descent. The reference's colour comes through the values, the same
in all tokens. The picture's own comes through attention: in the hidden state the net's idea of the picture's mean
colour lies nearly linear, so for each colour latent one token's key is along it and another's against it, and their
values are the wire's number and its negative. With keys this short, softmax is linear too.

Guidance multiplies what a caption changes, and captions colour the hidden state: the own colour is therefore read from
the guided sum of both branches, which is also what becomes the picture.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from tasks.rendering.nano.adapter import STYLE
from tasks.rendering.nano.learn_text import embed
from tasks.rendering.nano.lesson import COLOURS, Batch, Lesson
from tasks.rendering.nano.palettes import draw_palettes
from tasks.rendering.nano.references import no_reference, reference_features
from tasks.rendering.nano.resampler_start import CONSTANTS, TOLD
from tasks.rendering.nano.style_wire import LOUD
from tasks.rendering.nano.vae_start import plain_latents
from tasks.rendering.nano.vocabulary import negative_caption
from tasks.rendering.nano.widths import GUIDANCE

PULL = 0.4  # share of what is off that one step of sampling takes away where the picture is still all noise, at scale 1
SHARPNESS = 0.3  # of the keys: how far one unit of colour moves a token's share
TOKENS = 8
BATCH = 8
TONED, DROPPED, WHOLE = 0.65, 0.1, 0.5  # of the pictures that are read: in tones of which captions know nothing, ...
RIDGE = 1e-4


@dataclass(frozen=True)
class Told:
    """What tokens say of a reference: its colour latents are `matrix` @ channels + `offset`; how loud the rest is."""

    matrix: torch.Tensor  # (3, 3)
    offset: torch.Tensor  # (3,)
    code: float  # in the channel that tells a token from the others
    constant: float


@dataclass(frozen=True)
class Own:
    """How queries tell the picture's colour latents: in each head, `readers` give what is beyond `usual`.

    What is made out dimly is told too small, and a reference has to be as small beside it: `gain` @ what is there.
    """

    readers: torch.Tensor  # (channels, 3)
    usual: torch.Tensor  # (3,)
    gain: torch.Tensor  # (3, 3)


def aim(start: torch.Tensor, told: Told, own: Own, *, width: int, heads: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`to_k_ip` and `to_v_ip` of the style block, each (channels, width); `start` is what `lay_wire` returns.

    The velocity of a picture in noise is its negative. Guidance g counts a reference g times and "no picture", whose
    channels are 0, 1 - g times: so one g-th of the reference's colour is told, and its offset wholly.
    """
    keys, values = torch.zeros(len(start), width), torch.zeros(len(start), width)
    seen = start @ own.gain
    values[:, :COLOURS] = seen @ told.matrix * (-PULL / GUIDANCE / 2)
    values[:, COLOURS : 2 * COLOURS] = -values[:, :COLOURS]
    always = seen @ (own.usual - told.offset) * (PULL / CONSTANTS / told.constant)
    half = CONSTANTS // 2
    values[:, -CONSTANTS:-half], values[:, -half:] = always[:, None], -always[:, None]
    strength = PULL * TOKENS / 2 / SHARPNESS  # two tokens of eight, each by its key's share of an eighth
    for number in range(2 * COLOURS):
        colour, sign = number // 2, 1 - 2 * (number % 2)
        _mark(values, number, sign * strength * start[:, colour] / told.code)
        _mark(keys, number, sign * SHARPNESS * math.sqrt(len(start) // heads) * own.readers[:, colour] / told.code)
    return keys, values


def _mark(weight: torch.Tensor, token: int, column: torch.Tensor) -> None:
    """What one token alone gives."""
    weight[:, TOLD + token], weight[:, TOLD + TOKENS + token] = column / 2, -column / 2


def start_of(values: torch.Tensor) -> torch.Tensor:
    """The wire's start (channels, 3) from the `to_v_ip` that feeds it, for an adapter that is to be aimed anew."""
    marks = values[:, TOLD : TOLD + 2 * COLOURS : 2]
    return torch.as_tensor(marks / marks.norm(dim=0) * LOUD)


def told_by(resampler: nn.Module, encoder: CLIPVisionModelWithProjection, processor: CLIPImageProcessor) -> Told:
    """Found from plain pictures of colours all over the cube."""
    shades = torch.tensor([32.0, 96.0, 160.0, 224.0])
    colours = torch.cartesian_prod(shades, shades, shades)
    side = encoder.config.image_size
    pictures = colours[:, None, None].expand(-1, side, side, 3).to(torch.uint8)
    with torch.inference_mode():
        tokens = resampler(reference_features(encoder, processor, list(pictures.numpy())))
        nothing = resampler(no_reference(encoder)[None])
    if nothing[0, :, : 2 * COLOURS].abs().max() > 1e-3:
        raise ValueError("tokens of no picture tell a colour")
    latents = plain_latents(pictures.permute(0, 3, 1, 2) / 127.5 - 1)[:, :COLOURS].mean((2, 3))
    seen = torch.cat([tokens[:, 0, :COLOURS], torch.ones(len(tokens), 1)], 1)
    found = torch.linalg.lstsq(seen, latents).solution
    codes = tokens[0, :, TOLD : TOLD + TOKENS].diagonal()
    return Told(found[:COLOURS].T, found[COLOURS], float(codes.mean()), float(tokens[0, 0, -CONSTANTS]))


def read_own(unet: UNet2DConditionModel, lesson: Lesson, *, batches: int) -> Own:
    """Least squares, for each head by itself, from guided queries to the guided picture's mean colour latents."""
    attention: Any = unet.get_submodule(STYLE.removesuffix(".processor"))
    width, heads = attention.to_q.out_features, attention.heads
    # sums over all places of [queries, colours, 1] by itself, each place as much as is drawn there
    sums = torch.zeros(width + COLOURS + 1, width + COLOURS + 1)
    for queries, latents, drawn in guided(unet, attention, lesson, batches):
        colours = latents[:, None].expand(-1, queries.shape[1], -1)
        seen = torch.cat([queries, colours, torch.ones_like(queries[..., :1])], 2).flatten(0, 1)
        sums += (seen * drawn.flatten()[:, None]).T @ seen
    usual = sums[-1, width:-1] / sums[-1, -1]
    products = sums[:width, width:-1] - sums[:width, -1:] * usual
    spread = sums[width:-1, width:-1] - sums[-1, -1] * usual[:, None] * usual
    readers, size = torch.zeros(width, COLOURS), width // heads
    ridge = RIDGE * sums.diagonal()[:width].mean() * torch.eye(size)
    for first in range(0, width, size):
        own = slice(first, first + size)
        readers[own] = torch.linalg.solve(sums[own, own] + ridge, products[own])
    return Own(readers, usual, readers.T @ products @ torch.linalg.inv(spread) / heads)


def guided(
    unet: UNet2DConditionModel, attention: Any, lesson: Lesson, batches: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """For each batch guided queries (n, places, channels), mean colour latents (n, 3), share drawn (n, places)."""
    seen: list[torch.Tensor] = []
    hook = attention.to_q.register_forward_hook(lambda _m, _i, out: seen.append(out))
    for _ in range(batches):
        palettes = draw_palettes(lesson.rng, BATCH, share=TONED)
        batch = lesson.batch(BATCH, dropped=DROPPED, whole=WHOLE, palettes=palettes)
        with torch.inference_mode():
            hidden, pooled = embed(lesson.tokenizer, lesson.encoder, [negative_caption(lesson.rng) for _ in batch.rows])
            given = _velocity(unet, batch, batch.hidden, batch.conditions)
            without = _velocity(unet, batch, hidden, {**batch.conditions, "text_embeds": pooled})
            latents = batch.mean_colour(_guide(given, without))
            drawn = nn.functional.avg_pool2d(batch.generate, 4)
        yield _guide(seen[0], seen[1]), latents, drawn.flatten(1)
        seen.clear()
    hook.remove()


def _guide(given: torch.Tensor, without: torch.Tensor) -> torch.Tensor:
    return without + GUIDANCE * (given - without)


def _velocity(
    unet: UNet2DConditionModel, batch: Batch, hidden: torch.Tensor, conditions: dict[str, torch.Tensor]
) -> torch.Tensor:
    found: torch.Tensor = unet(batch.inputs, batch.steps, hidden, added_cond_kwargs=conditions).sample
    return found
