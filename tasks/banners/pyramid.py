"""A picture and its halves, made once and shared by all placements."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.shapes import Box, Size

Raster = NDArray[np.uint8]  # (height, width) or (height, width, 3)


class Pyramid:
    """Level n is the picture halved n times; every level is made when it is first asked for.

    Scaling from the nearest level that is not smaller than the target costs a fraction of scaling from full size,
    and the cubic filter then never shrinks by more than two, where it would start to alias.
    """

    def __init__(self, picture: Raster) -> None:
        self._levels = [picture]

    def level(self, number: int) -> Raster:
        while len(self._levels) <= number:
            last = self._levels[-1]
            half = (last.shape[1] // 2, last.shape[0] // 2)
            self._levels.append(np.asarray(cv2.resize(last, half, interpolation=cv2.INTER_AREA), np.uint8))
        return self._levels[number]

    def cut(self, source: Box, size: Size, *, level: int) -> Raster:
        """`source` (in level 0 pixels, whole pixels of `level`) scaled to `size`, for the caller to draw on."""
        box = Box(*(side >> level for side in source))
        part = self.level(level)[box.top : box.bottom, box.left : box.right]
        if part.shape[:2] == (size.height, size.width):
            return part.copy()
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.uint8)
