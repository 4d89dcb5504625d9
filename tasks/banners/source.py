"""A master with what its placements share."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.banners.dress import MAP, Subject, busyness
from tasks.banners.pixels import Alpha, Pixels
from tasks.banners.pyramid import Pyramid
from tasks.banners.white import on_pure_white
from tasks.shapes import Box, Size


@dataclass(frozen=True)
class Source:
    """A master in sRGB (height, width, 3), its product's box and, where there is one, its matte."""

    pixels: Pixels
    product: Box
    alpha: Alpha | None
    white: bool

    @property
    def size(self) -> Size:
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    @cached_property
    def pyramid(self) -> Pyramid:
        return Pyramid(self.pixels)

    @cached_property
    def pure(self) -> Pyramid:
        return Pyramid(on_pure_white(self.pixels, self.product, self.alpha))

    @cached_property
    def subject(self) -> Subject:
        """What a dresser must know of it."""
        level = 0
        while min(self.size) >> (level + 1) >= MAP:
            level += 1
        busy = busyness(self.pyramid.level(level))
        return Subject(self.size, self.product, "plain" if self.white else "scene", busy)

    @cached_property
    def backdrop(self) -> tuple[int, int, int]:
        """The master's own white: the median along its border. A model's white is rarely 255, and a step would show."""
        rows = self.pixels[[0, -1]].reshape(-1, 3)
        columns = self.pixels[:, [0, -1]].reshape(-1, 3)
        red, green, blue = np.median(np.concatenate([rows, columns]), axis=0).round().astype(int).tolist()
        return red, green, blue

    @cached_property
    def matte(self) -> Pyramid:
        """The product's matte, or its whole box where there is none."""
        if self.alpha is not None:
            return Pyramid(self.alpha)
        box = np.zeros(self.pixels.shape[:2], np.uint8)
        box[self.product.top : self.product.bottom, self.product.left : self.product.right] = 255
        return Pyramid(box)
