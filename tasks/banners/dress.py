"""A dresser sets one product's copy on its renditions: arranges it, chooses inks, paints, measures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.geometry import Framing, frame_product
from tasks.banners.inks import SMALL_TEXT, Inks, Look, choose_inks, contrast, lay_scrim, one_plate
from tasks.banners.layout import Arranged, Order, Set, arrange, find_zone, product_room
from tasks.banners.layouts import Layout, Variant, fitting_layouts
from tasks.banners.paint import paint_mark
from tasks.banners.pieces import Setter, texts_of
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.banners.wording import ESSENTIAL, Copy, Problem
from tasks.errors import CompositionError
from tasks.findings import Finding
from tasks.shapes import Box, Size

# Raised whenever the same copy would be set otherwise because our own code changed.
DRESSING = 3
# Weights between arrangements: a busy ground, canvas that must be made up, and the product's size (alone on white, it
# is all there is to see).
BUSY, EXTENDED, PRODUCT, ALONE = 3.0, 1.2, 2.0, 4.0
ROOMY = 0.72  # step of size from which a scene's own layout is taken without a look at the others
FILLED = 0.8  # a product that has to take more than this share of its frame leaves no room for copy
MAP = 64  # pixels a side of the map of busyness


class Subject(NamedTuple):
    """What a dresser must know of a master."""

    size: Size
    product: Box
    background: Literal["scene", "plain"]
    busy: NDArray[np.float32]  # integral of busyness, (MAP + 1, MAP + 1)


class Dressing(NamedTuple):
    """How one placement will be dressed: the framing it needs and the copy on it."""

    layout: Layout
    framing: Framing
    arranged: Arranged


class Dressed(NamedTuple):
    """A picture with its copy; `copy` are the boxes that nothing else may cover."""

    canvas: Pixels
    copy: tuple[Box, ...]
    inks: tuple[Inks, ...]
    findings: tuple[Finding, ...]


def busyness(small: Pixels) -> NDArray[np.float32]:
    """Integral of how restless a picture is, 0..1 a cell: where the eye goes, copy should not."""
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32) / 255
    grey = cv2.resize(grey, (MAP, MAP), interpolation=cv2.INTER_AREA)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    edges = np.minimum(np.hypot(across, down), 1.0)
    return np.asarray(cv2.integral(cv2.blur(edges, (3, 3))), np.float32)


class Dresser:
    """Copy, look and layouts of one product in one scene. `marked`: leave room for a visible mark."""

    def __init__(
        self, layouts: Sequence[Layout], setter: Setter, copy: Copy, look: Look, *, scene: str, marked: bool = False,
        layers: bool = False,
        notes: Sequence[Problem] = (),
    ) -> None:  # fmt: skip
        self._layouts, self._setter, self._look = tuple(layouts), setter, look
        self._scene, self._marked, self.layers = scene, marked, layers
        self._copy, self._problems = _settable(copy, setter)
        self._problems = (*notes, *self._problems)

    def arrange(self, subject: Subject, placement: Placement, *, least: float) -> Dressing | None:
        """The best arrangement for a placement; None where it takes no copy or there is none to set.

        CompositionError where the copy cannot be set there, in words for the person who wrote it.
        """
        if self._copy.is_empty or placement.needs_white or (placement.text and placement.text.value == "none"):
            return None
        if least > FILLED:
            return None
        for problem in self._problems:
            if problem.essential:
                raise CompositionError(f"{placement.id}: {problem.element} {problem.reason}. Change the copy.")
        layouts = fitting_layouts(self._layouts, placement.size, self._scene)
        found: list[tuple[float, Dressing]] = []
        for layout in layouts:  # a scene's own layout may ask for more room than the product leaves
            tried = (self._try(layout, variant, subject, placement, least) for variant in layout.variants)
            fitting = [each for each in tried if each is not None]
            found += fitting
            roomy = any(each.arranged.step >= ROOMY for _, each in fitting)
            if roomy or (fitting and not layout.scenes):
                break
        if not layouts:
            return None
        if not found:
            raise CompositionError(
                f"{placement.id}: the headline ({len(self._copy.headline)} characters) does not fit {placement.size},"
                f" even alone and at its smallest size. Shorten it, or leave the placement out."
            )
        return max(found, key=lambda each: each[0])[1]

    def _try(
        self, layout: Layout, variant: Variant, subject: Subject, placement: Placement, least: float
    ) -> tuple[float, Dressing] | None:
        shown = placement.thumbnail_box
        safe = self._unmarked(placement)
        room = placement.product_box if shown else product_room(variant, placement.size, safe)
        if room.width < 8 or room.height < 8:
            return None
        framing = frame_product(
            subject.size, subject.product, placement.size, least=least, safe=room, background=subject.background
        )
        margin = round(layout.margin * min(placement.size))
        kept_clear = framing.product if shown is None else shown.around(framing.product)
        zones = tuple(find_zone(place, placement.size, kept_clear, safe, margin) for place in variant.places)
        arranged = arrange(layout, variant, zones, Order(self._copy, self._setter, placement.size))
        if arranged is None:
            return None
        busy = float(np.mean([_busy(subject, framing, each.box) for each in arranged.sets]))
        share = framing.product.width * framing.product.height / (placement.size.width * placement.size.height)
        plain = subject.background == "plain"
        score = arranged.worth + variant.prefer - BUSY * busy + (ALONE if plain else PRODUCT) * math.sqrt(share)
        if not plain:
            score -= EXTENDED * framing.extended_share
        return score, Dressing(layout, framing, arranged)

    def _unmarked(self, placement: Placement) -> Box:
        """The safe area without a strip for the visible mark, where there will be one."""
        safe, short = placement.safe_box, min(placement.size)
        if not self._marked:
            return safe
        height = max(10, math.ceil(0.05 * short))
        if placement.size.ratio > 2.5:
            return safe._replace(right=safe.right - 6 * height)
        return safe._replace(bottom=safe.bottom - math.ceil(2.6 * height))  # letters, their air and the margin

    def paint(self, canvas: Pixels, dressing: Dressing) -> Dressed:
        """The canvas with its copy on it, and what was measured."""
        canvas = np.ascontiguousarray(canvas) if canvas.flags.writeable else canvas.copy()
        sets = dressing.arranged.sets
        inks = one_plate([self._lay_ground(canvas, each) for each in sets])
        for part, own in zip(sets, inks, strict=True):
            for mark in part.marks:
                paint_mark(canvas, mark, own)
        boxes = tuple(each.box for each in sets)
        findings = (*_findings(dressing, inks), *self._told())
        return Dressed(canvas, boxes, inks, findings)

    def _lay_ground(self, canvas: Pixels, part: Set) -> Inks:
        box = part.box
        behind = canvas[max(box.top, 0) : box.bottom, max(box.left, 0) : box.right]
        inks = choose_inks(behind, part.marks, self._look)
        lay_scrim(canvas, part.zone.side, part.zone.field, box, inks)
        return inks

    def _told(self) -> Iterator[Finding]:
        for problem in self._problems:
            yield Finding(
                check="copy-element", value=0, limit=1, passed=False, severity="review",
                detail=f"{problem.element} {problem.reason}",
            )  # fmt: skip
        own = max(contrast(each, self._look.primary) for each in (self._look.paper, self._look.ink))
        if own < SMALL_TEXT:
            yield Finding(
                check="brand-contrast", value=round(own, 2), limit=SMALL_TEXT, passed=False, severity="note",
                detail="neither paper nor ink of the brand can be read on its primary colour; black or white is used",
            )  # fmt: skip


def copy_problems(copy: Copy, setter: Setter) -> tuple[Problem, ...]:
    """What of the copy cannot be shown, and why."""
    return _settable(copy, setter)[1]


def _settable(copy: Copy, setter: Setter) -> tuple[Copy, tuple[Problem, ...]]:
    """The copy without what no font can set; an element the banner cannot do without stays, with its problem."""
    problems = list(copy.problems)
    changes: dict[str, object] = {}
    empty: Mapping[str, object] = {"points": (), "couplet": ()}
    for name in ("headline", "subline", "points", "price", "cta", "badge", "couplet"):
        texts = copy.couplet if name == "couplet" else texts_of(name, copy, setter)
        for text in texts:
            problem = setter.fonts.problem(text)
            if problem:
                problems.append(Problem(name, f"{text[:40]!r} {problem.reason}"))
                if name not in ESSENTIAL:
                    changes[name] = empty.get(name, "")
                break
    return copy._replace(**changes), tuple(problems)  # type: ignore[arg-type]


def _busy(subject: Subject, framing: Framing, box: Box) -> float:
    """Mean busyness of the master under a box of the canvas; what continues the master counts as calm."""
    dest, source, size = framing.dest, framing.source, subject.size
    across, down = source.width / dest.width / size.width * MAP, source.height / dest.height / size.height * MAP
    left = source.left / size.width * MAP + (box.left - dest.left) * across
    right = left + box.width * across
    top = source.top / size.height * MAP + (box.top - dest.top) * down
    bottom = top + box.height * down
    x0, x1, y0, y1 = (min(max(round(each), 0), MAP) for each in (left, right, top, bottom))
    area = subject.busy[y1, x1] - subject.busy[y0, x1] - subject.busy[y1, x0] + subject.busy[y0, x0]
    return float(area) / max((right - left) * (bottom - top), 1.0)


def _findings(dressing: Dressing, inks: Sequence[Inks]) -> Iterator[Finding]:
    product, arranged = dressing.framing.product, dressing.arranged
    worst = min(inks, key=lambda each: each.contrast / each.wanted)
    yield Finding(
        check="copy-contrast", value=round(worst.contrast, 2), limit=worst.wanted,
        passed=worst.contrast >= worst.wanted,
        detail=f"layout {dressing.layout.id}, scrim {max(each.opacity for each in inks):.2f}",
    )  # fmt: skip
    covered = max(each.box.common(product).area for each in arranged.sets)
    yield Finding(
        check="copy-clear", value=covered, limit=0, passed=covered == 0, detail="pixels of copy on the product's box"
    )
    if arranged.left_out:
        yield Finding(
            check="copy-left-out", value=len(arranged.left_out), limit=0, passed=False, severity="note",
            detail=f"no room for {', '.join(arranged.left_out)}",
        )  # fmt: skip
