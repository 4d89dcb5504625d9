"""Where the product stands on the canvas. Pure geometry, no pixels."""

from typing import NamedTuple

from tasks.rendering.job import Staging
from tasks.shapes import Box, Size

MARGIN = 0.03  # share of the frame that automatic staging keeps free on every side
FOOTING = 0.05  # the base stands at least this far (share of the frame) below the line where ground meets wall
MAX_ENLARGEMENT = 1.6  # beyond this a product looks soft, and the manifest says so


class Placed(NamedTuple):
    """The product's box on the canvas, the scale from cut-out to canvas, and what a reader should know."""

    box: Box
    scale: float
    notes: tuple[str, ...] = ()


def place(product: Size, canvas: Size, staging: Staging, *, at: Box | None = None, frame: Size | None = None) -> Placed:
    """Place a cut-out of size `product` on the canvas: always whole, always in proportion.

    `at` and `frame` are the cut-out's box in its own picture and that picture's size, which mode "original" keeps.
    """
    if staging.mode == "original" and at is not None and frame is not None:
        return _as_photographed(at, frame, canvas)
    share = _automatic_share(product, canvas, staging) if staging.mode == "automatic" else staging.share
    scale = min(share * canvas.width / product.width, share * canvas.height / product.height)
    size = _scaled(product, scale, canvas)
    if staging.mode == "padding":
        middle, base = canvas.width / 2, (canvas.height + size.height) / 2
    elif staging.mode == "coordinates":
        middle, base = staging.anchor[0] * canvas.width, staging.anchor[1] * canvas.height + size.height / 2
    else:
        middle, base = staging.anchor[0] * canvas.width, _base(staging) * canvas.height
    margin = MARGIN if staging.mode == "automatic" else 0.0
    box = _inside(middle, base, size=size, canvas=canvas, margin=margin)
    return Placed(box=box, scale=scale, notes=_notes(scale))


def _automatic_share(product: Size, canvas: Size, staging: Staging) -> float:
    """Slender products may fill more of their tighter side than compact ones: same optical weight."""
    slenderness = abs(product.ratio / canvas.ratio)
    slenderness = max(slenderness, 1 / slenderness)
    return min(staging.share * (1.0 + 0.18 * min(slenderness - 1.0, 1.5)), 1.0 - 2 * MARGIN)


def _base(staging: Staging) -> float:
    """Height of the product's base: on the ground, never floating before the wall."""
    if staging.mode != "automatic" or staging.ground is None:
        return staging.anchor[1]
    return min(max(staging.anchor[1], staging.ground + FOOTING), 1.0 - MARGIN)


def _as_photographed(at: Box, frame: Size, canvas: Size) -> Placed:
    scale = min(canvas.width / frame.width, canvas.height / frame.height)
    size = _scaled(at.size, scale, canvas)
    middle = canvas.width / 2 + ((at.left + at.right) / 2 - frame.width / 2) * scale
    base = canvas.height / 2 + (at.bottom - frame.height / 2) * scale
    box = _inside(middle, base, size=size, canvas=canvas, margin=0.0)
    return Placed(box=box, scale=scale, notes=_notes(scale))


def _scaled(product: Size, scale: float, canvas: Size) -> Size:
    width, height = round(product.width * scale), round(product.height * scale)
    return Size(min(max(width, 1), canvas.width), min(max(height, 1), canvas.height))


def _inside(middle: float, base: float, *, size: Size, canvas: Size, margin: float) -> Box:
    """The box of `size` nearest to the wished place that lies within the canvas, margins kept where there is room."""
    left = _clamped(middle - size.width / 2, size.width, canvas.width, margin=margin)
    top = _clamped(base - size.height, size.height, canvas.height, margin=margin)
    return Box(left, top, left + size.width, top + size.height)


def _clamped(start: float, length: int, whole: int, *, margin: float) -> int:
    room = min(round(margin * whole), (whole - length) // 2)
    return min(max(round(start), room), whole - length - room)


def _notes(scale: float) -> tuple[str, ...]:
    if scale <= MAX_ENLARGEMENT:
        return ()
    return (f"product picture enlarged {scale:.1f} times; supply a larger one for a sharp product",)
