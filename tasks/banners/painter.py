"""A master's picture for a placement, before marks and labels: made once for all placements that it serves."""

import zlib
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from tasks.banners.dress import Dresser, Dressing
from tasks.banners.extend import continue_background, plain_canvas
from tasks.banners.geometry import Framing, frame_product
from tasks.banners.inks import Inks
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.banners.source import Source
from tasks.findings import Finding
from tasks.shapes import Box, Size

# A product on white is enlarged up to this share of its frame side to reach the platform's least size in pixels.
FULLEST = 0.95
WHITE = (255, 255, 255)


class Painted(NamedTuple):
    """`canvas` is shared and never written to; `bare` is what it was without copy, kept where layers are asked for."""

    framing: Framing
    canvas: Pixels
    dressing: Dressing | None = None
    bare: Pixels | None = None
    copy: tuple[Box, ...] = ()
    inks: tuple[Inks, ...] = ()
    findings: tuple[Finding, ...] = ()


class Painter:
    """Paints one master's placements. Many differ in bytes alone: a picture is kept as long as one is to come."""

    def __init__(self, source: Source, dresser: Dresser | None, placements: Sequence[Placement]) -> None:
        self._source, self._dresser = source, dresser
        self._left = Counter(map(self._key, placements))
        self._kept: dict[Hashable, Painted] = {}

    def paint(self, placement: Placement) -> Painted:
        """CompositionError where the copy cannot be set there."""
        key = self._key(placement)
        found = self._kept.pop(key, None) or self._paint(placement)
        self._left[key] -= 1
        if self._left[key] > 0:
            self._kept[key] = found
        return found

    def _key(self, placement: Placement) -> Hashable:
        """All of a placement that its picture depends on."""
        bare = placement.text.value == "none" if placement.text else False
        least = _least_share(self._source.product.size, placement)
        return placement.size, placement.safe_box, placement.thumbnail_box, placement.needs_white, bare, least

    def _paint(self, placement: Placement) -> Painted:
        least = _least_share(self._source.product.size, placement)
        dressing = self._dresser.arrange(self._source.subject, placement, least=least) if self._dresser else None
        framing = dressing.framing if dressing else _plain_framing(self._source, placement, least)
        canvas = _frame(self._source, placement, framing)
        if not self._dresser or not dressing:
            return Painted(framing, _fixed(canvas))
        bare = _fixed(canvas.copy()) if self._dresser.layers else None
        dressed = self._dresser.paint(canvas, dressing)
        return Painted(framing, _fixed(dressed.canvas), dressing, bare, dressed.copy, dressed.inks, dressed.findings)


def _fixed(canvas: Pixels) -> Pixels:
    canvas.setflags(write=False)
    return canvas


def _plain_framing(source: Source, placement: Placement, least: float) -> Framing:
    return frame_product(
        source.size,
        source.product,
        placement.size,
        least=least,
        safe=placement.product_box,
        background="plain" if source.white else "scene",
        centred=placement.text is not None and placement.text.value == "none",
    )


def _least_share(product: Size, placement: Placement) -> float:
    """The share the product must take: the platform's, or what makes a thin product as wide as the platform asks."""
    share = placement.least_share
    if placement.min_product is None:
        return share
    frame, least = placement.size, placement.min_product.value
    widest = min(frame.width / product.width, frame.height / product.height)
    needed = max(least.width / product.width, least.height / product.height) / widest
    return max(share, needed) if needed <= FULLEST else share


def _frame(source: Source, placement: Placement, framing: Framing) -> Pixels:
    pyramid = source.pure if placement.needs_white else source.pyramid
    patch = pyramid.cut(framing.source, framing.dest.size, level=framing.level)
    if not any(framing.fill):
        return patch
    if source.white:
        return plain_canvas(patch, framing, colour=WHITE if placement.needs_white else source.backdrop)
    return continue_background(patch, framing, seed=zlib.crc32(repr(tuple(placement.size)).encode()))
