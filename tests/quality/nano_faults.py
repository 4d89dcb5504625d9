"""kolors-nano as it renders, with a fault planted into its decode: what comes before and after is the real thing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.devices import pick_device
from tasks.rendering.drawing import Drawing
from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.modelset import find_model_set
from tasks.rendering.renderer import Failed, Pixels
from tasks.rendering.staged import Staged
from tests.quality.planting import glyph

Floats = NDArray[np.float32]
Fault = Callable[[Pixels, Staged], Floats]


class FaultyNano(KolorsRenderer):
    """`fault` changes every decode; None changes none. `native_size` is the side in px that it draws at."""

    def __init__(self, fault: Fault | None = None, *, native_size: int = 256) -> None:
        found = find_model_set("kolors-nano", models_dir=None).model_copy(update={"native_size": native_size})
        super().__init__(found, device=pick_device("cpu"))
        self.fault = fault

    def _decode_batch(self, batch: Sequence[Drawing]) -> Iterator[Drawing | Failed]:
        for one in super()._decode_batch(batch):
            if self.fault is None or isinstance(one, Failed) or one.raw is None:
                yield one
            else:
                spoilt = np.clip(np.rint(self.fault(one.raw, one.staged)), 0, 255).astype(np.uint8)
                yield replace(one, raw=spoilt)


def _away(staged: Staged) -> Floats:
    """Distance in px of the decode from the product's outline."""
    alpha = cv2.resize(staged.canvas.alpha, staged.size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.distanceTransform((alpha == 0).astype(np.uint8), cv2.DIST_L2, 5))


def rim(raw: Pixels, staged: Staged) -> Floats:
    """A ring of 10 px beside the product a third darker, with a sharp end."""
    return np.asarray(raw * np.where(_away(staged) < 10, np.float32(0.66), np.float32(1))[..., None], np.float32)


def bleeding(raw: Pixels, staged: Staged) -> Floats:
    """Green from the product's place bled into what is around it, 26 px wide."""
    fade = np.clip(1.6 * (1 - _away(staged) / 26), 0, 1)[..., None]
    return np.asarray(raw + fade * np.array([-60, 10, -60], np.float32), np.float32)


def dark(raw: Pixels, staged: Staged) -> Floats:
    return np.asarray(raw * np.float32(0.12), np.float32)


def writing(raw: Pixels, staged: Staged) -> Floats:
    """A line of invented characters, unless the negative prompt ends with the repair's word for what bears them."""
    if staged.job.negative_prompt.endswith("招牌"):
        return raw.astype(np.float32)
    line = np.hstack([glyph(20, np.random.default_rng(number)) for number in range(4)])
    written = raw.astype(np.float32)
    top, left = raw.shape[0] // 14, raw.shape[1] // 12
    part = written[top : top + line.shape[0], left : left + line.shape[1]]
    part += line[..., None] * (np.float32(20) - part)
    return written
