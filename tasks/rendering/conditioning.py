"""What steers one picture, from a staged job: its text, canvas, mask, control pictures and references."""

from collections import OrderedDict
from threading import Lock

import numpy as np
import torch

from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.renderer import Pixels
from tasks.rendering.staged import Staged
from tasks.rendering.text import TextService
from tasks.rendering.worksize import enlarge_blocks

KEPT = 64  # sets of reference pictures whose features are kept


class References:
    """Features of reference pictures: a brand's few come back with every job."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()

    def features(self, staged: Staged, kolors: Kolors, *, aside: Lock) -> torch.Tensor | None:
        """Those of the job's pictures, None where it has none; `aside` is held while they are encoded."""
        if not staged.references or staged.job.reference is None:
            return None
        key = ":".join(staged.job.reference.images)
        if key not in self._kept:
            with aside:
                self._kept[key] = kolors.encode_reference(staged.references)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def clear(self) -> None:
        self._kept.clear()


def condition_of(staged: Staged, text: TextService, reference: torch.Tensor | None) -> Condition:
    """All that steers the picture of a staged job."""
    job = staged.job
    positive, negative = text.encode([job.prompt, job.negative_prompt])
    return Condition(
        size=staged.size,
        seed=staged.request.seed,
        positive=positive,
        negative=negative,
        canvas=_tensor(staged.pixels),
        mask=torch.from_numpy((~enlarge_blocks(staged.keep)).astype(np.float32))[None],
        sampler=job.sampler,
        controls=tuple((use, _tensor(image)) for use, image in staged.controls),
        reference=reference,
        reference_scale=job.reference.scale if job.reference is not None and reference is not None else 0.0,
    )


def _tensor(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255.0
