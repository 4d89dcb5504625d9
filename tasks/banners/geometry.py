"""Where product, master and continued background go in a placement. Integers in, integers out: no pixels."""

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
# A product that takes less than this share of a plain strip stands this far along it instead of in the middle.
SMALL, ASIDE = 0.25, 0.2
LEAST_STRIP = 0.5  # sides of a strip, the shorter by the longer
# Where less than this share of a frame side is the product's, it stands in the middle of that share.
SMALL_ROOM = 0.85
# A product off the middle by more than this ratio of its gaps has the new canvas on its wider side.
LOPSIDED = 1.2
# Neither gap beside a product in a crop gets less than this share of both, so that no side looks cramped.
LEAST_GAP = 0.3
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
    def extended_share(self) -> float:
        """Share of the canvas that the master does not cover."""
        return 1 - self.dest.width * self.dest.height / (self.canvas.width * self.canvas.height)


_Stand = Literal["start", "middle", "end"]


class _Axis(NamedTuple):
    """One direction: the master's length, the product in it, the canvas, its safe part, a lone product's side."""

    length: int
    low: int
    high: int
    canvas: int
    safe: tuple[int, int]
    side: _Stand

    @property
    def product(self) -> int:
        return self.high - self.low


class _Span(NamedTuple):
    source: tuple[int, int]
    dest: tuple[int, int]
    product: tuple[int, int]


def frame_product(
    master: Size,
    product: Box,
    canvas: Size,
    *,
    least: float = 0.0,
    safe: Box | None = None,
    background: Literal["scene", "plain"] = "scene",
    centred: bool = False,
) -> Framing:
    """Crop where the product fits whole, extend the canvas where a crop would cut it.

    `least` is the share of its frame side that the product's longer side must take, `safe` the part of the canvas
    that the product should keep to (all of it unless said). A `plain` background has no edges: the product stands in
    the middle at a comfortable size; so it does, `centred`, wherever there is no copy to leave room for.
    Raises CompositionError for a product box outside the master.
    """
    _check(master, product, canvas)
    plain = background == "plain"
    safe = safe or Box(0, 0, *canvas)
    scale = _scale(master, product, canvas, safe=safe.size, least=least, plain=plain)
    level = _level(master, scale)
    across: _Stand = "start" if canvas.ratio > master.ratio else "middle"
    down: _Stand = "middle" if canvas.ratio > master.ratio else "end"
    if centred or (plain and LEAST_STRIP < canvas.ratio < 1 / LEAST_STRIP):
        across = down = "middle"
    axes = (
        _Axis(master.width, product.left, product.right, canvas.width, (safe.left, safe.right), across),
        _Axis(master.height, product.top, product.bottom, canvas.height, (safe.top, safe.bottom), down),
    )
    x, y = (_span(axis, _begin(axis, scale, plain=plain), scale=scale, step=2**level) for axis in axes)
    return Framing(
        canvas=canvas,
        source=Box(x.source[0], y.source[0], x.source[1], y.source[1]),
        dest=Box(x.dest[0], y.dest[0], x.dest[1], y.dest[1]),
        product=Box(x.product[0], y.product[0], x.product[1], y.product[1]),
        scale=scale,
        level=level,
    )


def _check(master: Size, product: Box, canvas: Size) -> None:
    inside = (
        product.left >= 0 and product.top >= 0 and product.right <= master.width and product.bottom <= master.height
    )
    if product.is_empty or not inside:
        raise CompositionError(
            f"product box {tuple(product)} is empty or leaves its master of {master};"
            " expected (left, top, right, bottom) inside it. Cut the product out again."
        )
    if min(canvas) < 1:
        raise CompositionError(f"canvas of {canvas} has no pixels; expected sides of 1 px or more.")


def _scale(master: Size, product: Box, canvas: Size, *, safe: Size, least: float, plain: bool) -> float:
    """Canvas pixels a master pixel."""
    widest = min(safe.width / product.width, safe.height / product.height)
    # A little above the least, because pixels round; never up to the frame.
    wanted = least + (1 - least) * 0.15 if least else 0.0
    cover = max(canvas.width / master.width, canvas.height / master.height)
    if plain:
        return max(COMFORTABLE, wanted) * widest
    if cover <= max(MOST, wanted) * widest:
        return max(cover, wanted * widest)
    # Extended in one direction: fill the other one if the product allows.
    across = min(canvas.width / master.width, canvas.height / master.height)
    return min(max(across, max(COMFORTABLE, wanted) * widest), max(MOST, wanted) * widest)


def _level(master: Size, scale: float) -> int:
    even = 0
    while even < DEEPEST and master.width % 2 ** (even + 1) == 0 and master.height % 2 ** (even + 1) == 0:
        even += 1
    return min(even, max(0, math.floor(-math.log2(scale))))


def _begin(axis: _Axis, scale: float, *, plain: bool) -> float:
    """Where the window begins in the master; negative where the canvas begins before it."""
    free = axis.length - axis.canvas / scale  # negative where the master does not cover the canvas
    wanted = _wanted_begin(axis, scale, plain=plain)
    safest = min(max(wanted, axis.high - axis.safe[1] / scale), axis.low - axis.safe[0] / scale)
    return safest if plain else min(max(safest, min(free, 0.0)), max(free, 0.0))


def _wanted_begin(axis: _Axis, scale: float, *, plain: bool) -> float:
    window = axis.canvas / scale
    middle = (axis.low + axis.high - window) / 2
    if axis.safe[1] - axis.safe[0] < SMALL_ROOM * axis.canvas:
        return (axis.low + axis.high) / 2 - (axis.safe[0] + axis.safe[1]) / 2 / scale
    if plain:
        aside = (0.5 - ASIDE) * window if axis.product < SMALL * window else 0.0
        return middle + {"start": aside, "middle": 0.0, "end": -aside}[axis.side]
    if window <= axis.length:
        return _crop_begin(axis, window)
    if axis.side == "middle" or 1 - axis.length / window < ONE_SIDED:
        return min(max(middle, axis.length - window), 0.0)
    # The new canvas goes where clearly more background leads up to it: that is continued best.
    before = axis.side == "end" or axis.low > LOPSIDED * (axis.length - axis.high)
    return axis.length - window if before else 0.0


def _crop_begin(axis: _Axis, window: float) -> float:
    """The gaps before and after the product keep the proportion they have in the master, within limits."""
    free = axis.length - axis.product
    share = min(max(axis.low / free, LEAST_GAP), 1 - LEAST_GAP) if free else 0.5
    return axis.low - share * (window - axis.product)


def _span(axis: _Axis, begin: float, *, scale: float, step: int) -> _Span:
    """Whole pixels: the source in steps (a level-n pixel is 2**n master pixels) that never cut into the product."""
    end = begin + axis.canvas / scale
    low = min(round(max(begin, 0) / step), axis.low // step) * step
    high = min(max(round(min(end, axis.length) / step), -(-axis.high // step)) * step, axis.length)
    dest_low = 0 if begin >= 0 else round(-begin * scale)
    dest_high = round((axis.length - begin) * scale) if end > axis.length else axis.canvas
    dest_high = min(max(dest_high, dest_low + 1), axis.canvas)
    dest_low = min(dest_low, dest_high - 1)
    ratio = (dest_high - dest_low) / (high - low)
    product_low = max(math.floor(dest_low + (axis.low - low) * ratio), 0)
    product_high = min(math.ceil(dest_low + (axis.high - low) * ratio), axis.canvas)
    return _Span((low, high), (dest_low, dest_high), (product_low, product_high))
