"""Standing: the product touches the ground, and its shadow falls away from the scene's light."""

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.evidence import Mask, Pixels
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

Floats = NDArray[np.float32]
Where = NDArray[np.bool_]

WORKING_SIDE = 512  # pixels of the shorter side: a contact shadow of 1 % of the product's size is 2 px
FOOT = 0.12  # share of the product's height within which its lowest edge counts as touching the ground
# Measured below or beside the foot, in product sizes (the larger of width and height).
NEAR = (0.004, 0.02)  # where a contact shadow is darkest
FADED = (0.045, 0.08)  # below the foot, where it has faded
BESIDE = (0.2, 0.55)
BELOW_SHARE = 0.4  # of the two comparisons: the ground below may be lit otherwise, the ground beside may be another
BLACK = 0.004  # linear light of a decode below which nothing is divided by it
DARK = 0.012  # linear light of the ground below which no shadow can be seen on it
CAST = (0.45, 0.2)  # along and away from the camera, in product heights: the near, dark part of a cast shadow
RIM = 0.1  # product sizes around a cast shadow that it is compared with
FAINT = 0.03  # share of the light that a cast shadow takes where it is seen at all
SIDELONG = 0.3  # sine of the light's direction below which both sides are equally dark
SOLID = 96  # alpha from which a pixel hides the ground: glass keeps some of its own reflection below its foot
SEE_THROUGH = 32  # mean alpha (0..255) under the foot from which what is seen there is glass, not ground
FEW = 12  # pixels that make no mean


