"""A renderer that paints plain scenes in place of a model, and paints them badly where a test says so.

Everything around the painting is real: staging, what is kept of the canvas, finishing, reworking.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tasks.errors import RenderError
from tasks.rendering.cutout import CutOutCache
from tasks.rendering.finish import finish
from tasks.rendering.renderer import Failed, Pixels, Rendered, Renderer, RenderRequest
from tasks.rendering.staged import Staged, stage_request
from tasks.rendering.worksize import enlarge_blocks
from tasks.workplace import Workplace, open_workplace

MODEL = "sleep-0ms"
SECONDS = 3.6  # of a card, said to be spent on each drawing: a thousandth of an hour


class Drawn(NamedTuple):
    """What is drawn: whose product, and by the seed of which take."""

    product: str
    take: int


class PaintingRenderer(Renderer):
    """`plant` names the defect of a drawing, or "". `shift` is added to every colour; `seconds` are said to pass."""

    def __init__(
        self, plant: Callable[[Drawn], str] = lambda drawn: "", *, shift: int = 0, seconds: float = SECONDS
    ) -> None:
        self.name = MODEL
        self.plant, self.shift, self.seconds = plant, shift, seconds
        self.drawn: list[Drawn] = []
        self._cutouts = CutOutCache()

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[Rendered | Failed]:
        for request in requests:
            staged = stage_request(request, native_size=512, cutouts=self._cutouts)
            try:
                raw = self._draw(staged) if staged.is_drawn else None
            except RenderError as error:
                yield Failed(request, str(error))
            else:
                yield self._finish(staged, raw, self.seconds, request)

    def _finish(self, staged: Staged, raw: Pixels | None, seconds: float, request: RenderRequest) -> Rendered:
        again = Staged(**{**vars(staged), "request": request})
        done = finish(again, raw, seconds={"denoise": seconds}, notes=())
        return Rendered(**{**vars(done), "rework": partial(self._finish, staged, raw, 0.0)})

    def _draw(self, staged: Staged) -> Pixels:
        request = staged.request
        take = request.take if request.steering.seed_of is None else request.steering.seed_of
        drawn = Drawn(request.job.product_image, take)
        self.drawn.append(drawn)
        kept = enlarge_blocks(staged.keep)[..., None]
        raw = np.where(kept, staged.pixels, scene(staged, seed=request.seed)).astype(np.uint8)
        raw = DEFECTS[self.plant(drawn)](raw, staged)
        return np.clip(raw.astype(np.int16) + self.shift, 0, 255).astype(np.uint8)


def scene(staged: Staged, *, seed: int) -> Pixels:
    """A wall and a table in seeded colours with a grain; different for every seed."""
    random = np.random.default_rng(seed)
    height, width = staged.size.height, staged.size.width
    wall, table = random.integers(120, 200, 3), random.integers(90, 170, 3)
    rows = np.linspace(0, 1, height)[:, None, None]
    picture = np.where(rows < 0.6, wall * (0.8 + 0.4 * rows), table * (1.25 - 0.4 * rows)) * np.ones((1, width, 1))
    blobs = cv2.resize(random.normal(0, 7, (8, 8, 1)), (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(picture + blobs + random.normal(0, 2.5, (height, width, 1)), 0, 255).astype(np.uint8)


def _grown(raw: Pixels, staged: Staged) -> Pixels:
    """A handle of the product's colour at its side."""
    solid = staged.pixels[_middle(staged)]
    box = staged.canvas.box
    scale = staged.size.width / staged.canvas.size.width
    left, top = int((box.right - box.width * 0.2) * scale), int((box.top + box.height * 0.3) * scale)
    grown = raw.copy()
    grown[top : top + int(box.height * scale * 0.35), left : left + int(box.width * scale * 0.5)] = solid
    return grown


def _middle(staged: Staged) -> tuple[int, int]:
    box, scale = staged.canvas.box, staged.size.width / staged.canvas.size.width
    return int((box.top + box.bottom) / 2 * scale), int((box.left + box.right) / 2 * scale)


def _dark(raw: Pixels, staged: Staged) -> Pixels:
    return (raw // 5).astype(np.uint8)


def _noise(raw: Pixels, staged: Staged) -> Pixels:
    return np.random.default_rng(staged.request.seed).integers(0, 256, raw.shape, dtype=np.uint8)


def _alike(raw: Pixels, staged: Staged) -> Pixels:
    """The same scene whatever the seed."""
    return np.where(enlarge_blocks(staged.keep)[..., None], raw, scene(staged, seed=1)).astype(np.uint8)


DEFECTS: dict[str, Callable[[Pixels, Staged], Pixels]] = {
    "": lambda raw, staged: raw,
    "growth": _grown,
    "dark": _dark,
    "noise": _noise,
    "alike": _alike,
}


class WorkplaceWith(Workplace):
    """A workplace whose renderer is given."""

    def __init__(self, renderer: PaintingRenderer) -> None:
        super().__init__(open_workplace().settings)
        self._given = renderer

    def renderer(self, model: str) -> Renderer:
        return self._given


def digest_of(workplace: Workplace, catalogue: Path, image: str) -> str:
    return workplace.images(str(catalogue)).digest(image)
