"""A job up to the model's door: decoded, cut out, placed, its controls drawn. NumPy only, off the model's thread."""

from dataclasses import dataclass
from typing import Protocol

from tasks.errors import RenderError
from tasks.rendering.canvas import EMPTY, WHITE, Canvas, resize_pixels, stage_all
from tasks.rendering.controls import draw_control
from tasks.rendering.cutout import CutOut, CutOutCache
from tasks.rendering.job import ControlUse, RealSize, RenderJob
from tasks.rendering.picture import Floats, read_rgba
from tasks.rendering.renderer import Alpha, Pixels, RenderRequest
from tasks.rendering.worksize import KEEP_RING, Blocks, keep_blocks, work_size
from tasks.shapes import Size

REFERENCE_SIDE = 768  # px; the image encoder looks at 336


@dataclass(frozen=True)
class Staged:
    """The placed product at the master's size, and what the model gets of it at its own."""

    request: RenderRequest
    canvas: Canvas
    size: Size  # the model's
    pixels: Pixels  # the canvas at that size
    keep: Blocks
    controls: tuple[tuple[ControlUse, Pixels], ...] = ()
    references: tuple[Pixels, ...] = ()
    cut: float = 0.0  # as CutOut.cut

    @property
    def job(self) -> RenderJob:
        return self.request.job

    @property
    def is_drawn(self) -> bool:
        """Whether there is anything for the model to draw."""
        return self.job.background == "generated" and not bool(self.keep.all())


class GivesRelief(Protocol):
    """A depth model: how a product's parts lie before and behind one another."""

    def relief_of(self, picture: Pixels, alpha: Alpha) -> Floats: ...


def stage_request(
    request: RenderRequest, *, native_size: int, cutouts: CutOutCache, estimator: GivesRelief | None = None
) -> Staged:
    """Everything about a job that needs no picture model. Raises ImageError or RenderError.

    `estimator` is asked only where a control wants relief.
    """
    job = request.job
    white = job.background == "white"
    products = _products(request, cutouts)
    canvas = stage_all(products, job.size, job.staging, empty=WHITE if white else EMPTY)
    size = job.size if white else work_size(job.size, native_size)
    pixels = resize_pixels(canvas.expected, size)
    alpha = resize_pixels(canvas.alpha, size)
    uses = () if white else job.controls
    wants_relief = estimator is not None and any(use.relief for use in uses)
    relief = estimator.relief_of(pixels, alpha) if estimator is not None and wants_relief else None
    return Staged(
        request=request,
        canvas=canvas,
        size=size,
        pixels=pixels,
        keep=keep_blocks(alpha, ring=KEEP_RING + request.steering.keep_ring),
        controls=tuple(
            (use, draw_control(use, pixels, alpha, job.staging, people=job.people, relief=relief)) for use in uses
        ),
        references=_references(request),
        cut=max(cutout.cut for cutout, _ in products),
    )


def _products(request: RenderRequest, cutouts: CutOutCache) -> list[tuple[CutOut, RealSize | None]]:
    """The SKU's own cut-out first, its companions after it."""
    job = request.job
    named = [(job.product_image, job.product_size), *((one.image, one.real) for one in job.companions)]
    return [(cutouts.get(_image(request, digest, "product picture")), real) for digest, real in named]


def _references(request: RenderRequest) -> tuple[Pixels, ...]:
    reference = request.job.reference
    if reference is None or reference.scale == 0 or request.job.background == "white":
        return ()
    pictures = [
        read_rgba(_image(request, digest, "reference picture"), max_side=REFERENCE_SIDE) for digest in reference.images
    ]
    return tuple(picture[..., :3] for picture in pictures)


def _image(request: RenderRequest, digest: str, what: str) -> bytes:
    try:
        return request.images[digest]
    except KeyError:
        raise RenderError(f"the {what} {digest[:12]} did not come with the request; supply its bytes") from None
