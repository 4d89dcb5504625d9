"""kolors-nano as it renders, with a fault planted into its decode: what comes before and after is the real thing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.engine import Drawing, KolorsRenderer, pick_device
from tasks.rendering.modelset import find_model_set
from tasks.rendering.renderer import Failed, Pixels
from tasks.rendering.staged import Staged
from tasks.rendering.worksize import enlarge_blocks

Floats = NDArray[np.float32]
Fault = Callable[[Pixels, Staged], Floats]


class FaultyNano(KolorsRenderer):
    """`fault` changes every decode; None changes none."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__(find_model_set("kolors-nano", models_dir=None), device=pick_device("cpu"))
        self.fault = fault

    def _decode_batch(self, batch: Sequence[Drawing]) -> Iterator[Drawing | Failed]:
        for one in super()._decode_batch(batch):
            if self.fault is None or isinstance(one, Failed) or one.raw is None:
                yield one
            else:
                spoilt = np.clip(np.rint(self.fault(one.raw, one.staged)), 0, 255).astype(np.uint8)
                yield replace(one, raw=spoilt)


def _from_kept(staged: Staged) -> Floats:
    """Distance in px of the decode from what the model was not to draw."""
    drawn = 1 - enlarge_blocks(staged.keep).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(drawn, cv2.DIST_L2, 5))


def rim(raw: Pixels, staged: Staged) -> Floats:
    """A ring of 12 px beside the kept blocks a fifth darker, with a sharp end."""
    return np.asarray(raw * np.where(_from_kept(staged) < 12, np.float32(0.8), np.float32(1))[..., None])


def bleeding(raw: Pixels, staged: Staged) -> Floats:
    """Green from the product's place bled into what is around it."""
    fade = np.clip(1 - _from_kept(staged) / 40, 0, 1)[..., None]
    return np.asarray(raw + fade * np.array([-26, 20, -26], np.float32), np.float32)


def dark(raw: Pixels, staged: Staged) -> Floats:
    return np.asarray(raw * np.float32(0.12), np.float32)
