"""What the checks look at: one finished master and what is known of how it was made."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import RenderError
from tasks.shapes import Box

Pixels = NDArray[np.uint8]  # (height, width, 3), sRGB
Alpha = NDArray[np.uint8]  # (height, width), 0 background .. 255 product
Mask = NDArray[np.uint8]  # (height, width), 0 or 255
Plane = NDArray[np.uint8]  # (height, width), any one channel


@dataclass(frozen=True)
class Evidence:
    """One master to judge; all arrays have the same height and width.

    `raw` is the model's own decode before the product was pasted back (None where no model drew the background),
    `expected` the placed product on an empty canvas, `alpha` its matte, `encoded` the master's file as it will be
    stored. `light` is where the scene's light comes from, degrees clockwise from the top, `cut` the share of a
    side of the product that its own picture cuts off.
    RenderError where sizes differ.
    """

    pixels: Pixels
    raw: Pixels | None
    expected: Pixels
    alpha: Alpha
    product_box: Box
    background: Literal["generated", "white"] = "generated"
    encoded: bytes | None = None
    light: float | None = None
    prompt: str = ""
    cut: float = 0.0

    def __post_init__(self) -> None:
        height, width = self.pixels.shape[:2]
        pictures = {"pixels": self.pixels, "raw": self.raw, "expected": self.expected}
        wanted = dict.fromkeys(pictures, (height, width, 3)) | {"alpha": (height, width)}
        for name, array in (pictures | {"alpha": self.alpha}).items():
            if array is None:
                continue
            if array.shape != wanted[name] or array.dtype != np.uint8:
                raise RenderError(
                    f"evidence: {name} is {array.dtype} {array.shape}, expected uint8 {wanted[name]} like the master; "
                    "the renderer must hand over arrays of one size"
                )
