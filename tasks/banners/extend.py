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
MEDIAN_TAPS = 25
# The drawn-out part turns softer over this distance (in heights), by these blurs (shares of the height), ...
FAR, SOFTNESS = 0.6, (0.01, 0.025, 0.05, 0.08)
# ... drifts up and down by as much as this share of the height, and the mirrored part is softened by this one.
DRIFT, SOFTEST = 0.07, 0.03
# An edge of so many levels within this share of the height is the edge of a thing and stays one.
HARD, EDGE = 36.0, 0.012
# Share of the height that a pixel of the drawn-out part may be high while it is worked out.
FINE_SHARE = 0.008
# A blur of more px than this is worked out on a smaller picture.
FINE_SIGMA = 3.0
# The grain repeats after so many px, which nobody sees; its strength is measured on as many.
GRAIN_TILE = 256
# Columns of the strip that are enough for its colours.
COLUMNS = 48
# How long the waves of the drift are, in heights.
WAVE = 1.2
# Standard deviations of grain in levels: enough against banding, never more than a noisy photograph has.
LEAST_GRAIN, MOST_GRAIN = 0.6, 6.0
# Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826


def continue_background(patch: Pixels, framing: Framing, *, seed: int) -> Pixels:
    """A canvas with `patch` at `framing.dest`, its background carried on to every edge. Equal seeds, equal pixels.

    Next to the seam the background is mirrored; farther out it turns into the patch's own colours drawn out
    sideways (or upwards), ever softer, which continues walls, tables and light, with the patch's grain.
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
    if not fill.top and not fill.bottom:
        return np.ascontiguousarray(wide)
    turned = _continue_sideways(
        np.asarray(cv2.transpose(wide), np.uint8),
        before=fill.top,
        after=fill.bottom,
        reach=(product.top - dest.top, dest.bottom - product.bottom),
        random=random,
    )
    return np.asarray(cv2.transpose(turned), np.uint8)


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
    height = patch.shape[0]
    depth = int(min(max(reach * REACH, 1), count, patch.shape[1]))
    strip = patch[:, :depth].astype(np.float32)
    drawn_out = _drawn_out(patch[:, : max(depth, min(round(reach * CLEAR), patch.shape[1]))].astype(np.float32))
    columns = _far(drawn_out, count, random=random)
    mirrored = np.zeros(count, np.float32)
    mirrored[:depth] = 1 - _smoothstep(((np.arange(depth) + 0.5) / depth).astype(np.float32))
    columns[:, :depth] += (_softened(strip, SOFTEST * height) - columns[:, :depth]) * mirrored[:depth, None]
    # Averaging removed the grain in the drawn-out part: give it back, in luminance, where the mirror fades.
    tile = random.standard_normal((GRAIN_TILE, GRAIN_TILE), np.float32) * np.float32(_grain(strip))
    grain = np.tile(tile, (-(-height // GRAIN_TILE), -(-count // GRAIN_TILE)))[:height, :count]
    columns += (grain * np.sqrt(1 - mirrored**2))[..., None]
    drawn = cv2.convertScaleAbs(np.maximum(columns, 0, out=columns)).reshape(columns.shape)
    return np.asarray(drawn, dtype=np.uint8)


def _softened(strip: Floats, sigma: float) -> Floats:
    """The strip as it is at the seam, and ever softer away from it: a mirror image that nobody recognises as one."""
    soft = _blurred_small(strip, max(sigma, 0.5))
    share = _smoothstep(np.linspace(0, 1, strip.shape[1], dtype=np.float32))[:, None]
    return np.asarray(strip + (soft - strip) * share, np.float32)


def _blurred_small(strip: Floats, sigma: float) -> Floats:
    """A Gaussian blur; a wide one is worked out on a picture as much smaller as it leaves no detail to lose."""
    height, width = strip.shape[:2]
    by = max(1, int(sigma / FINE_SIGMA))
    size = max(1, width // by), max(1, height // by)
    small = strip if by == 1 else cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma / by, borderType=cv2.BORDER_REPLICATE)
    if by > 1:
        soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.float32).reshape(strip.shape)


def _far(column: Floats, count: int, *, random: np.random.Generator) -> Floats:
    """`count` columns drawn out of one, without streaks: softer and softer upwards and downwards, and gently uneven.

    A hard edge, such as that of a table, is carried on straight and sharp; everything else drifts.
    """
    height = len(column)
    by = max(1, int(FINE_SHARE * height))  # it is soft: worked out on a picture as much smaller as nobody sees
    small = (max(2, -(-height // by)), max(2, -(-count // by)))
    hard = _hardness(column)  # near a hard edge the column itself goes on
    drawn = _drifting(column, small, rest=1 - hard, random=random)
    drifted = cv2.resize(drawn, (count, height), interpolation=cv2.INTER_LINEAR)
    rows = np.flatnonzero(hard[:, 0] > 1 / 255)
    drifted[rows] += (column[rows] - drifted[rows]) * hard[rows, None]
    return np.asarray(drifted, np.float32)


def _drifting(column: Floats, shape: tuple[int, int], *, rest: Floats, random: np.random.Generator) -> Floats:
    """The column drawn out to a picture of that shape, whose pixels are square: ever softer, drifting by `rest`."""
    height, count = shape
    steps = [column, *(_blurred(column, share * len(column)) for share in SOFTNESS)]
    levels = cv2.resize(np.concatenate(steps, axis=1), (len(steps), height), interpolation=cv2.INTER_AREA)
    rest = cv2.resize(rest, (1, height), interpolation=cv2.INTER_AREA).reshape(height, 1)
    away = np.arange(count, dtype=np.float32) / height
    place = np.minimum(away / FAR, 1) * (len(steps) - 1)
    drift = _drift(shape, random) * (_smoothstep(np.minimum(away / FAR, 1)) * DRIFT * height) * rest
    rows = np.arange(height, dtype=np.float32)[:, None] + drift
    across = np.ascontiguousarray(np.broadcast_to(place.astype(np.float32), shape))  # between one softness and the next
    return np.asarray(cv2.remap(levels, across, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def _blurred(column: Floats, sigma: float) -> Floats:
    soft = cv2.GaussianBlur(column, (1, 0), sigmaX=0.1, sigmaY=max(sigma, 0.5), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft.reshape(column.shape), np.float32)


def _hardness(column: Floats) -> Floats:
    """0 on soft ground, 1 at an edge that rises by HARD levels within EDGE of the height; (height, 1)."""
    reach = max(1, round(EDGE * len(column)))
    light = np.pad(column[:, 0].mean(axis=1), reach, mode="edge")
    rise = np.abs(light[2 * reach :] - light[: -2 * reach]) / HARD
    around = 2 * reach + round(DRIFT * len(column))  # nothing drifts across it
    near = cv2.dilate(np.minimum(rise, 1).astype(np.float32)[:, None] ** 2, np.ones((2 * around + 1, 1), np.uint8))
    return np.asarray(cv2.GaussianBlur(near, (1, 0), sigmaX=0.1, sigmaY=around / 3).reshape(-1, 1), np.float32)


def _drift(shape: tuple[int, int], random: np.random.Generator) -> Floats:
    """Smooth noise, about -1..1, with waves about WAVE times as long as the picture is high."""
    height, width = shape
    cells = (3, 2 + round(width / height / WAVE))
    return np.asarray(
        cv2.resize(random.normal(0, 0.6, cells).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC),
        np.float32,
    )


def _drawn_out(strip: Floats) -> Floats:
    """One column that stands for the strip's rows: edges of walls and tables, but no veins and spots.

    A running median of the colours near the seam, and on top of it whatever all parts of the strip agree on: the
    grain of wood goes on, a blurred light does not.
    """
    near = strip[:, : max(1, round(NEAR * strip.shape[1]))]
    plain = _running_median(np.median(near[:, :: max(1, near.shape[1] // COLUMNS)], axis=1))
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
    taps = np.ascontiguousarray(column.T)[:, np.clip(rows + offsets, 0, len(column) - 1)]
    taps.partition(MEDIAN_TAPS // 2, axis=-1)
    return np.asarray(taps[..., MEDIAN_TAPS // 2].T, np.float32)


def _grain(strip: Floats) -> float:
    """Standard deviation of the strip's fine noise, in levels."""
    luminance = strip[:GRAIN_TILE, :GRAIN_TILE].mean(axis=2)
    if min(luminance.shape) < 3:
        return LEAST_GRAIN
    rough = luminance - cv2.GaussianBlur(luminance, (0, 0), 1.0)
    return float(np.clip(MAD_TO_SIGMA * np.median(np.abs(rough - np.median(rough))), LEAST_GRAIN, MOST_GRAIN))


def _smoothstep(share: Floats) -> Floats:
    return np.asarray(share * share * (3 - 2 * share), np.float32)
