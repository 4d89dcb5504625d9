"""Where the product, the master and the continued background go in a placement. Integers in, integers out: no pixels."""

import math
from typing import Literal, NamedTuple

from tasks.errors import CompositionError
from tasks.shapes import Box, Size

# How much of a frame side the product may take before the canvas is extended rather than cropped tighter, ...
MOST = 0.92
# ... and how much it takes once the canvas is extended anyway, or has no edges (white).
COMFORTABLE = 0.8
# From this share of new canvas on, the product moves to one side and leaves the rest to the copy.
ONE_SIDED = 0.3
# Masters are halved at most so often; their sides are multiples of 64 pixels, so every level stays exact.
DEEPEST = 5


class Sides(NamedTuple):
    """Pixels of canvas that the master does not cover."""

    left: int
    top: int
    right: int
    bottom: int


class Framing(NamedTuple):
    """`source` of the master goes to `dest` on `canvas`; the rest is filled. `product` is the product on the canvas.

    `level` is how often the master may be halved before scaling; `source` is a multiple of 2**level pixels.
    """

    canvas: Size
    source: Box
    dest: Box
    product: Box
    scale: float  # canvas pixels a master pixel
    level: int

    @property
    def fill(self) -> Sides:
        dest, canvas = self.dest, self.canvas
        return Sides(dest.left, dest.top, canvas.width - dest.right, canvas.height - dest.bottom)

    @property
    def extended(self) -> bool:
        return any(self.fill)


class _Span(NamedTuple):
    """One axis: where the window begins in the master (negative: before its edge) and what it shows of it."""

    begin: float
    source: tuple[int, int]
    dest: tuple[int, int]
    product: tuple[int, int]


def frame_product(
    master: Size, product: Box, canvas: Size, *, least: float = 0.0, background: Literal["scene", "plain"] = "scene"
) -> Framing:
    """Crop where the product fits whole, extend the canvas where a crop would cut it.

    `least` is the share of its frame side that the product's longer side must take. A `plain` background has no
    edges: the product is centred at a comfortable size. Raises CompositionError for a product box outside the master.
    """
    _check(master, product, canvas)
    scale = _scale(master, product, canvas, least=least, plain=background == "plain")
    level = _level(master, scale)
    place = _place_plain if background == "plain" else _place_scene
    across = place(master.width, (product.left, product.right), canvas.width, scale, 2**level, "start")
    down = place(master.height, (product.top, product.bottom), canvas.height, scale, 2**level, "end")
    return Framing(
        canvas=canvas,
        source=Box(across.source[0], down.source[0], across.source[1], down.source[1]),
        dest=Box(across.dest[0], down.dest[0], across.dest[1], down.dest[1]),
        product=Box(across.product[0], down.product[0], across.product[1], down.product[1]),
        scale=scale,
        level=level,
    )


def _check(master: Size, product: Box, canvas: Size) -> None:
    inside = (
        product.left >= 0 and product.top >= 0 and product.right <= master.width and product.bottom <= master.height
    )
    if product.is_empty or not inside:
        raise CompositionError(
            f"product box {tuple(product)} is empty or leaves its master of {master}; expected (left, top, right, bottom)"
            " inside it. Cut the product out again."
        )
    if min(canvas) < 1:
        raise CompositionError(f"canvas of {canvas} has no pixels; expected sides of 1 px or more.")


def _scale(master: Size, product: Box, canvas: Size, *, least: float, plain: bool) -> float:
    """Canvas pixels a master pixel."""
    widest = min(canvas.width / product.width, canvas.height / product.height)
    # The rule is about the longer side; half the way to the frame keeps it clear of both.
    wanted = least + (1 - least) * 0.15 if least else 0.0
    if plain:
        return max(COMFORTABLE, wanted) * widest
    cover = max(canvas.width / master.width, canvas.height / master.height)
    if cover <= max(MOST, wanted) * widest:
        return max(cover, wanted * widest)
    return max(COMFORTABLE, wanted) * widest


def _level(master: Size, scale: float) -> int:
    even = 0
    while even < DEEPEST and master.width % 2 ** (even + 1) == 0 and master.height % 2 ** (even + 1) == 0:
        even += 1
    return min(even, max(0, math.floor(-math.log2(scale))))


def _place_scene(
    length: int, product: tuple[int, int], canvas: int, scale: float, step: int, side: Literal["start", "end"]
) -> _Span:
    """A scene has edges: crop inside it, or keep all of it and extend."""
    window = canvas / scale
    if window <= length:
        return _span(_crop_begin(length, product, window), length, product, canvas, scale, step)
    return _span(_extend_begin(length, product, window, side), length, product, canvas, scale, step)


def _place_plain(
    length: int, product: tuple[int, int], canvas: int, scale: float, step: int, side: Literal["start", "end"]
) -> _Span:
    """A plain background goes on for ever: the product in the middle."""
    begin = (product[0] + product[1] - canvas / scale) / 2
    return _span(begin, length, product, canvas, scale, step)


def _crop_begin(length: int, product: tuple[int, int], window: float) -> float:
    """The gaps before and after the product keep the proportion they have in the master."""
    free = length - (product[1] - product[0])
    return product[0] * (1 - (window - (product[1] - product[0])) / free) if free else 0.0


def _extend_begin(length: int, product: tuple[int, int], window: float, side: Literal["start", "end"]) -> float:
    """A little new canvas goes around the product; a lot goes to one side, where the copy will be."""
    if 1 - length / window < ONE_SIDED:
        middle = (product[0] + product[1] - window) / 2
        return min(max(middle, length - window), 0.0)
    return 0.0 if side == "start" else length - window


def _span(begin: float, length: int, product: tuple[int, int], canvas: int, scale: float, step: int) -> _Span:
    end = begin + canvas / scale
    # Whole steps, but never into the product; a level-n pixel is 2**n master pixels.
    low = min(round(max(begin, 0) / step), product[0] // step) * step
    high = max(round(min(end, length) / step), -(-product[1] // step)) * step
    high = min(high, length)
    dest_low = 0 if begin >= 0 else round(-begin * scale)
    dest_high = canvas if end <= length else round((length - begin) * scale)
    dest_high = max(dest_high, dest_low + 1)
    ratio = (dest_high - dest_low) / (high - low)
    shown = (
        max(math.floor(dest_low + (product[0] - low) * ratio), 0),
        min(math.ceil(dest_low + (product[1] - low) * ratio), canvas),
    )
    return _Span(begin, (low, high), (dest_low, dest_high), shown)
