"""At which size a job is diffused, and which blocks of it."""

import math

import numpy as np
from numpy.typing import NDArray

from tasks.rendering.renderer import Alpha
from tasks.shapes import Size

STEP = 64  # px; the UNet halves a latent of 1/8 size three times
BLOCK = 8  # px of one latent
KEEP_RING = 2  # px around the product that are kept too: the model sees its whole edge

Blocks = NDArray[np.bool_]  # (height / 8, width / 8)


def work_size(size: Size, native: int) -> Size:
    """The job's size where it fits the model's native area, else nearly its ratio at about that area.

    Sides are multiples of 64 px; what the rounding costs in ratio is undone when the background is enlarged.
    """
    if size.width * size.height <= native * native:
        return size
    scale = math.sqrt(native * native / (size.width * size.height))
    width, height = size.width * scale, size.height * scale
    options = [Size(w, h) for w in _steps(width) for h in _steps(height) if w * h <= 1.3 * native * native] or [
        Size(max(STEP, int(width) // STEP * STEP), max(STEP, int(height) // STEP * STEP))
    ]
    return min(
        options,
        key=lambda s: (abs(math.log(s.ratio / size.ratio)) + 0.25 * abs(math.log(s.width * s.height / native**2)), s),
    )


def _steps(side: float) -> set[int]:
    return {max(STEP, math.floor(side / STEP) * STEP), max(STEP, math.ceil(side / STEP) * STEP)}


def keep_blocks(alpha: Alpha, *, ring: int = KEEP_RING) -> Blocks:
    """Latent blocks that show any of the product or its ring: these are given to the model, the others are drawn.

    Maximum over each block, not a sample of it: a strap thinner than a block stays.
    """
    height, width = alpha.shape
    present = np.pad(alpha > 0, ring)
    grown = np.zeros((height, width), dtype=np.bool_)
    for down in range(2 * ring + 1):
        for across in range(2 * ring + 1):
            grown |= present[down : down + height, across : across + width]
    return np.asarray(grown.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).any(axis=(1, 3)))


def enlarge_blocks(blocks: Blocks) -> Blocks:
    """One entry per pixel, aligned to the blocks, so that any way of sampling it gives the blocks back."""
    return np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
