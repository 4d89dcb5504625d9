"""Masks and reduced pictures that several checks share: made once per picture, and only when asked for."""

from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.quality.evidence import Alpha, Evidence, Mask, Pixels, Plane
from tasks.shapes import Box, Size

SOLID = 250  # alpha from which a pixel counts as product alone
PASTE_EROSION = 2  # pixels: the paste may blend this far inside the outline
KEEP_OFF = 1 / 256  # share of the shorter side around the product that is neither product nor background


class Level(NamedTuple):
    """The picture in grey at one reduction, with the part of it that is background (255) and not product (0)."""

    reduction: int
    grey: Alpha
    background: Mask


class Regions:
    """Views on one evidence; every property is computed at most once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        height, width = evidence.alpha.shape
        self.frame = Size(width, height)
        self.kept: dict[int, Any] = {}  # what several checks of one family share, by the picture it is made of

    @cached_property
    def product_box(self) -> Box:
        """Box around alpha > 0 as it is, not as it was announced; empty where there is no product."""
        left, top, width, height = cv2.boundingRect(self.evidence.alpha)
        return Box(left, top, left + width, top + height)

    @cached_property
    def around(self) -> Box:
        """The product's box with room for the ring, inside the frame."""
        room = max(8, round(min(self.frame) * 0.04))
        left, top, right, bottom = self.product_box
        return Box(
            max(left - room, 0),
            max(top - room, 0),
            min(right + room, self.frame.width),
            min(bottom + room, self.frame.height),
        )

    def crop(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """View on the part of a full-size array around the product."""
        return array[self.around.top : self.around.bottom, self.around.left : self.around.right]

    @cached_property
    def solid(self) -> Mask:
        """Product beyond doubt, cropped to `around`: no background shines through."""
        return np.where(self.crop(self.evidence.alpha) >= SOLID, np.uint8(255), np.uint8(0))

    @cached_property
    def difference(self) -> Plane:
        """Largest difference of any channel between the picture and the placed product, cropped to `around`."""
        red, green, blue = cv2.split(cv2.absdiff(self.crop(self.evidence.pixels), self.crop(self.evidence.expected)))
        return np.asarray(cv2.max(cv2.max(red, green), blue))

    @cached_property
    def core(self) -> Mask:
        """Where pasted pixels must be untouched, cropped to `around`: full alpha, eroded."""
        full = np.where(self.crop(self.evidence.alpha) == 255, np.uint8(255), np.uint8(0))
        return np.asarray(cv2.erode(full, np.ones((3, 3), np.uint8), iterations=PASTE_EROSION))

    @cached_property
    def background(self) -> Mask:
        """Full-size mask of the background, kept off the product's outline."""
        reach = max(1, round(min(self.frame) * KEEP_OFF))
        product = np.where(self.evidence.alpha > 0, np.uint8(255), np.uint8(0))
        return np.asarray(cv2.bitwise_not(cv2.dilate(product, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))))

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The picture at 1, 1/2, 1/4 and 1/8, by averaging; a cell is background only if all of it is."""
        return pyramid(self.evidence.pixels, self.background)

    def level(self, reduction: int) -> Level:
        return next(level for level in self.levels if level.reduction == reduction)

    @cached_property
    def half(self) -> Pixels:
        """The picture in colour at half size."""
        size = self.level(2).grey.shape[1], self.level(2).grey.shape[0]
        return np.asarray(cv2.resize(self.evidence.pixels, size, interpolation=cv2.INTER_AREA))


def pyramid(pixels: Pixels, background: Mask) -> tuple[Level, ...]:
    """Grey and background at 1, 1/2, 1/4 and 1/8 of the size."""
    levels = [Level(1, cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), background)]
    for reduction in (2, 4, 8):
        _, grey, mask = levels[-1]
        size = (max(1, grey.shape[1] // 2), max(1, grey.shape[0] // 2))
        share = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        whole = np.where(share == 255, np.uint8(255), np.uint8(0))
        levels.append(Level(reduction, cv2.resize(grey, size, interpolation=cv2.INTER_AREA), whole))
    return tuple(levels)
