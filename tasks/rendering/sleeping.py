"""A renderer that sleeps: for measuring everything around rendering, with pictures that cost next to nothing."""

import time
from collections.abc import Generator, Iterable

import numpy as np

from tasks.rendering.job import RenderJob, derive_seed
from tasks.rendering.renderer import CalledOff, Failed, Rendered, Renderer, RenderRequest
from tasks.rendering.staging import place
from tasks.shapes import Size

PRODUCT = Size(300, 400)  # the stand-in for every cut-out


class SleepRenderer(Renderer):
    """Takes `seconds` a job, asleep but for drawing a rectangle on a plain ground, both coloured by the job."""

    def __init__(self, seconds: float = 0.0, *, name: str = "sleep") -> None:
        self.name = name
        self._seconds = seconds

    def prepare(self, jobs: Iterable[RenderJob]) -> None:
        """Nothing to get ready."""

    def render(self, requests: Iterable[RenderRequest]) -> Generator[Rendered | Failed]:
        coming = iter(requests)
        request = next(coming, None)
        while request is not None:
            due = time.monotonic() + self._seconds
            outcome = self._render_one(request)
            request = next(
                coming, None
            )  # as the engine's stages do: the next one is fetched while this one takes its time
            time.sleep(max(0.0, due - time.monotonic()))
            yield outcome

    def _render_one(self, request: RenderRequest) -> Rendered | Failed:
        job = request.job
        if not request.wanted():
            return CalledOff(request)
        missing = job.product_image not in request.images
        if missing:
            return Failed(request, f"the product picture {job.product_image[:12]} did not come with the request")
        box = place(PRODUCT, job.size, job.staging).box
        inside = (slice(box.top, box.bottom), slice(box.left, box.right))
        alpha = np.zeros((job.height, job.width), dtype=np.uint8)
        alpha[inside] = 255
        expected = np.full((job.height, job.width, 3), 255 if job.background == "white" else 128, dtype=np.uint8)
        expected[inside] = _colour("product", job.product_image)
        pixels = np.empty_like(expected)
        pixels[:] = 255 if job.background == "white" else _colour("ground", str(request.seed), job.prompt)
        pixels[inside] = expected[inside]
        stages = {"text": 0.0, "condition": 0.0, "denoise": self._seconds, "decode": 0.0, "paste": 0.0}
        return Rendered(request, pixels, pixels, expected, alpha, box, seconds=stages)


def _colour(*words: str) -> tuple[int, int, int]:
    seed = derive_seed(*words)
    return (40 + seed % 170, 40 + (seed >> 16) % 170, 40 + (seed >> 32) % 170)
