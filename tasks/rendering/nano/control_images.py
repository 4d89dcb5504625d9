"""Control images for training: the depth of a set with a ground plane, and the edges of what is kept."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.nano.paint import Field


def depth_image(rng: np.random.Generator, alpha: NDArray[np.uint8], *, edge: float, base: float) -> Field:
    """(height, width) 0..1, near is bright: a far wall, a ground up to the lens, the product as deep as its base."""
    height, width = alpha.shape
    rows = (np.arange(height, dtype=np.float32) + 0.5) / height
    wall, power = rng.uniform(0.0, 0.3), rng.uniform(0.7, 1.5)
    start = min(wall + rng.uniform(0.0, 0.2), 0.9)
    ground = start + (1 - start) * np.clip((rows - edge) / (1 - edge), 0, 1) ** power
    column = np.where(rows < edge, wall, ground)
    depth = np.broadcast_to(column[:, None], (height, width)).copy()
    here = float(np.interp(base, rows, column)) + rng.uniform(0, 0.05)
    kept = alpha.astype(np.float32) / 255
    return (depth * (1 - kept) + min(here, 1.0) * kept).astype(np.float32)


def canny_image(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Field:
    """(height, width) 0 or 1: edges (100/200, as Kolors' annotator) of the product alone on grey."""
    kept = (alpha > 127)[..., None]
    alone = np.where(kept, pixels, 128).astype(np.uint8)
    return np.asarray(cv2.Canny(alone, 100, 200), np.float32) / 255