def check_standing(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`floating` and `light`; neither where the scene asks for no shadow."""
    if regions.evidence.light is None:
        return ()
    if regions.product_box.is_empty:
        return tuple(thresholds.not_measured(name, "the product's mask is empty") for name in ("floating", "light"))
    ground = Ground(regions)
    seen = Foot(ground, ground.light)
    laid = seen if ground.kept is None else Foot(ground, ground.kept)
    return check_floating(seen, laid, thresholds), check_light(seen, laid, thresholds, direction=regions.evidence.light)


def check_floating(seen: "Foot", laid: "Foot", thresholds: Thresholds) -> Finding:
    """`floating`: how much darker the ground is at the product's foot than below and beside it, share of its light.

    A contact shadow takes a quarter of the (linear) light and more. Without one the ground only varies; since a bright
    spot of it may hide a shadow, the picture divided by its decode, where the ground's own light and dark is gone,
    counts where it shows more.
    """
    near, faded, beside = seen.near, seen.faded, seen.beside
    if near is None or faded is None or beside is None:
        return thresholds.not_measured("floating", "too little ground is in the frame around the product's foot")
    if seen.veil > SEE_THROUGH:
        return thresholds.not_measured("floating", "the product's foot is see-through")
    if max(faded, beside) < DARK:
        return thresholds.not_measured("floating", "the ground is too dark to show a shadow")
    return thresholds.at_least("floating", max(seen.lost, laid.lost), box=seen.box)


def check_light(seen: "Foot", laid: "Foot", thresholds: Thresholds, *, direction: float) -> Finding:
    """`light`: how much likelier a cast shadow lies towards the light than away from it, -1..1; negative is right.

    Where it would lie is the silhouette laid on the ground, and the same mirrored. Each is compared with the ground
    around it and both with one another; in the picture divided by its decode, since lamps and dark patches of a
    backdrop are as dark as shadows.
    """
    if abs(np.sin(np.deg2rad(direction))) < SIDELONG:
        return thresholds.not_measured("light", "the light comes from the front or from behind")
    right, wrong = seen.silhouette(direction), seen.silhouette(360 - direction)
    away, towards = laid.cast(right, wrong), laid.cast(wrong, right)
    if away is None or towards is None or not (seen.cast(right, wrong) and seen.cast(wrong, right)):
        return thresholds.not_measured("light", "too little lit ground beside the product")
    if seen.veil > SEE_THROUGH:
        return thresholds.not_measured("light", "the product is see-through")
    if max(away.lost, towards.lost) < FAINT:
        return thresholds.not_measured("light", "no cast shadow is to be seen")
    apart = (away.inside - towards.inside) / max(away.inside, towards.inside)
    return thresholds.at_most("light", (towards.lost - away.lost + apart) / 2, box=seen.box)


def lay_silhouette(alpha: Mask, direction: float) -> Mask:
    """The silhouette laid on the ground, away from a light in that direction."""
    _, top, _, height = cv2.boundingRect(alpha)
    angle, bottom = np.deg2rad(direction), top + height
    along, away = -np.sin(angle) * CAST[0], np.cos(angle) * CAST[1]
    away = away if abs(away) > 0.06 else (0.06 if away >= 0 else -0.06)
    move = np.array([[1, -along, along * bottom], [0, -away, (1 + away) * bottom]], np.float32)
    return np.asarray(cv2.warpAffine(alpha, move, alpha.shape[::-1], flags=cv2.INTER_NEAREST))


class _Cast:
    """Light where a shadow would lie, and the share that it lost against the ground around."""

    def __init__(self, inside: float, around: float) -> None:
        self.inside, self.lost = inside, 1 - inside / around


class Ground:
    """Picture, decode and matte at working size, the pictures in linear light of the brightest channel."""

    def __init__(self, regions: Regions) -> None:
        self.scale = min(0.5, WORKING_SIDE / min(regions.frame))
        self._size = (max(1, round(regions.frame.width * self.scale)), max(1, round(regions.frame.height * self.scale)))
        half = regions.half
        small = half if half.shape[1::-1] == self._size else self._reduced(half)
        self._raw = regions.evidence.raw
        self.light = _brightest(small)
        self.alpha: Mask = self._reduced(regions.evidence.alpha)

    @property
    def kept(self) -> Floats | None:
        """Share of the decode's light that the picture has, 0..2, 1 in most of it; None where there is no decode."""
        if self._raw is None:
            return None
        kept = self.light / np.maximum(_brightest(self._reduced(self._raw)), BLACK)
        toned = max(float(np.median(kept[::4, ::4])), 1e-3)  # a repair may have made the whole ground brighter
        return np.asarray(np.clip(kept / np.float32(toned), 0, 2))

    def _reduced(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(plane, self._size, interpolation=cv2.INTER_AREA))


def _brightest(pixels: Pixels) -> Floats:
    red, green, blue = cv2.split(pixels)
    table = (np.arange(256, dtype=np.float32) / 255) ** np.float32(2.2)
    return np.asarray(cv2.LUT(cv2.max(cv2.max(red, green), blue), table))


class Foot:
    """The product's foot on a plane of light around it."""

    def __init__(self, ground: Ground, light: Floats) -> None:
        self._scale, self._alpha, self._light = ground.scale, ground.alpha, light
        product = np.where(self._alpha >= SOLID, np.uint8(255), np.uint8(0))
        self._free: Where = cv2.dilate(product, np.ones((3, 3), np.uint8)) == 0
        self._left, self._top, self._width, self._height = cv2.boundingRect(self._alpha)
        self._bottom, self._size = self._top + self._height, max(self._width, self._height)

    @property
    def lost(self) -> float:
        """Share of the ground's light that is missing at the foot; 0 where too little ground is to be seen."""
        near, faded, beside = self.near, self.faded, self.beside
        if near is None or not faded or not beside:
            return 0.0
        return BELOW_SHARE * (1 - near / faded) + (1 - BELOW_SHARE) * (1 - near / beside)

    @cached_property
    def near(self) -> float | None:
        return self._mean(self._below(NEAR))

    @cached_property
    def veil(self) -> float:
        """Mean alpha of the product just below its foot, 0..255."""
        under = self._alpha[self._below(NEAR)]
        return float(under.mean()) if under.size else 0.0

    @cached_property
    def faded(self) -> float | None:
        return self._mean(self._below(FADED))

    @cached_property
    def beside(self) -> float | None:
        """Between left and right, as light falls off: their geometric mean; one of them where the other is missing."""
        rows = slice(max(0, round(self._bottom - 0.02 * self._size)), round(self._bottom + 0.06 * self._size))
        first, last = self._ends
        inner, outer = (round(share * self._size) for share in BESIDE)
        spans = slice(max(0, first - outer), max(0, first - inner)), slice(last + inner, last + outer)
        sides = [self._light[rows, span][self._free[rows, span]] for span in spans]
        means = [float(side.mean()) for side in sides if side.size >= FEW]
        return float(np.exp(np.mean(np.log(np.maximum(means, 1e-4))))) if means else None

    @cached_property
    def _lowest(self) -> NDArray[np.intp]:
        """The lowest row of the product in each column, -1 where there is none."""
        seen = self._alpha >= SOLID
        rows = len(seen) - 1 - np.argmax(seen[::-1], axis=0)
        return np.where(seen.any(axis=0), rows, -1)

    @cached_property
    def _columns(self) -> NDArray[np.intp]:
        return np.flatnonzero(self._lowest > self._top + self._height * (1 - FOOT))

    @cached_property
    def _ends(self) -> tuple[int, int]:
        return (int(self._columns[0]), int(self._columns[-1])) if self._columns.size else (self._left, self._left)

    def _below(self, reach: tuple[float, float]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the ground so far below the foot."""
        start, end = max(1, round(reach[0] * self._size)), max(3, round(reach[1] * self._size))
        rows = self._lowest[self._columns][:, None] + np.arange(start + 1, end + 1)[None]
        columns = np.broadcast_to(self._columns[:, None], rows.shape)
        inside = rows < len(self._light)
        return rows[inside], columns[inside]

    def _mean(self, where: Where | tuple[NDArray[np.intp], NDArray[np.intp]]) -> float | None:
        light = self._light[where][self._free[where]]
        return float(light.mean()) if light.size >= FEW else None

    def silhouette(self, direction: float) -> Mask:
        return lay_silhouette(self._alpha, direction)

    def cast(self, laid: Mask, other: Mask) -> _Cast | None:
        """Light where only this shadow would lie, against the ground around it; None where that is too dark."""
        side = round(RIM * self._size) | 1
        kernel = np.ones((side, side), np.uint8)
        only, far = (laid > 127) & (other <= 127), cv2.dilate(other, kernel) <= 127
        inside = self._mean(only)
        around = self._mean((cv2.dilate(laid, kernel) > 127) & (laid <= 127) & far)
        return None if inside is None or around is None or around < DARK else _Cast(inside, around)

    @property
    def box(self) -> Box:
        """The foot with the ground around it, in full size."""
        reach = 0.12 * self._size
        height, width = self._light.shape
        first, last = self._ends
        edges = (
            max(0, first - reach),
            max(0, self._bottom - reach),
            min(width, last + reach),
            min(height, self._bottom + reach),
        )
        return Box(*(round(edge / self._scale) for edge in edges))
