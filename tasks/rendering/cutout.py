"""The product without its ground: from the picture's alpha, else by matting a plain ground."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np

from tasks.errors import ImageError
from tasks.rendering.fringe import without_fringe
from tasks.rendering.ground import SEARCH_SIDE, Mask, find_product
from tasks.rendering.matte import matte
from tasks.rendering.picture import RGBA, bounding_box, read_rgba
from tasks.rendering.renderer import Pixels
from tasks.shapes import Box, Size

CLEAR = 250  # an alpha below this is meant; above it is a rounding error
HALF = 127
FAINT = 8  # alpha up to this is dust in the corner of a frame


@dataclass(frozen=True)
class CutOut:
    """A product trimmed to its own box: straight-alpha RGBA, where it was in its picture, and how it was found."""

    rgba: RGBA
    box: Box
    frame: Size
    method: str  # "alpha", "ground" or "model"

    @property
    def cut(self) -> float:
        """Largest share of a side of its box that lies on the picture's own edge, 0..1: there the product goes on.

        A cut-out that was trimmed to its box touches all four edges, and is whole.
        """
        box, frame, alpha = self.box, self.frame, self.rgba[..., 3]
        sides = (
            (box.left == 0, alpha[:, 0]),
            (box.top == 0, alpha[0]),
            (box.right == frame.width, alpha[:, -1]),
            (box.bottom == frame.height, alpha[-1]),
        )
        touched = [float((line > HALF).mean()) for touches, line in sides if touches]
        return 0.0 if len(touched) == len(sides) else max(touched, default=0.0)


class FindsProducts(Protocol):
    """A segmentation model: the silhouette of what is in the picture."""

    def find_product(self, rgb: Pixels) -> Mask: ...


def cut_out(data: bytes, *, segmenter: FindsProducts | None = None) -> CutOut:
    """Cut the product out of a picture file: by its alpha, by a plain ground, else by `segmenter`.

    Raises ImageError where there is no product, or where its ground is not plain and there is no segmenter.
    """
    rgba = read_rgba(data)
    alpha = rgba[..., 3]
    if alpha.max() <= FAINT:
        raise ImageError("the product picture is fully transparent; supply one that shows the product")
    if (alpha < CLEAR).mean() > 0.001:
        return _trimmed(without_fringe(rgba), method="alpha")
    rgb = np.ascontiguousarray(rgba[..., :3])
    try:
        product, method = find_product(rgb), "ground"
    except ImageError:
        if segmenter is None:
            raise
        product, method = segmenter.find_product(rgb), "model"
    return _trimmed(_matted(rgb, product), method=method)


def _matted(rgb: Pixels, product: Mask) -> RGBA:
    """RGBA of a picture with a known silhouette; only the product's surroundings are looked at closely."""
    around = _grown(bounding_box((product * 255).astype(np.uint8)), by=48, frame=Size(rgb.shape[1], rgb.shape[0]))
    window = (slice(around.top, around.bottom), slice(around.left, around.right))
    rgba = np.dstack([rgb, np.zeros(rgb.shape[:2], dtype=np.uint8)])
    scale = max(1.0, max(rgb.shape[:2]) / SEARCH_SIDE)
    rgba[window] = matte(np.ascontiguousarray(rgb[window]), product[window], scale=scale)
    return rgba


def _grown(box: Box, *, by: int, frame: Size) -> Box:
    right, bottom = min(box.right + by, frame.width), min(box.bottom + by, frame.height)
    return Box(max(box.left - by, 0), max(box.top - by, 0), right, bottom)


def _trimmed(rgba: RGBA, *, method: str) -> CutOut:
    alpha = np.where(rgba[..., 3] <= FAINT, 0, rgba[..., 3]).astype(np.uint8)
    box = bounding_box(alpha)
    if box.is_empty:
        raise ImageError("the product picture is fully transparent; supply one that shows the product")
    whole = np.dstack([rgba[..., :3], alpha])
    trimmed = np.ascontiguousarray(whole[box.top : box.bottom, box.left : box.right])
    trimmed.setflags(write=False)
    return CutOut(rgba=trimmed, box=box, frame=Size(rgba.shape[1], rgba.shape[0]), method=method)


class CutOutCache:
    """The last `size` cut-outs by digest of their bytes; safe to share between threads."""

    def __init__(self, size: int = 32, *, segmenter: FindsProducts | None = None) -> None:
        self._size = size
        self._segmenter = segmenter
        self._kept: OrderedDict[str, CutOut] = OrderedDict()
        self._lock = Lock()

    def get(self, data: bytes) -> CutOut:
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        made = cut_out(data, segmenter=self._segmenter)
        with self._lock:
            self._kept[digest] = made
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return made
