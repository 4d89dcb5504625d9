"""The last step: the generated background, shaded, under the product's own pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.errors import RenderError
from tasks.rendering.canvas import Canvas, over
from tasks.rendering.picture import Floats, bounding_box
from tasks.rendering.renderer import Alpha, Pixels
from tasks.rendering.worksize import Blocks, enlarge_blocks
from tasks.shapes import Size

GRAIN = 1.1  # sRGB levels; what an enlarged background lacks is the finest texture
BLEED = 3  # px next to a kept block that the decoder still mixes with it
ROUNDS, FINE = 60, 256  # smoothing a level of the fill; above 256 px the coarser levels have done most of it
NEIGHBOURS = np.array([[0.0, 0.015, 0.0], [0.485, 0.0, 0.485], [0.0, 0.015, 0.0]], dtype=np.float32)
AROUND = 32  # px of the generated side that the fill looks at beyond its own edge
ISLAND = 2  # feathers from its edge to its middle that generated ground needs to be seen as ground
FEATHER = 10  # px over which the generated side takes over from what is filled in: a step there looks stuck on


def background_from(raw: Pixels, keep: Blocks, *, feather: float = 1.0) -> Pixels:
    """The decode with everything in and next to kept blocks filled in from the generated side.

    Kept blocks show the product and, around it, the empty canvas: neither may shine through the matte's soft edge.
    `feather` widens, so many times, the way over which one goes over into the other.
    """
    width = FEATHER * feather
    if not keep.any() or keep.all():
        return raw
    away = _without_islands(cv2.distanceTransform(1 - enlarge_blocks(keep).astype(np.uint8), cv2.DIST_L2, 5), width)
    generated = away > BLEED + width / 2
    if not generated.any():
        return raw
    window = _window(away < BLEED + width)
    done = raw.copy()
    filled = _filled(raw[window], generated[window])
    rise = ((away[window] - BLEED) / width).clip(0, 1)[..., None]
    share = rise * rise * (3 - 2 * rise)  # smoothstep: no edge at either end
    done[window] = np.rint(share * raw[window] + (1 - share) * filled).clip(0, 255)
    return done


def _without_islands(away: Floats, width: float) -> Floats:
    """Distances with 0 on generated ground too narrow to be shown, as in a handle: its middle would be a spot."""
    count, labels = cv2.connectedComponents((away > BLEED).astype(np.uint8))
    deepest = np.zeros(count, np.float32)
    np.maximum.at(deepest, labels.ravel(), away.ravel())
    narrow = deepest < BLEED + ISLAND * width
    narrow[0] = False  # kept blocks
    return away if narrow[1:].all() else np.where(narrow[labels], 0, away).astype(np.float32)


def _window(near: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rectangle around what is to be filled, with some of the generated side to fill it from."""
    box = bounding_box(near.astype(np.uint8))
    rows = slice(max(0, box.top - AROUND), box.bottom + AROUND)
    return rows, slice(max(0, box.left - AROUND), box.right + AROUND)


def _filled(raw: Pixels, known: NDArray[np.bool_]) -> Floats:
    """The fill at the picture's size; as smooth as it is, it is worked out at no more than 2 x FINE px."""
    height, width = known.shape
    scale = min(1.0, 2 * FINE / max(height, width))
    if scale == 1 or not known.any():
        return membrane(raw.astype(np.float32), known)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    masked = cv2.resize(raw * known[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = masked / np.maximum(weight, 1e-3)[..., None]
    filled = membrane(small, weight > 0.5 if (weight > 0.5).any() else weight > 0)
    return np.asarray(cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def membrane(image: Floats, known: NDArray[np.bool_]) -> Floats:
    """Everything that is not known filled without a step: each pixel the mean of its neighbours, coarse to fine.

    Neighbours in a row count more than those above and below, which keeps a horizon level.
    """
    share = known.astype(np.float32)
    levels = [(image * share[..., None], share)]
    while levels[-1][1].shape[1] > 4:
        height, width = levels[-1][1].shape
        half = (width // 2, height // 2 if len(levels) % 4 == 0 and height > 4 else height)  # along rows first
        levels.append(tuple(cv2.resize(one, half, interpolation=cv2.INTER_AREA) for one in levels[-1]))
    filled = np.full((*levels[-1][1].shape, image.shape[2]), image[known].mean(axis=0), dtype=np.float32)
    for masked, weight in reversed(levels):
        filled = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        own = masked / np.maximum(weight, 1e-3)[..., None]
        filled = weight[..., None] * own + (1 - weight[..., None]) * filled
        for _ in range(ROUNDS if max(weight.shape) <= FINE else ROUNDS // 5):
            soft = cv2.filter2D(filled, -1, NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
            filled = np.where((weight > 0.999)[..., None], own, soft)
    return np.asarray(filled, dtype=np.float32)


def enlarge(background: Pixels, size: Size, *, seed: int) -> Pixels:
    """The background at the master's size; where it was enlarged, with a grain that depends on the seed alone."""
    if (background.shape[1], background.shape[0]) == size:
        return background
    larger = cv2.resize(background.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).standard_normal((size.height, size.width, 1), dtype=np.float32)
    return np.asarray(np.rint(larger + GRAIN * grain).clip(0, 255), dtype=np.uint8)


def paste(canvas: Canvas, background: Pixels) -> Pixels:
    """The products over the background. Raises RenderError where an opaque product pixel would have changed."""
    pixels = over(canvas.colour, canvas.alpha, background)
    covered = np.zeros_like(canvas.alpha)
    for part in reversed(canvas.parts):  # from the front: each is its own wherever nothing stands before it
        colour, alpha = part.on(canvas.size)
        assert_untouched(pixels, colour, np.where(covered > 0, 0, alpha).astype(np.uint8))
        covered = np.maximum(covered, alpha)
    assert_untouched(pixels, canvas.colour, canvas.alpha)
    return pixels


def assert_untouched(pixels: Pixels, product: Pixels, alpha: Alpha) -> None:
    """Raise RenderError unless every pixel well inside the matte is the product's own, bit for bit."""
    inside = cv2.erode((alpha == 255).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    changed = int((pixels[inside] != product[inside]).any(axis=-1).sum())
    if changed:
        raise RenderError(f"{changed} of {int(inside.sum())} product pixels changed on the way; the master is withheld")
