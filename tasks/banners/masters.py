"""Which masters to render for the placements that are wanted: the fewest shapes from which all of them can be cut."""

import functools
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from tasks.banners.geometry import frame_product
from tasks.banners.placement import Placement
from tasks.shapes import Box, Size

Background = Literal["generated", "white"]

USUAL = Size(1024, 1024)
STEP = 64  # px: masters are rendered in multiples of this
AREA = USUAL.width * USUAL.height  # what the model was trained on; a ratio's bucket is the size nearest to it
WIDEST = 2.5  # ratios beyond this are outside the buckets such models were trained on
# Larger masters keep a product sharp in large placements. A generated background is drawn at AREA and enlarged, so it
# gains nothing from the last step; a white one has nothing to gain or to lose.
FACTORS: dict[Background, tuple[float, ...]] = {"generated": (1.0, 1.5), "white": (1.0, 1.5, 2.0)}
SHARP = 1.5  # enlargement up to which a rendition looks as sharp as its master
CONTINUED = 0.1  # share of a rendition that may continue the background rather than show it
# What the usual shape is ahead of others: products should not stand differently for next to nothing.
STAYING = 0.15
# What a larger step has to gain: its files and checks take longer.
GROWING = 0.2
# From here on a strip is a layout of product and copy side by side: no master is meant to fill it.
STRIP = 3.0
# The product as scenes place it: slender, square and wide, its tighter side this share of the frame, on this line.
PRODUCT_RATIOS = (0.5, 1.0, 1.7)
PRODUCT_SHARE, PRODUCT_BASE = 0.6, 0.85


class Fit(NamedTuple):
    """How a master serves a placement: the share that continues the background, pixels of it a master pixel."""

    continued: float
    scale: float


class MasterPlan(NamedTuple):
    """`sizes` to render, `served` the size each placement is cut from, `lacking` what no size brings within bounds."""

    sizes: tuple[Size, ...]
    served: dict[str, Size]
    lacking: dict[str, Fit]

    @property
    def saved(self) -> int:
        """Renders saved a picture, against one render for each placement."""
        return max(len(self.served) - len(self.sizes), 0)


def plan_masters(placements: Iterable[Placement], *, background: Background, most: int) -> MasterPlan:
    """The fewest masters, `most` at most, that cover the placements which scenes of this background can serve.

    A placement is covered where no more than CONTINUED of it lies beyond the master and it is not enlarged beyond
    SHARP, as far as any master could do that. With too few masters, those that cover most placements are chosen.
    """
    slots = tuple(_Slot.of(placement) for placement in placements if can_serve(placement, background))
    return _plan(slots, background, most)


def can_serve(placement: Placement, background: Background) -> bool:
    """Whether a scene of this background yields the placement at all."""
    asked = "any" if placement.background is None else placement.background.value
    return placement.subject == "product" and asked in {"any", background}


class _Slot(NamedTuple):
    """A placement as far as framing asks: hashable, so that plans are kept."""

    id: str
    size: Size
    safe: Box
    least: float

    @classmethod
    def of(cls, placement: Placement) -> "_Slot":
        return cls(placement.id, placement.size, placement.product_box, placement.least_share)

    @property
    def is_strip(self) -> bool:
        return not 1 / STRIP < self.size.ratio < STRIP


@lru_cache(maxsize=64)
def _plan(slots: tuple[_Slot, ...], background: Background, most: int) -> MasterPlan:
    if not slots:
        return MasterPlan((USUAL,), {}, {})
    masters = _masters(slots, background)
    reach = [min(master.fits[n].scale for master in masters) for n in range(len(slots))]
    covers = {master: _cover(master, slots, reach) for master in masters}
    chosen = _choose(masters, covers, background, most)
    served = [min(chosen, key=lambda master: _price(master, n)) for n in range(len(slots))]
    lacking = {slot.id: served[n].fits[n] for n, slot in enumerate(slots) if not covers[served[n]] >> n & 1}
    used = tuple(master.size for master in chosen if master in served)
    return MasterPlan(used, {slot.id: served[n].size for n, slot in enumerate(slots)}, lacking)


class _Master(NamedTuple):
    """A master that could be rendered, and how it fits each slot. `growth` is the factor of its sides over AREA's."""

    size: Size
    growth: float
    fits: tuple[Fit, ...]


