"""A job on its way through the renderer's stages, and which jobs may share a batch."""

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from tasks.rendering.job import RenderJob, canonical_json
from tasks.rendering.kolors import Condition
from tasks.rendering.renderer import Failed, Pixels, RenderRequest
from tasks.rendering.staged import Staged

logger = logging.getLogger(__name__)

STAGES = ("text", "condition", "denoise", "decode", "paste")


@dataclass(frozen=True)
class Drawing:
    """A job on its way through the stages: what each has made of it, and how long it took."""

    staged: Staged
    condition: Condition | None = None
    latent: torch.Tensor | None = None
    raw: Pixels | None = None
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @property
    def request(self) -> RenderRequest:
        return self.staged.request

    def timed(self, stage: str, start: float, *, share: int = 1) -> "Drawing":
        """The same, with the seconds since `start` noted, divided among the `share` jobs of a batch."""
        return replace(self, seconds={**self.seconds, stage: (time.perf_counter() - start) / share})


def batch_key(job: RenderJob) -> bytes:
    """What jobs must share to be drawn in one batch."""
    reference = job.reference.model_dump(mode="json") if job.reference is not None else None
    controls = [use.model_dump(mode="json") for use in job.controls]
    return canonical_json(
        [job.background, job.width, job.height, job.sampler.model_dump(mode="json"), controls, reference]
    )


def grouped(requests: Sequence[RenderRequest]) -> list[RenderRequest]:
    """The same requests, those that can share a batch next to one another."""
    groups: OrderedDict[bytes, list[RenderRequest]] = OrderedDict()
    for request in requests:
        groups.setdefault(batch_key(request.job), []).append(request)
    return [request for group in groups.values() for request in group]


def undrawn(staged: Staged) -> tuple[str, ...]:
    if staged.job.background == "white":
        return ()
    return ("商品占满画布，未画背景 the product fills the whole canvas: there was no background to draw",)


def failed(request: RenderRequest, error: BaseException) -> Failed:
    logger.warning("job %s failed: %s", request.job.job_id, error)
    return Failed(request=request, reason=str(error) or type(error).__name__)
