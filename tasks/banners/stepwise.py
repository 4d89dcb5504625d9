"""Fewer pixels where no quality brings a picture below its ceiling, as far as the platform leaves the size open."""

from collections.abc import Iterator

import cv2
import numpy as np

from tasks.banners.encode import Encoded, encode
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.errors import CompositionError
from tasks.shapes import Size

STEPS = (0.9, 0.8, 0.7, 0.6, 0.5)


def encode_stepwise(canvas: Pixels, placement: Placement, *, reserve: int) -> tuple[Encoded, Pixels]:
    """The file in the placement's byte window less `reserve`, and the canvas it was made of, smaller if need be.

    Raises CompositionError with the bytes of the full size where no size that the platform takes fits.
    """
    reason = ""
    for size in sizes(placement):
        full = size == placement.size
        smaller = canvas if full else np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)
        try:
            encoded = encode(
                smaller,
                formats=placement.formats.value,
                min_bytes=max(0, placement.min_bytes - reserve),
                max_bytes=None if placement.max_bytes is None else placement.max_bytes - reserve,
            )
        except CompositionError as error:
            reason = reason or str(error)
            continue
        return encoded, smaller
    raise CompositionError(reason)


def sizes(placement: Placement) -> Iterator[Size]:
    """The placement's own size, then smaller ones of its ratio where neither shape nor minimum forbids them."""
    yield placement.size
    if placement.shape is not None and placement.shape.value.kind == "exact":
        return
    least = placement.min_size.value if placement.min_size else Size(1, 1)
    for step in STEPS:
        size = Size(round(placement.size.width * step), round(placement.size.height * step))
        if size.width < least.width or size.height < least.height:
            return
        yield size
