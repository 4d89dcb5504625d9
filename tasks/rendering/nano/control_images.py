"""Control images for training: what the renderer itself draws of a placed product, and the edges of a whole picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.canvas import EMPTY, over
from tasks.rendering.controls import CANNY, draw_control
from tasks.rendering.job import ControlUse, Staging
from tasks.rendering.nano.paint import Field


def depth_image(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], *, edge: float) -> Field:
    """(height, width) 0..1: the renderer's own ground plane from `edge` (share from the top), the product on it."""
    return _as_rendered("depth", pixels, alpha, ground=edge)


def canny_image(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Field:
    """(height, width) 0 or 1: the edges of the product alone, as the renderer draws them."""
    return _as_rendered("canny", pixels, alpha, ground=None)


def scene_edges(pixels: NDArray[np.uint8], *, finer: float = 1.0) -> Field:
    """(height, width) 0 or 1: the edges of the whole picture, by thresholds `finer` times as low as the renderer's."""
    grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    return np.asarray(cv2.Canny(grey, CANNY[0] / finer, CANNY[1] / finer), np.float32) / 255


def _as_rendered(kind: str, pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], *, ground: float | None) -> Field:
    use = ControlUse.model_validate({"kind": kind})
    alone = over(pixels, alpha, np.full_like(pixels, EMPTY))
    drawn = draw_control(use, alone, alpha, Staging(ground=ground))
    return drawn[..., 0].astype(np.float32) / 255
