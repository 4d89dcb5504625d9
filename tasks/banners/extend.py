"""Continuing a background beyond the picture's edge so that no seam shows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.geometry import Framing
from tasks.banners.pixels import Pixels

Floats = NDArray[np.float32]

# Mirrored background keeps this share of its way to the product: nearer, its shadow would be mirrored, too.
REACH = 0.45
# Colours are taken from this share of the way.
CLEAR = 0.8
# The colours themselves are those of this nearest part of it; lines go on where this many parts of it agree.
NEAR, PARTS = 0.4, 4
# Marks thinner than half of this share of the patch are veins, lights and leaves: nobody expects them to go on.
WINDOW = 0.45
# A strip as deep as this share of the patch can tell a line from a spot.
ENOUGH = 0.15
# Samples in a window, spread evenly: the median of these costs the same at every size.
MEDIAN_TAPS = 41
# Standard deviations of grain in levels: enough against banding, never more than a noisy photograph has.
LEAST_GRAIN, MOST_GRAIN = 0.6, 6.0
# Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826


def continue_background(patch: Pixels, framing: Framing, *, seed: int) -> Pixels:
    """A canvas with `patch` at `framing.dest`, its background carried on to every edge. Equal seeds, equal pixels.

    Next to the seam the background is mirrored; farther out it turns into the patch's own colours drawn out
    sideways (or upwards), which continues walls, tables and light, with the patch's grain.
    """
    random = np.random.default_rng(seed)
    fill, dest, product = framing.fill, framing.dest, framing.product
    wide = _continue_sideways(
        patch,
        before=fill.left,
        after=fill.right,
        reach=(product.left - dest.left, dest.right - product.right),
        random=random,
    )
    turned = _continue_sideways(
        wide.transpose(1, 0, 2),
        before=fill.top,
        after=fill.bottom,
        reach=(product.top - dest.top, dest.bottom - product.bottom),
        random=random,
    )
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


def plain_canvas(patch: Pixels, framing: Framing, *, colour: tuple[int, int, int]) -> Pixels:
    """A canvas of one colour with `patch` at `framing.dest`."""
    canvas = np.full((framing.canvas.height, framing.canvas.width, 3), colour, np.uint8)
    dest = framing.dest
    canvas[dest.top : dest.bottom, dest.left : dest.right] = patch
    return canvas


def _continue_sideways(
    patch: Pixels, *, before: int, after: int, reach: tuple[int, int], random: np.random.Generator
) -> Pixels:
    parts = [patch]
    if before:
        parts.insert(0, _beyond(patch, before, reach=reach[0], random=random)[:, ::-1])
    if after:
        parts.append(_beyond(patch[:, ::-1], after, reach=reach[1], random=random))
    return np.concatenate(parts, axis=1) if len(parts) > 1 else patch


def _beyond(patch: Pixels, count: int, *, reach: int, random: np.random.Generator) -> Pixels:
    """`count` columns beyond the patch's left edge, the one next to the seam first."""
    depth = int(min(max(reach * REACH, 1), count, patch.shape[1]))
    strip = patch[:, :depth].astype(np.float32)
    drawn_out = _drawn_out(patch[:, : max(depth, min(round(reach * CLEAR), patch.shape[1]))].astype(np.float32))
    columns: Floats = np.repeat(drawn_out, count, axis=1)
    mirrored = np.zeros(count, np.float32)
    mirrored[:depth] = 1 - _smoothstep(((np.arange(depth) + 0.5) / depth).astype(np.float32))
    columns[:, :depth] += (strip - drawn_out) * mirrored[:depth, None]
    # Averaging removed the grain in the drawn-out part: give it back, in luminance, where the mirror fades.
    grain = random.normal(0, _grain(strip), (patch.shape[0], count, 1)).astype(np.float32)
    columns += grain * np.sqrt(1 - mirrored[:, None] ** 2)
    return np.clip(np.rint(columns), 0, 255).astype(np.uint8)


def _drawn_out(strip: Floats) -> Floats:
    """One column that stands for the strip's rows: edges of walls and tables, but no veins and spots.

    A running median of the colours near the seam, and on top of it whatever all parts of the strip agree on: the
    grain of wood goes on, a blurred light does not.
    """
    near = strip[:, : max(1, round(NEAR * strip.shape[1]))]
    plain = _running_median(np.median(near, axis=1))
    parts = [part.mean(axis=1) for part in np.array_split(strip, min(PARTS, strip.shape[1]), axis=1)]
    details = np.stack([part - _running_median(part) for part in parts])
    agreed = np.abs(details).min(axis=0) * np.sign(details[0])
    agreed[np.abs(np.sign(details).sum(axis=0)) < len(parts)] = 0
    # A strip that is shorter than its marks are wide cannot tell a line from a spot, and drops both.
    trust = min(1.0, strip.shape[1] / (ENOUGH * len(strip)))
    column = (plain + agreed * trust)[:, None]
    smooth = cv2.GaussianBlur(column, (1, 0), sigmaX=0.1, sigmaY=1.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth.reshape(column.shape), np.float32)


def _running_median(column: Floats) -> Floats:
    """The median over a window that slides along the column: keeps steps, drops what is thinner than half of it."""
    rows = np.arange(len(column))[:, None]
    offsets = np.rint(np.linspace(-0.5, 0.5, MEDIAN_TAPS) * WINDOW * len(column)).astype(np.int64)
    return np.asarray(np.median(column[np.clip(rows + offsets, 0, len(column) - 1)], axis=1), np.float32)


def _grain(strip: Floats) -> float:
    """Standard deviation of the strip's fine noise, in levels."""
    luminance = strip.mean(axis=2)
    if min(luminance.shape) < 3:
        return LEAST_GRAIN
    rough = luminance - cv2.GaussianBlur(luminance, (0, 0), 1.0)
    return float(np.clip(MAD_TO_SIGMA * np.median(np.abs(rough - np.median(rough))), LEAST_GRAIN, MOST_GRAIN))


def _smoothstep(share: Floats) -> Floats:
    return np.asarray(share * share * (3 - 2 * share), np.float32)
