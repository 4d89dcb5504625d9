"""The soft part of a continued background: its light and colours, mirrored at the seam and then ever less in focus."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.pixels import Pixels
from tasks.banners.rays import Rays
from tasks.shapes import Box, Size

Floats = NDArray[np.float32]

# Mirrored background keeps this share of its way to the product: nearer, its shadow would be mirrored, too.
REACH = 0.45
# Colours, edges and grain are taken from this share of the way; edges go on that all of so many parts of it show.
CLEAR, PARTS = 0.8, 4
# A strip as deep as this share of the height can tell a line from a spot.
ENOUGH = 0.15
# Share of the height that a pixel of the field is high: what is finer is grain, or an edge.
CELL = 0.012
# Away from the seam everything drifts up and down by as much as this share of the height, in waves so long (heights).
DRIFT, WAVE = 0.07, 1.2
# An edge of so many levels within this share of the height is the edge of a thing and stays one, less of one
# still does in part, down to this part.
HARD, EDGE, FAINT = 36.0, 0.012, 0.1
# From this blur on, a row is what most of it is: a spot of light at the seam does not go on.
PLAIN = 3
# Marks thinner than half of this share of the height are veins, lights and leaves: nobody expects them to go on.
WINDOW, MEDIAN_TAPS = 0.45, 25
# The product's shadow may be wider than it by this share on either side; where they are, the ground is filled in from
# as far away as this (heights), and the filling's own edge is this soft.
SHADE, FILL, FEATHER = 0.12, 0.15, 0.03
LITTLE = 1e-3  # what the product itself counts in that


class Softness(NamedTuple):
    """How a background fades out of focus: by these blurs (shares of the height), the last one `far` heights away.

    Its grain moves by up to `shift` heights along the seam: a wall's stays on the wall, a ground's may go anywhere.
    Lines run on as they lean, and level out within about `lines` heights; 0: they do not lean at all. Where `edges`
    go on, those of tables and horizons stay sharp. What is `shaded` has the product's shadow between product and seam,
    which is not to go on.
    """

    blurs: tuple[float, ...]
    far: float
    shift: float
    lines: float
    edges: bool = False
    shaded: bool = False


class Side(NamedTuple):
    """What lies along one edge of a picture, turned so that the seam is on the left.

    `strip` are the columns that surely show no product, `near` is more of them, CELL of the height a pixel; `product`
    is where it stands from the seam on.
    """

    strip: Pixels
    near: Floats
    product: Box
    softness: Softness

    @property
    def height(self) -> int:
        return len(self.strip)


def reaches(product: Box, height: int, softness: Softness) -> tuple[int, int]:
    """How many columns of a picture of that height its strip and the part near the seam have, where it has as many."""
    strip = max(1, round(product.left * CLEAR))
    return strip, max(strip, int(product.left * REACH + 2 * softness.blurs[-1] * height) + 1)


def small_size(width: int, height: int) -> Size:
    """What a picture of that size has in the field."""
    rows = max(2, round(min(1 / CELL, height)))
    return Size(max(1, round(width * rows / height)), rows)


class _Edges(NamedTuple):
    """The rows' colours, all along the strip, and how surely each row is at the edge of a thing: (rows, 1, 3 or 1)."""

    column: Floats
    hard: Floats

    def small(self, rows: int) -> "_Edges":
        sizes = (cv2.resize(each, (1, rows), interpolation=cv2.INTER_AREA) for each in self)
        return _Edges(*(np.asarray(each.reshape(rows, 1, -1), np.float32) for each in sizes))


