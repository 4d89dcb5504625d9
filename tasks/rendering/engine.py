"""The renderer: jobs through text, condition, denoise, decode and paste, in batches that suit the card.

Every stage has a thread of its own and a bounded queue before it; the one that denoises does nothing else. A job that
fails is reported and its neighbours go on.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock

import cv2
import torch

from tasks.errors import RenderError, ShangxinError
from tasks.rendering.conditioning import References, condition_of
from tasks.rendering.cutout import CutOutCache
from tasks.rendering.devices import BATCH, pick_device, tier_of_card
from tasks.rendering.drawing import Drawing, batch_key, failed, grouped, undrawn
from tasks.rendering.estimate import Estimator, open_estimator
from tasks.rendering.finish import finish
from tasks.rendering.job import RenderJob
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import Parts, borrow_text_encoder, load_parts
from tasks.rendering.modelset import ModelSet, find_model_set
from tasks.rendering.renderer import CalledOff, Failed, Pixels, Rendered, Renderer, RenderRequest
from tasks.rendering.segment import Segmenter, open_segmenter
from tasks.rendering.staged import Staged, stage_request
from tasks.rendering.stages import Stage, run_stages
from tasks.rendering.text import ReleasingTextService, TextService
from tasks.rendering.tiers import Tier

logger = logging.getLogger(__name__)

AHEAD = 2  # batches that wait, staged, while one is denoised
ALONE = "显存不足，腾空后重做 done once more with the card to itself: there was no room beside the others"

# What one job may fail with while the others go on: torch and OpenCV raise their own.
JOB_ERRORS = (ShangxinError, RuntimeError, ValueError, MemoryError, cv2.error)

_open: dict[tuple[Path, str, str, str], "KolorsRenderer"] = {}
_opening = Lock()


def open_renderer(
    name: str, *, models_dir: Path | None = None, device: str = "auto", threads: int | None = None
) -> Renderer:
    """The renderer of a model set, loaded once a process and device however many threads ask.

    `threads` sets torch's CPU threads for the whole process; None leaves them alone (the same job gives the same bytes
    for the same number). Raises ModelError where the set is missing, incomplete or not what it claims to be.
    """
    found, place = find_model_set(name, models_dir=models_dir), pick_device(device)
    key = (found.folder.resolve(), found.revision, found.ref.name, str(place))
    if threads is not None:
        torch.set_num_threads(threads)
    with _opening:
        if key not in _open:
            _open[key] = KolorsRenderer(
                found, device=place, segmenter=open_segmenter(models_dir), estimator=open_estimator(models_dir)
            )
        return _open[key]


class KolorsRenderer:
    """Renders with one model set on one device; passes the Renderer contract. Threads take turns at the model."""

    def __init__(
        self,
        found: ModelSet,
        *,
        device: torch.device,
        batch_size: int | None = None,
        tier: Tier | None = None,
        segmenter: Segmenter | None = None,
        estimator: Estimator | None = None,
        parts: Parts | None = None,
    ) -> None:
        self.name = found.ref.name
        self._found, self._device = found, device
        tier = tier or tier_of_card(found, device)
        self._batch_size = batch_size or min(BATCH.get(device.type, 1), tier.batch)
        parts = parts or load_parts(found, device=device, with_text=not tier.releases)
        self._kolors = Kolors(found, parts, device=device)
        self._text = self._text_service(parts, tier)
        self._segmenter, self._estimator = segmenter, estimator
        self._cutouts = CutOutCache(segmenter=segmenter)
        self._most = self._batch_size  # less once the card ran out of memory
        self._model, self._aside = Lock(), Lock()  # UNet and controls; VAE and image encoder
        self._references = References()

    def _text_service(self, parts: Parts, tier: Tier) -> TextService:
        found = self._found
        encoder_key = f"{found.name}@{found.revision}:{found.precision}"
        if not tier.releases:
            return TextService(parts.tokenizer, parts.text_encoder, encoder_key=encoder_key)
        if tier.name != "quantised":
            borrow = partial(self._borrow_encoder, quantised=False)
            return ReleasingTextService(parts.tokenizer, borrow, encoder_key=encoder_key)
        borrow = partial(self._borrow_encoder, quantised=True)
        note = (
            "显存小，文本编码用 int8 text encoder in int8, for want of memory on the card: another card draws a "
            "slightly different picture"
        )
        # its embeddings differ: they may never be taken for the others'
        return ReleasingTextService(parts.tokenizer, borrow, encoder_key=f"{encoder_key}:int8", note=note)

    @contextmanager
    def _borrow_encoder(self, *, quantised: bool) -> Iterator[torch.nn.Module]:
        with (
            self._model,
            self._aside,
            self._kolors.away(),
            borrow_text_encoder(self._found, device=self._device, quantised=quantised) as encoder,
        ):
            yield encoder

    def prepare(self, jobs: Iterable[RenderJob]) -> None:
        """Told what will be asked for: a text encoder that has to be borrowed comes once for all of it."""
        self._text.prepare([text for job in jobs for text in (job.prompt, job.negative_prompt)])

    def render(self, requests: Iterable[RenderRequest]) -> Generator[Rendered | Failed]:
        """One outcome per request; neighbours that share what a batch must share are drawn together.

        `requests` is read as far ahead as the stages have room. Text, staging, decode and paste have threads of their
        own: the one that denoises does nothing else.
        """
        if isinstance(requests, Sequence):
            requests = grouped(requests)
            self.prepare(request.job for request in requests)
        room = self._batch_size
        stages = [
            Stage("staging", self._stage_batch, ahead=AHEAD * room),
            Stage("text", self._condition_batch, takes=_is(Drawing), ahead=AHEAD * room),
            Stage(
                "denoise",
                self._denoise_batch,
                batch=room,
                key=lambda one: batch_key(one.staged.job),
                takes=_is(Drawing),
                ahead=room,
            ),
            Stage("decode", self._decode_batch, takes=_is(Drawing), ahead=room),
            Stage("paste", self._finish_batch, takes=_is(Drawing), ahead=room),
        ]
        return run_stages(requests, stages, name="render")

    def _stage_batch(self, batch: Sequence[RenderRequest]) -> Iterator[Drawing | Failed]:
        for request in batch:
            start = time.perf_counter()
            try:
                self._assert_model(request.job)
                staged = stage_request(
                    request,
                    native_size=self._found.native_size,
                    cutouts=self._cutouts,
                    estimator=self._estimator,
                )
            except JOB_ERRORS as error:
                yield failed(request, error)
            else:
                yield Drawing(staged, notes=() if staged.is_drawn else undrawn(staged)).timed("condition", start)

    def _condition_batch(self, batch: Sequence[Drawing]) -> Iterator[Drawing | Failed]:
        for one in batch:
            start = time.perf_counter()
            try:
                condition = self._condition(one.staged) if one.staged.is_drawn else None
            except JOB_ERRORS as error:
                yield failed(one.request, error)
            else:
                said = (*condition.positive.notes, *condition.negative.notes) if condition else ()
                yield replace(one, condition=condition, notes=(*one.notes, *said)).timed("text", start)

    def _denoise_batch(self, batch: Sequence[Drawing]) -> Iterator[Drawing | Failed]:
        """Denoise a batch; where it fails as a whole, its halves, so that only the culprit is lost."""
        wanted = [one.request.wanted() for one in batch]
        yield from (CalledOff(one.request) for one, is_wanted in zip(batch, wanted, strict=True) if not is_wanted)
        batch = [one for one, is_wanted in zip(batch, wanted, strict=True) if is_wanted]
        yield from (one for one in batch if one.condition is None)
        drawn = [one for one in batch if one.condition is not None]
        for start in range(0, len(drawn), self._most):
            yield from self._denoise(drawn[start : start + self._most])

    def _denoise(self, batch: Sequence[Drawing]) -> Iterator[Drawing | Failed]:
        start = time.perf_counter()
        try:
            with self._model:
                latents, notes = self._latents([one.condition for one in batch if one.condition])
        except JOB_ERRORS as error:
            if len(batch) == 1:
                yield from self._alone(batch[0], error)
                return
            logger.warning("batch of %d failed (%s): drawing its jobs in halves", len(batch), error)
            yield from self._halved(batch, error)
            return
        for one, latent in zip(batch, latents, strict=True):
            done = replace(one, latent=latent, notes=(*one.notes, *notes))
            yield done.timed("denoise", start, share=len(batch))

    def _alone(self, one: Drawing, error: BaseException) -> Iterator[Drawing | Failed]:
        """A job whose drawing failed; where memory was short, once more with nothing else on the card at work."""
        if not isinstance(error, torch.OutOfMemoryError) or ALONE in one.notes:
            yield failed(one.request, error)
            return
        with self._aside:
            self._empty_cache()
            yield from self._denoise([replace(one, notes=(*one.notes, ALONE))])

    def _empty_cache(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _halved(self, batch: Sequence[Drawing], error: BaseException) -> Iterator[Drawing | Failed]:
        middle = len(batch) // 2
        note: tuple[str, ...] = ()
        if isinstance(error, torch.OutOfMemoryError):
            self._most = max(1, min(self._most, middle))  # the next batches would meet the same end
            note = (f"显存不足，已拆批 drawn {self._most} at a time: the card had no room for {len(batch)}",)
            self._empty_cache()
        for half in (batch[:middle], batch[middle:]):
            yield from self._denoise([replace(one, notes=(*one.notes, *note)) for one in half])

    def _latents(self, conditions: Sequence[Condition]) -> tuple[torch.Tensor, tuple[str, ...]]:
        """One latent each. A short batch is filled up: other shapes take other kernels, and round differently."""
        full = [*conditions, *[conditions[-1]] * (self._most - len(conditions))]
        latents = self._kolors.denoise(full)[: len(conditions)]
        if bool(torch.isfinite(latents).all()):
            return latents, ()
        again = self._kolors.in_fp32(full)
        if again is None or not bool(torch.isfinite(again[: len(conditions)]).all()):
            raise RenderError("the model gave values that are not finite, in full precision too; nothing delivered")
        return again[: len(conditions)], (
            "首次数值溢出，已用全精度重画 drawn again in fp32: the first take had values that are not finite",
        )

    def _decode_batch(self, batch: Sequence[Drawing]) -> Iterator[Drawing | Failed]:
        for one in batch:
            start = time.perf_counter()
            try:
                raw, notes = self._decoded(one.latent) if one.latent is not None else (None, ())
            except JOB_ERRORS as error:
                yield failed(one.request, error)
            else:
                done = replace(one, raw=raw, latent=None, condition=None, notes=(*one.notes, *notes))
                yield done.timed("decode", start)

    def _decoded(self, latent: torch.Tensor) -> tuple[Pixels, tuple[str, ...]]:
        """The picture; where memory is short, once more while nothing is denoised."""
        try:
            with self._aside:
                return self._kolors.decode(latent[None])[0], ()
        except torch.OutOfMemoryError:
            logger.warning("no room to decode: once more while nothing is denoised")
        with self._model, self._aside:
            self._empty_cache()
            return self._kolors.decode(latent[None])[0], (ALONE,)

    def _finish_batch(self, batch: Sequence[Drawing]) -> Iterator[Rendered | Failed]:
        for one in batch:
            start = time.perf_counter()
            try:
                done = finish(one.staged, one.raw, seconds={}, notes=one.notes, textured=self._found.textured)
            except JOB_ERRORS as error:
                yield failed(one.request, error)
            else:
                lean = replace(one, staged=replace(one.staged, controls=(), references=()), seconds={})
                yield replace(done, seconds=one.timed("paste", start).seconds, rework=partial(self._rework, lean))

    def _rework(self, drawn: Drawing, request: RenderRequest) -> Rendered | Failed:
        """The same decode finished anew, as another take."""
        (again,) = self._finish_batch([replace(drawn, staged=replace(drawn.staged, request=request))])
        return again

    def _condition(self, staged: Staged) -> Condition:
        return condition_of(staged, self._text, self._references.features(staged, self._kolors, aside=self._aside))

    def _assert_model(self, job: RenderJob) -> None:
        if job.model != self._found.ref:
            raise RenderError(
                f"the job asks for {job.model.name}@{job.model.revision} in {job.model.precision}, this renderer "
                f"holds {self._found.name}@{self._found.revision} in {self._found.precision}; plan again "
                f"or open the other set"
            )
        here = self._segmenter.model if self._segmenter else None
        if job.cutout != here:
            wanted, found = (f"{one.name}@{one.revision}" if one else "none" for one in (job.cutout, here))
            raise RenderError(f"the job is to be cut out with {wanted}, here is {found}; plan again")
        deep = self._estimator.model if self._estimator else None
        if job.depth is not None and job.depth != deep:
            there = f"{deep.name}@{deep.revision}" if deep else "none"
            raise RenderError(
                f"the job's relief is by {job.depth.name}@{job.depth.revision}, here is {there}; plan again"
            )


def _is(kind: type) -> Callable[[object], bool]:
    return lambda item: isinstance(item, kind)
