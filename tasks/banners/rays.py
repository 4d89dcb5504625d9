"""How the lines of a ground run on beyond the picture's edge: planks and tiles seen in perspective fan out."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.banners.pixels import Pixels

Floats = NDArray[np.float32]

# Lines that are less alike than this (0 noise, 1 parallel lines) are none.
ALIKE = 0.25
# What a pixel's squared gradient is of what nobody sees.
FLAT = 30.0
# Lines lean by this at most (px along the seam a px outwards), and fan out by so many heights' ways in one height.
MOST_SLOPE, MOST_FAN = 2.0, 6.0


class Rays(NamedTuple):
    """At row `r` (px from the middle of the seam) lines run along it by `slope + fan * r` px a px outwards."""

    slope: float
    fan: float  # a px; 0 for parallel lines
    level_out: float  # px, within which they turn square to the seam

    @property
    def are_lines(self) -> bool:
        return self.level_out > 0

    def scaled(self, scale: float) -> "Rays":
        return self._replace(fan=self.fan / scale, level_out=self.level_out * scale)

    def inside(self, height: int, away: Floats, depth: Floats) -> Floats:
        """Rows (height, len(away)) at which the line through each row, `away` px outside, is `depth` px inside."""
        rows = np.arange(height, dtype=np.float32)[:, None] - np.float32(height / 2)
        if not self.are_lines:
            return np.broadcast_to(rows + np.float32(height / 2), (height, len(away)))
        away = -np.float32(self.level_out) * np.expm1(-away / np.float32(self.level_out))
        at_seam = (rows - np.float32(self.slope) * away) / (1 + np.float32(self.fan) * away)
        return np.asarray(at_seam * (1 - np.float32(self.fan) * depth) + (height / 2 - self.slope * depth), np.float32)


STRAIGHT = Rays(0.0, 0.0, 0.0)


def find_rays(strip: Pixels, *, level_out: float) -> Rays:
    """The lines of a strip whose left edge is the seam, by least squares over its gradients; STRAIGHT where none are.

    Nothing changes along a line. One that leans by slope + fan * r at the seam does so `in` px before it where
    along * (slope + fan * r) + outwards * (1 - fan * in) = 0.
    """
    height, width = strip.shape[:2]
    if min(height, width) < 8:
        return STRAIGHT
    grey = cv2.cvtColor(np.ascontiguousarray(strip), cv2.COLOR_RGB2GRAY)
    outwards, along = -cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    rows = (np.arange(height, dtype=np.float32)[:, None] - np.float32(height / 2)) / height
    turning = along * rows - outwards * (np.arange(width, dtype=np.float32) + np.float32(0.5)) / height
    own, mixed = float((along * along).sum()), float((along * turning).sum())
    matrix = np.array([[own, mixed], [mixed, float((turning * turning).sum())]])
    right = -np.array([float((along * outwards).sum()), float((turning * outwards).sum())])
    slope, fan = np.linalg.solve(matrix + np.eye(2) * 1e-3 * (own + 1), right)
    slope, fan = float(np.clip(slope, -MOST_SLOPE, MOST_SLOPE)), float(np.clip(fan, 0, MOST_FAN))
    left_over = float(((along * np.float32(slope) + turning * np.float32(fan) + outwards) ** 2).sum())
    energy = own + float((outwards * outwards).sum())
    alike = 1 - (2 * left_over + FLAT * grey.size) / (energy + FLAT * grey.size)
    return Rays(slope, fan / height, level_out * height) if alike >= ALIKE else STRAIGHT