def draw_field(side: Side, count: int, rays: Rays, random: np.random.Generator) -> Pixels:
    """`count` columns beyond the seam, the one next to it first: (height, count, 3), without grain.

    It is soft, so it is worked out on a picture whose pixels are CELL of the height, and enlarged.
    """
    rows = len(side.near)
    edges = _find_edges(side.strip) if side.softness.edges else None
    small = (
        edges.small(rows) if edges else _Edges(np.zeros((rows, 1, 3), np.float32), np.zeros((rows, 1, 1), np.float32))
    )
    away = np.arange(max(2, small_size(count, side.height).width), dtype=np.float32) + 0.5
    field = cv2.convertScaleAbs(_small_field(side, away, small, rays.scaled(rows / side.height), random))
    large = np.asarray(cv2.resize(field, (count, side.height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if edges:
        hard = np.flatnonzero(edges.hard > 1 / 255)
        finer = edges.column - cv2.resize(small.column, (1, side.height), interpolation=cv2.INTER_LINEAR).reshape(
            -1, 1, 3
        )
        large[hard] = (large[hard] + (finer * edges.hard)[hard]).clip(0, 255)
    return large


def _small_field(side: Side, away: Floats, edges: _Edges, rays: Rays, random: np.random.Generator) -> Floats:
    rows, softness, scale = len(side.near), side.softness, len(side.near) / side.height
    shape = rows, len(away)
    turn = max(1.0, REACH * side.product.left * scale)  # the mirror image comes to rest there
    near, plain = _sources(side, turn)
    share = np.minimum(away / (softness.far * rows), 1)
    deep = np.asarray(turn * (1 - np.exp(-away / turn)), np.float32)
    straight, rest = np.arange(rows, dtype=np.float32)[:, None], 1 - edges.hard[..., 0]
    moved = _drift(shape, random) * (_smoothstep(share) * DRIFT * rows) - straight
    y_near, y_seam = (straight + (rays.inside(rows, away, each) + moved) * rest for each in (deep, 0 * deep))
    x_near, x_seam = (np.ascontiguousarray(np.broadcast_to(each, shape)) for each in (deep - 0.5, 0 * deep))
    field = np.zeros((*shape, 3), np.float32)
    place = share * (len(softness.blurs) - 1)
    for number, blur in enumerate(softness.blurs):
        weight = np.maximum(1 - np.abs(place - number), 0)
        if not weight.any():
            continue
        source, x, y = (plain, x_seam, y_seam) if number >= PLAIN else (near, x_near, y_near)
        level = cv2.remap(_blurred(source, blur * rows), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if softness.edges:
            level += (edges.column - _blurred(edges.column, blur * rows)) * edges.hard
        field += level * weight[:, None]
    return field


def _sources(side: Side, turn: float) -> tuple[Floats, Floats]:
    """The part near the seam with the ground filled in where the product is, and one column that stands for it."""
    near, (rows, columns), scale = side.near, side.near.shape[:2], len(side.near) / side.height
    clear = near[:, : max(1, round(side.strip.shape[1] * scale))]
    plain = _running_median(np.median(clear, axis=1))[:, None]
    left, right = max(int(side.product.left * scale), 0), int(side.product.right * scale) + 1
    seen = np.ones((rows, columns, 1), np.float32)
    seen[_rows_of(side.product, scale, rows), left:right] = LITTLE
    if side.softness.shaded:
        shade = _rows_of(side.product, scale, rows, grown=SHADE)
        seen[shade, round(turn / 3) :] = LITTLE
        beside = np.ones((rows, 1, 1), np.float32)
        beside[shade] = LITTLE
        plain = _filled(plain, beside)
    return _filled(near, seen), plain


def _rows_of(product: Box, scale: float, rows: int, *, grown: float = 0.0) -> slice:
    """The small rows that the product takes, and by `grown` of them more on either side."""
    more = grown * product.height
    top, bottom = int((product.top - more) * scale), int((product.bottom + more) * scale) + 1
    return slice(max(top, 0), min(bottom, rows))


def _filled(picture: Floats, seen: Floats) -> Floats:
    """The picture with what is next to nothing in `seen` filled in from around it."""
    rows = len(picture)
    around = _blurred(np.concatenate([picture * seen, seen], axis=2), FILL * rows)
    share = _blurred(seen, FEATHER * rows)
    return np.asarray(around[..., :3] / around[..., 3:] * (1 - share) + picture * share, np.float32)


def _blurred(picture: Floats, sigma: float) -> Floats:
    """Twice the mean of a square: as soft as a Gaussian of that sigma, at the same cost for every one."""
    side = round((6 * sigma**2 + 1) ** 0.5)
    if side < 2:
        return picture
    once = cv2.blur(picture, (side, side), borderType=cv2.BORDER_REPLICATE).reshape(picture.shape)
    anchor = ((side - 1) // 2,) * 2  # an even square has no middle: the second one is shifted back
    twice = cv2.blur(once, (side, side), anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(twice.reshape(picture.shape), np.float32)


def _running_median(column: Floats) -> Floats:
    """The median over a window that slides along the column: keeps steps, drops what is thinner than half of it."""
    rows = np.arange(len(column))[:, None]
    offsets = np.rint(np.linspace(-0.5, 0.5, MEDIAN_TAPS) * WINDOW * len(column)).astype(np.int64)
    taps = np.ascontiguousarray(column.T)[:, np.clip(rows + offsets, 0, len(column) - 1)]
    taps.partition(MEDIAN_TAPS // 2, axis=-1)
    return np.asarray(taps[..., MEDIAN_TAPS // 2].T, np.float32)


def _find_edges(strip: Pixels) -> _Edges | None:
    """Edges of HARD levels within EDGE of the height that all parts of the strip beside the product show."""
    height, count = len(strip), min(PARTS, strip.shape[1])
    even = strip[:, : strip.shape[1] // count * count]  # several times as fast to average
    parts = cv2.resize(even, (count, height), interpolation=cv2.INTER_AREA).reshape(height, count, 3)
    parts = parts.astype(np.float32)
    reach = max(1, round(EDGE * height))
    light = np.pad(parts.mean(axis=2), ((reach, reach), (0, 0)), mode="edge")
    rise = (light[2 * reach :] - light[: -2 * reach]) / HARD
    agreed = np.abs(rise).min(axis=1) * (np.abs(np.sign(rise).sum(axis=1)) == count)
    # A strip that is shorter than its marks are wide cannot tell a line from a spot.
    agreed *= min(1.0, strip.shape[1] / (ENOUGH * height))
    if agreed.max() < FAINT:
        return None
    around = 2 * reach + round(DRIFT * height)  # nothing drifts across it
    near = cv2.dilate(np.minimum(agreed, 1).astype(np.float32)[:, None] ** 2, np.ones((2 * around + 1, 1), np.uint8))
    hard = cv2.GaussianBlur(near, (1, 0), sigmaX=0.1, sigmaY=around / 3).reshape(height, 1, 1)
    return _Edges(parts.mean(axis=1, keepdims=True), np.asarray(hard, np.float32))


def _drift(shape: tuple[int, int], random: np.random.Generator) -> Floats:
    """Smooth noise, about -1..1, with waves about WAVE times as long as the picture is high."""
    height, width = shape
    cells = (3, 2 + round(width / height / WAVE))
    return np.asarray(
        cv2.resize(random.normal(0, 0.6, cells).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC),
        np.float32,
    )


def _smoothstep(share: Floats) -> Floats:
    return np.asarray(share * share * (3 - 2 * share), np.float32)