def _masters(slots: Sequence[_Slot], background: Background) -> list[_Master]:
    """Every bucket at every step, the usual one first."""
    found = []
    for shape in _shapes():
        fits = [_fit(shape, slot, background) for slot in slots]
        for growth in FACTORS[background]:
            size = Size(*(round(side * growth / STEP) * STEP for side in shape))
            found.append(_Master(size, growth, tuple(Fit(fit.continued, fit.scale / growth) for fit in fits)))
    return found


def _shapes() -> tuple[Size, ...]:
    """The ratio buckets about AREA, the usual one first."""
    found = {USUAL: None}
    for width in range(STEP, 4096, STEP):
        size = Size(width, max(STEP, round(AREA / width / STEP) * STEP))
        if 1 / WIDEST <= size.ratio <= WIDEST:
            found[size] = None
    return tuple(found)


def _fit(shape: Size, slot: _Slot, background: Background) -> Fit:
    framings = [
        frame_product(
            shape,
            _product(shape, ratio),
            slot.size,
            least=slot.least,
            safe=slot.safe,
            background="plain" if background == "white" else "scene",
        )
        for ratio in PRODUCT_RATIOS
    ]
    # white has no edges: nothing is continued there
    continued = 0.0 if background == "white" else sum(each.extended_share for each in framings) / len(framings)
    return Fit(continued, framings[1].scale)


def _product(shape: Size, ratio: float) -> Box:
    """A product of this ratio, as scenes place it on a master of this shape."""
    height = min(PRODUCT_SHARE * shape.height, PRODUCT_SHARE * shape.width / ratio)
    width, base = height * ratio, PRODUCT_BASE * shape.height
    left, top = (shape.width - width) / 2, max(base - height, 0.0)
    return Box(round(left), round(top), round(left + width), round(top + height))


def _cover(master: _Master, slots: Sequence[_Slot], reach: Sequence[float]) -> int:
    """The slots that this master brings within bounds, as bits; `reach` is the least enlargement of any master."""
    covered = 0
    for n, (slot, fit) in enumerate(zip(slots, master.fits, strict=True)):
        sharp = fit.scale <= max(SHARP, 1.05 * reach[n])
        if sharp and (slot.is_strip or fit.continued <= CONTINUED):
            covered |= 1 << n
    return covered


def _price(master: _Master, n: int) -> float:
    """What a rendition costs in looks: continued background first, softness second."""
    fit = master.fits[n]
    return fit.continued + 0.2 * max(0.0, math.log2(fit.scale / SHARP)) + 0.01 * fit.scale


def _choose(
    masters: Sequence[_Master], covers: dict[_Master, int], background: Background, most: int
) -> tuple[_Master, ...]:
    """The fewest that cover what can be covered, `most` at most: pairs are tried out, further ones added one by one.

    Where the usual master of a generated scene covers half of the slots it stays, so that one more placement tomorrow
    asks for one more master at most, and not for all of them anew.
    """
    usual, count = masters[0], len(masters[0].fits)

    def covered(group: tuple[_Master, ...]) -> int:
        return functools.reduce(operator.or_, (covers[master] for master in group))

    def best(groups: Iterable[tuple[_Master, ...]]) -> tuple[_Master, ...]:
        """The group that covers most; among equals the one whose renditions look best."""
        groups = list(groups)
        widest = max(covered(group).bit_count() for group in groups)
        return min((group for group in groups if covered(group).bit_count() == widest), key=cost)

    def cost(group: tuple[_Master, ...]) -> tuple[float, float]:
        looks = sum(min(_price(master, n) for master in group) for n in range(count))
        looks += sum(GROWING * (master.growth - 1) for master in group) - STAYING * (usual in group)
        return looks, sum(abs(math.log(master.size.ratio)) for master in group)

    stays = background == "generated" and 2 * covers[usual].bit_count() >= count
    chosen = (usual,) if stays else best((master,) for master in masters)
    everything = covered(tuple(masters))
    while len(chosen) < most and covered(chosen) != everything:
        pairs = len(chosen) == 1 and not stays
        better = best(itertools.combinations(masters, 2) if pairs else ((*chosen, master) for master in masters))
        if covered(better).bit_count() == covered(chosen).bit_count():
            break
        chosen = better
    return chosen
