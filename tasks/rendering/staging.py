"""Where the product stands on the canvas. Pure geometry, no pixels."""

from collections.abc import Sequence
from typing import NamedTuple

from tasks.rendering.job import RealSize, Staging
from tasks.shapes import Box, Size

MARGIN = 0.03  # share of the frame that automatic staging keeps free on every side
FOOTING = 0.05  # the base stands at least this far (share of the frame) below the line where ground meets wall
MAX_ENLARGEMENT = 1.6  # beyond this a product looks soft, and the manifest says so


class Placed(NamedTuple):
    """The product's box on the canvas, the scale from cut-out to canvas, and what a reader should know."""

    box: Box
    scale: float
    notes: tuple[str, ...] = ()


class Standing(NamedTuple):
    """A cut-out to be placed: its size, where it was in its own picture, and its real size as far as it is known."""

    size: Size
    at: Box | None = None
    frame: Size | None = None
    real: RealSize | None = None


def place(
    product: Size,
    canvas: Size,
    staging: Staging,
    *,
    at: Box | None = None,
    frame: Size | None = None,
    real: RealSize | None = None,
) -> Placed:
    """Place a cut-out of size `product` on the canvas: always whole, always in proportion.

    `at` and `frame` are the cut-out's box in its own picture and that picture's size, which mode "original" keeps.
    `real` decides the scale where the staging says how many centimetres the frame shows.
    """
    if staging.mode == "original" and at is not None and frame is not None:
        return _as_photographed(at, frame, canvas)
    notes: tuple[str, ...] = ()
    centimetres = _centimetres_per_pixel(product, real)
    if centimetres is not None and staging.frame_cm is not None:
        scale, notes = _real_scale(product, canvas, staging.frame_cm / canvas.height, centimetres)
    else:
        share = _automatic_share(product, canvas, staging) if staging.mode == "automatic" else staging.share
        scale = min(share * canvas.width / product.width, share * canvas.height / product.height)
    return _placed(product, canvas, staging, scale=scale, notes=(*notes, *_notes(scale)))


def place_all(products: Sequence[Standing], canvas: Size, staging: Staging) -> list[Placed]:
    """Place the SKU's own product (the first) and its companions side by side, on one base line.

    They are placed like one product as wide as all of them; in real proportion where every real size is known, else
    with the same optical weight, and a note says so. Neighbours keep `staging.spacing`.
    """
    if len(products) == 1:
        (only,) = products
        return [place(only.size, canvas, staging, at=only.at, frame=only.frame, real=only.real)]
    scales, notes = _relative_scales(products)
    row, group = _side_by_side(products, scales, spacing=staging.spacing)
    fine = 8192 / max(group)  # whole numbers, but fine ones
    whole = Size(max(1, round(group[0] * fine)), max(1, round(group[1] * fine)))
    real = None if notes else RealSize(height_cm=group[1])
    staging = staging if staging.mode != "original" else staging.model_copy(update={"mode": "automatic"})
    around = place(whole, canvas, staging, real=real)
    unit = around.scale * fine
    placed = []
    for product, scale, left in zip(products, scales, row, strict=True):
        size = _scaled(product.size, scale * unit, canvas)
        start = min(max(around.box.left + round(left * unit), 0), canvas.width - size.width)
        box = Box(start, around.box.bottom - size.height, start + size.width, around.box.bottom)
        placed.append(Placed(box=box, scale=scale * unit, notes=_notes(scale * unit)))
    real_notes = tuple(note for note in around.notes if "enlarged" not in note)
    first = placed[0]
    return [first._replace(notes=(*notes, *real_notes, *first.notes)), *placed[1:]]


def _relative_scales(products: Sequence[Standing]) -> tuple[list[float], tuple[str, ...]]:
    """Centimetres per pixel of each cut-out where all are known; else scales that give all the same area."""
    known = [_centimetres_per_pixel(product.size, product.real) for product in products]
    scales = [scale for scale in known if scale is not None]
    if len(scales) == len(products):
        return scales, ()
    note = (
        "尺寸不全，未按比例 not every product's real size is known: drawn at the same optical weight, not in proportion"
    )
    return [(product.size.width * product.size.height) ** -0.5 for product in products], (note,)


def _side_by_side(
    products: Sequence[Standing], scales: Sequence[float], *, spacing: float
) -> tuple[list[float], tuple[float, float]]:
    """Left edges in the order of `products`, and the group's size, in the unit of `scales`: the first in the middle."""
    widths = [product.size.width * scale for product, scale in zip(products, scales, strict=True)]
    heights = [product.size.height * scale for product, scale in zip(products, scales, strict=True)]
    others = range(1, len(products))
    order = [*reversed(others[1::2]), 0, *others[::2]]
    left, lefts = 0.0, [0.0] * len(products)
    for place_in_row, index in enumerate(order):
        if place_in_row:
            before = order[place_in_row - 1]
            left += widths[before] + spacing * min(widths[before], widths[index])
        lefts[index] = left
    start = min(lefts)
    lefts = [one - start for one in lefts]
    return lefts, (max(one + width for one, width in zip(lefts, widths, strict=True)), max(heights))


def _centimetres_per_pixel(product: Size, real: RealSize | None) -> float | None:
    if real is None:
        return None
    if real.height_cm is not None:
        return real.height_cm / product.height
    return real.width_cm / product.width if real.width_cm is not None else None


def _real_scale(product: Size, canvas: Size, per_pixel: float, centimetres: float) -> tuple[float, tuple[str, ...]]:
    """Canvas pixels per cut-out pixel at real scale; smaller, with a note, where the frame has no room for that."""
    scale = centimetres / per_pixel
    room = (1 - 2 * MARGIN) * min(canvas.width / product.width, canvas.height / product.height)
    if scale <= room:
        return scale, ()
    times = f"{scale / room:.1f}"
    return room, (f"按实际尺寸放不下，已缩小 at real scale the product is {times} times too large: drawn smaller",)


def _placed(product: Size, canvas: Size, staging: Staging, *, scale: float, notes: tuple[str, ...]) -> Placed:
    size = _scaled(product, scale, canvas)
    if staging.mode == "padding":
        middle, base = canvas.width / 2, (canvas.height + size.height) / 2
    elif staging.mode == "coordinates":
        middle, base = staging.anchor[0] * canvas.width, staging.anchor[1] * canvas.height + size.height / 2
    else:
        middle, base = staging.anchor[0] * canvas.width, _base(staging) * canvas.height
    margin = MARGIN if staging.mode == "automatic" else 0.0
    box = _inside(middle, base, size=size, canvas=canvas, margin=margin)
    return Placed(box=box, scale=scale, notes=notes)


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
    return (f"商品图偏小 product picture enlarged {scale:.1f} times; supply a larger one for a sharp product",)
