"""The last step: the generated background, shaded, under the product's own pixels."""

import cv2
import numpy as np

from tasks.errors import RenderError
from tasks.rendering.canvas import Canvas, over
from tasks.rendering.picture import spread
from tasks.rendering.renderer import Alpha, Pixels
from tasks.rendering.worksize import BLOCK, Blocks, enlarge_blocks
from tasks.shapes import Size

GRAIN = 1.1  # sRGB levels; what an enlarged background lacks is the finest texture
BLEED = 3  # px next to a kept block that the decoder still mixes with it
FEATHER = 10  # px over which the generated side takes over from what is filled in: a step there looks stuck on


def background_from(raw: Pixels, keep: Blocks, *, feather: float = 1.0) -> Pixels:
    """The decode with everything in and next to kept blocks filled in from the generated side.

    Kept blocks show the product and, around it, the empty canvas: neither may shine through the matte's soft edge.
    `feather` widens, so many times, the way over which one goes over into the other.
    """
    width = FEATHER * feather
    if not keep.any() or keep.all():
        return raw
    away = cv2.distanceTransform(1 - enlarge_blocks(keep).astype(np.uint8), cv2.DIST_L2, 5)
    generated = away > BLEED + width / 2
    if not generated.any():
        return raw
    filled = spread(raw.astype(np.float32), generated, reach=BLOCK, flat=0.1)
    rise = ((away - BLEED) / width).clip(0, 1)[..., None]
    share = rise * rise * (3 - 2 * rise)  # smoothstep: no edge at either end
    return np.asarray(np.rint(share * raw + (1 - share) * filled).clip(0, 255), dtype=np.uint8)


def enlarge(background: Pixels, size: Size, *, seed: int) -> Pixels:
    """The background at the master's size; where it was enlarged, with a grain that depends on the seed alone."""
    if (background.shape[1], background.shape[0]) == size:
        return background
    larger = cv2.resize(background.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).standard_normal((size.height, size.width, 1), dtype=np.float32)
    return np.asarray(np.rint(larger + GRAIN * grain).clip(0, 255), dtype=np.uint8)


def paste(canvas: Canvas, background: Pixels) -> Pixels:
    """The product over the background. Raises RenderError where an opaque product pixel would have changed."""
    pixels = over(canvas.colour, canvas.alpha, background)
    assert_untouched(pixels, canvas.colour, canvas.alpha)
    return pixels


def assert_untouched(pixels: Pixels, product: Pixels, alpha: Alpha) -> None:
    """Raise RenderError unless every pixel well inside the matte is the product's own, bit for bit."""
    inside = cv2.erode((alpha == 255).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    changed = int((pixels[inside] != product[inside]).any(axis=-1).sum())
    if changed:
        raise RenderError(f"{changed} of {int(inside.sum())} product pixels changed on the way; the master is withheld")
