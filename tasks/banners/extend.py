"""Continuing a background beyond the picture's edge so that no seam shows."""

from typing import Literal

import cv2
import numpy as np

from tasks.banners.field import CELL, REACH, Floats, Side, Softness, draw_field, reaches, small_size
from tasks.banners.geometry import Framing
from tasks.banners.grain import lengthen_grain, spread_grain
from tasks.banners.pixels import Pixels
from tasks.banners.rays import STRAIGHT, Rays, find_rays
from tasks.shapes import Box

# Sideways things stand on: walls, tables, horizons. Above and below they end: nothing is drawn out into a column,
# but the planks and tiles of a ground come nearer, and its grain goes anywhere.
SIDEWAYS = Softness((0.0, 0.02, 0.04, 0.06, 0.08), far=0.5, shift=0.04, lines=0.12, edges=True)
UPWARDS = Softness((0.0, 0.03, 0.07, 0.12, 0.18), far=0.4, shift=0.5, lines=0.0)
DOWNWARDS = UPWARDS._replace(lines=100.0, shaded=True)
# The mirror image is sharp, and fades, over this share of the height: farther out its twin would be recognised.
SHARP = 0.08
# Grain is drawn around this grey, so that it fits into bytes.
RAISED = 128


Edge = Literal["left", "top", "right", "bottom"]
SOFTNESS: dict[Edge, Softness] = {"left": SIDEWAYS, "top": UPWARDS, "right": SIDEWAYS, "bottom": DOWNWARDS}


def continue_background(patch: Pixels, framing: Framing, *, seed: int) -> Pixels:
    """A canvas with `patch` at `framing.dest`, its background carried on to every edge. Equal seeds, equal pixels.

    What is next to the seam is mirrored, ever more slowly and ever softer, until only the light and the colours of
    wall and ground are left; hard edges of tables and horizons go on straight, the lines of a ground as they lean,
    and the patch's grain lies over it.
    """
    random = np.random.default_rng(seed)
    size, dest, product = framing.canvas, framing.dest, framing.product
    canvas = np.empty((size.height, size.width, 3), np.uint8)
    canvas[dest.top : dest.bottom, dest.left : dest.right] = patch
    across = canvas[dest.top : dest.bottom]
    if dest.left:
        across[:, : dest.left] = _beyond("left", patch, _from(dest, product), dest.left, random)
    if dest.right < size.width:
        across[:, dest.right :] = _beyond("right", patch, _from(dest, product), size.width - dest.right, random)
    whole = dest._replace(left=0, right=size.width)
    if dest.top:
        canvas[: dest.top] = _beyond("top", across, _from(whole, product), dest.top, random)
    if dest.bottom < size.height:
        canvas[dest.bottom :] = _beyond("bottom", across, _from(whole, product), size.height - dest.bottom, random)
    return canvas


def _from(corner: Box, box: Box) -> Box:
    return Box(box.left - corner.left, box.top - corner.top, box.right - corner.left, box.bottom - corner.top)


def plain_canvas(patch: Pixels, framing: Framing, *, colour: tuple[int, int, int]) -> Pixels:
    """A canvas of one colour with `patch` at `framing.dest`."""
    canvas = np.full((framing.canvas.height, framing.canvas.width, 3), colour, np.uint8)
    dest = framing.dest
    canvas[dest.top : dest.bottom, dest.left : dest.right] = patch
    return canvas


def _beyond(edge: Edge, patch: Pixels, product: Box, count: int, random: np.random.Generator) -> Pixels:
    """`count` columns or rows beyond that edge of the picture, as they go onto the canvas."""
    side = _side(edge, patch, product)
    lines, cell = side.softness.lines, CELL * side.height
    rays = find_rays(side.strip, level_out=lines) if lines else STRAIGHT
    drawn = draw_field(side, count, rays, random)
    depth = max(1, min(round(min(side.product.left * REACH, SHARP * side.height)), count, side.strip.shape[1]))
    share = (np.arange(depth, dtype=np.float32) + 0.5) / depth
    mirrored = np.zeros(count, np.float32)
    mirrored[:depth] = 1 - share * share * (3 - 2 * share)
    soft = drawn[:, :depth]
    soft[:] = np.rint(soft + (_mirrored(side.strip[:, :depth], rays) - soft) * mirrored[:depth, None])
    # The field is soft: its grain comes in where the mirror image goes.
    if rays.are_lines and side.softness.shaded:
        grain = lengthen_grain(side.strip, count, rays, cell=cell, random=random)
    else:
        grain = spread_grain(side.strip, count, cell=cell, shift=side.softness.shift, random=random)
    grain *= np.sqrt(1 - mirrored**2)
    raised = cv2.cvtColor(cv2.convertScaleAbs(grain + RAISED), cv2.COLOR_GRAY2RGB)
    return _onto_canvas(edge, np.asarray(cv2.addWeighted(drawn, 1, raised, 1, -RAISED), np.uint8))


def _side(edge: Edge, patch: Pixels, product: Box) -> Side:
    """The picture from that edge on, turned so that the edge is on the left."""
    (height, width), softness = patch.shape[:2], SOFTNESS[edge]
    turned = {
        "left": product,
        "right": product._replace(left=width - product.right, right=width - product.left),
        "top": Box(product.top, product.left, product.bottom, product.right),
        "bottom": Box(height - product.bottom, product.left, height - product.top, product.right),
    }[edge]
    along, deep = (height, width) if edge in ("left", "right") else (width, height)
    strip, near = (min(each, deep) for each in reaches(turned, along, softness))
    size = small_size(near, along)
    width, height = size if edge in ("left", "right") else size[::-1]
    # Four points for each pixel are enough for what is blurred anyway, and many times as fast as all of them.
    halves = cv2.resize(_part(edge, patch, near), (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    shrunk = np.asarray(cv2.resize(halves, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return Side(_turned(edge, _part(edge, patch, strip)), _turned(edge, shrunk).astype(np.float32), turned, softness)


def _part(edge: Edge, patch: Pixels, count: int) -> Pixels:
    match edge:
        case "left":
            return patch[:, :count]
        case "right":
            return patch[:, -count:]
        case "top":
            return patch[:count]
        case "bottom":
            return patch[-count:]


def _turned(edge: Edge, part: Pixels) -> Pixels:
    match edge:
        case "left":
            return np.ascontiguousarray(part)
        case "right":
            return np.asarray(cv2.flip(part, 1), np.uint8)
        case "top":
            return np.asarray(cv2.transpose(part), np.uint8)
        case "bottom":
            return np.asarray(cv2.rotate(part, cv2.ROTATE_90_CLOCKWISE), np.uint8)


def _onto_canvas(edge: Edge, drawn: Pixels) -> Pixels:
    """The other way round: what was drawn with the seam on the left."""
    match edge:
        case "left":
            return np.asarray(cv2.flip(drawn, 1), np.uint8)
        case "right":
            return drawn
        case "top":
            return np.asarray(cv2.rotate(drawn, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8)
        case "bottom":
            return np.asarray(cv2.transpose(drawn), np.uint8)


def _mirrored(strip: Pixels, rays: Rays) -> Floats:
    """The strip's mirror image, along the rays where there are some."""
    if not rays.are_lines:
        return strip.astype(np.float32)
    away = np.arange(strip.shape[1], dtype=np.float32)
    y = rays.inside(len(strip), away + 0.5, away + 0.5)
    x = np.ascontiguousarray(np.broadcast_to(away, y.shape))
    turned = cv2.remap(np.ascontiguousarray(strip), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned.reshape(strip.shape), np.float32)
