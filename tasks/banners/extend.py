"""Continuing a background beyond the picture's edge so that no seam shows."""

import cv2
import numpy as np

from tasks.banners.field import CELL, CLEAR, REACH, Floats, Side, Softness, draw_field
from tasks.banners.geometry import Framing
from tasks.banners.grain import lengthen_grain, spread_grain
from tasks.banners.pixels import Pixels
from tasks.banners.rays import STRAIGHT, Rays, find_rays
from tasks.shapes import Box

# Sideways things stand on: walls, tables, horizons. Above and below they end: nothing is drawn out into a column,
# but the planks and tiles of a ground come nearer, and its grain goes anywhere.
SIDEWAYS = Softness((0.0, 0.02, 0.04, 0.06, 0.08), far=0.5, shift=0.04, lines=0.12)
UPWARDS = Softness((0.0, 0.03, 0.07, 0.12, 0.18), far=0.4, shift=0.5, lines=0.0)
DOWNWARDS = UPWARDS._replace(lines=100.0, shaded=True)
# The mirror image is sharp, and fades, over this share of the height: farther out its twin would be recognised.
SHARP = 0.08


def continue_background(patch: Pixels, framing: Framing, *, seed: int) -> Pixels:
    """A canvas with `patch` at `framing.dest`, its background carried on to every edge. Equal seeds, equal pixels.

    What is next to the seam is mirrored, ever more slowly and ever softer, until only the light and the colours of
    wall and ground are left; hard edges of tables and horizons go on straight, the lines of a ground as they lean,
    and the patch's grain lies over it.
    """
    random = np.random.default_rng(seed)
    fill, dest, product = framing.fill, framing.dest, framing.product
    inside = Box(product.left - dest.left, product.top - dest.top, product.right - dest.left, product.bottom - dest.top)
    wide = _continue(Side(patch, inside, SIDEWAYS), fill.left, Side(patch, inside, SIDEWAYS), fill.right, random)
    if not fill.top and not fill.bottom:
        return np.ascontiguousarray(wide)
    turned = np.asarray(cv2.transpose(wide), np.uint8)
    inside = Box(inside.top, product.left, inside.bottom, product.right)
    tall = _continue(Side(turned, inside, UPWARDS), fill.top, Side(turned, inside, DOWNWARDS), fill.bottom, random)
    return np.asarray(cv2.transpose(tall), np.uint8)


def plain_canvas(patch: Pixels, framing: Framing, *, colour: tuple[int, int, int]) -> Pixels:
    """A canvas of one colour with `patch` at `framing.dest`."""
    canvas = np.full((framing.canvas.height, framing.canvas.width, 3), colour, np.uint8)
    dest = framing.dest
    canvas[dest.top : dest.bottom, dest.left : dest.right] = patch
    return canvas


def _continue(first: Side, before: int, last: Side, after: int, random: np.random.Generator) -> Pixels:
    """The picture with so many columns before and after it."""
    patch, product = first.patch, last.product
    parts = [patch]
    if before:
        parts.insert(0, _beyond(first, before, random)[:, ::-1])
    if after:
        width = patch.shape[1]
        turned = product._replace(left=width - product.right, right=width - product.left)
        flipped = np.ascontiguousarray(patch[:, ::-1])
        parts.append(_beyond(last._replace(patch=flipped, product=turned), after, random))
    return np.concatenate(parts, axis=1) if len(parts) > 1 else patch


def _beyond(side: Side, count: int, random: np.random.Generator) -> Pixels:
    """`count` columns beyond the picture's left edge, the one next to the seam first."""
    clear, lines, cell = side.strip(CLEAR), side.softness.lines, CELL * side.height
    rays = find_rays(clear, level_out=lines) if lines else STRAIGHT
    columns = draw_field(side, count, rays, random)
    depth = min(side.strip(min(REACH, SHARP * side.height / max(side.product.left, 1))).shape[1], count)
    share = (np.arange(depth, dtype=np.float32) + 0.5) / depth
    mirrored = np.zeros(count, np.float32)
    mirrored[:depth] = 1 - share * share * (3 - 2 * share)
    columns[:, :depth] += (_mirrored(side.patch[:, :depth], rays) - columns[:, :depth]) * mirrored[:depth, None]
    # The field is soft: its grain comes in where the mirror image goes.
    if rays.are_lines and side.softness.shaded:
        grain = lengthen_grain(clear, count, rays, cell=cell, random=random)
    else:
        grain = spread_grain(clear, count, cell=cell, shift=side.softness.shift, random=random)
    columns += (grain * np.sqrt(1 - mirrored**2))[..., None]
    drawn = cv2.convertScaleAbs(np.maximum(columns, 0, out=columns)).reshape(columns.shape)
    return np.asarray(drawn, dtype=np.uint8)


def _mirrored(strip: Pixels, rays: Rays) -> Floats:
    """The strip's mirror image, along the rays where there are some."""
    if not rays.are_lines:
        return strip.astype(np.float32)
    away = np.arange(strip.shape[1], dtype=np.float32)
    y = rays.inside(len(strip), away + 0.5, away + 0.5)
    x = np.ascontiguousarray(np.broadcast_to(away, y.shape))
    turned = cv2.remap(np.ascontiguousarray(strip), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned.reshape(strip.shape), np.float32)
