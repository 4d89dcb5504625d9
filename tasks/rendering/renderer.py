"""What a renderer is: jobs in, masters out. Every renderer passes the contract suite in tests/rendering."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.rendering.job import RenderJob, take_seed
from tasks.shapes import Box
from tasks.steering import PLAIN, Steering

Pixels = NDArray[np.uint8]  # (height, width, 3), sRGB
Alpha = NDArray[np.uint8]  # (height, width), 0 background .. 255 product


def _always() -> bool:
    return True


@dataclass(frozen=True)
class RenderRequest:
    """A job, which take of it, and the bytes it needs: pictures by SHA-256 digest (product and references).

    `job` is the job as steered already; of the steering a renderer looks at what a job has no fields for. `wanted` is
    asked right before the model draws it, from any thread: once it says no, the request comes back as CalledOff.
    """

    job: RenderJob
    take: int
    images: Mapping[str, bytes]
    steering: Steering = PLAIN
    wanted: Callable[[], bool] = field(default=_always, compare=False, repr=False)

    @property
    def seed(self) -> int:
        """The seed of this take, or of the one whose seed it keeps."""
        return take_seed(self.job.seed, self.take if self.steering.seed_of is None else self.steering.seed_of)


@dataclass(frozen=True)
class Rendered:
    """One finished master with what the checks need to judge it.

    `raw` is the model's own decode before the product's pixels were pasted back (same size as `pixels`), `expected`
    the placed product on an empty canvas, `alpha` the placed product's matte, `product_box` the box around alpha > 0.
    `rework`, where a renderer can, finishes the same decode for a request that the model would draw no differently.
    """

    request: RenderRequest
    pixels: Pixels
    raw: Pixels
    expected: Pixels
    alpha: Alpha
    product_box: Box
    cut: float = 0.0  # share of a side of the product that its own picture cuts off
    seconds: Mapping[str, float] = field(default_factory=dict)  # by stage: text, condition, denoise, decode, paste
    notes: tuple[str, ...] = ()  # what a reader of the manifest should know, e.g. a prompt that was cut
    rework: "Callable[[RenderRequest], Rendered | Failed] | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Failed:
    """A job that could not be rendered, with the reason; its neighbours went on."""

    request: RenderRequest
    reason: str


@dataclass(frozen=True)
class CalledOff(Failed):
    """A job that was not drawn, because nobody wanted it any more when its turn came."""

    reason: str = "called off"


class Renderer(Protocol):
    """Renders requests in any batches it likes; yields one outcome per request, in any order.

    `requests` may be read from another thread, and no further ahead than there is room. `prepare` is told beforehand
    what will be asked for, where that is known.
    """

    name: str

    def prepare(self, jobs: Iterable[RenderJob]) -> None: ...

    def render(self, requests: Iterable[RenderRequest]) -> Generator[Rendered | Failed]: ...
