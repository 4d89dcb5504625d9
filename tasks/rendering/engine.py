"""The renderer: jobs through text, condition, denoise, decode and paste, in batches that suit the card.

Stages that need no model run in a thread of their own, a bounded number of batches ahead. A job that fails is reported
and its neighbours go on.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import torch

from tasks.errors import RenderError, ShangxinError
from tasks.rendering.cutout import CutOutCache
from tasks.rendering.finish import finish
from tasks.rendering.job import RenderJob, canonical_json
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import Parts, borrow_text_encoder, load_parts
from tasks.rendering.modelset import ModelSet, find_model_set
from tasks.rendering.renderer import Failed, Pixels, Rendered, Renderer, RenderRequest
from tasks.rendering.staged import Staged, stage_request
from tasks.rendering.text import ReleasingTextService, TextService
from tasks.rendering.tiers import Tier, choose_tier, set_facts
from tasks.rendering.worksize import enlarge_blocks

logger = logging.getLogger(__name__)

AHEAD = 2  # batches staged while one is denoised
# One at a time on a CPU: a batch is no faster there, and its matrix products round differently from those of one.
BATCH = {"cpu": 1, "mps": 1, "cuda": 4}

# What one job may fail with while the others go on: torch and OpenCV raise their own.
JOB_ERRORS = (ShangxinError, RuntimeError, ValueError, MemoryError, cv2.error)

_open: dict[tuple[Path, str, str], "KolorsRenderer"] = {}
_opening = Lock()


def open_renderer(
    name: str, *, models_dir: Path | None = None, device: str = "auto", threads: int | None = None
) -> Renderer:
    """The renderer of a model set, loaded once a process and device however many threads ask.

    `threads` sets torch's CPU threads for the whole process; None leaves them alone (the same job gives the same bytes
    for the same number). Raises ModelError where the set is missing, incomplete or not what it claims to be.
    """
    found, place = find_model_set(name, models_dir=models_dir), pick_device(device)
    key = (found.folder.resolve(), found.revision, str(place))
    if threads is not None:
        torch.set_num_threads(threads)
    with _opening:
        if key not in _open:
            _open[key] = KolorsRenderer(found, device=place)
        return _open[key]


def pick_device(wish: str) -> torch.device:
    """ "auto" is the first accelerator there is, else the CPU."""
    if wish != "auto":
        return torch.device(wish)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_memory(wish: str) -> int:
    """Bytes of a CUDA card's memory."""
    return int(torch.cuda.get_device_properties(pick_device(wish)).total_memory)


def tier_of_card(found: ModelSet, device: torch.device) -> Tier:
    """What stays on the card; in main memory and on devices that do not tell their size, everything."""
    if device.type != "cuda":
        return Tier(name="resident", batch=BATCH.get(device.type, 1), peak=0, reason=f"{device.type}: all resident")
    tier = choose_tier(torch.cuda.get_device_properties(device).total_memory, set_facts(found))
    logger.info("model set %s on a %s", found.name, tier.reason)
    return tier


class KolorsRenderer:
    """Renders with one model set on one device; passes the Renderer contract. Threads take turns at the model."""

    def __init__(
        self, found: ModelSet, *, device: torch.device, batch_size: int | None = None, tier: Tier | None = None
    ) -> None:
        self.name = found.name
        self._found, self._device = found, device
        tier = tier or tier_of_card(found, device)
        self._batch_size = batch_size or min(BATCH.get(device.type, 1), tier.batch)
        parts = load_parts(found, device=device, with_text=not tier.releases)
        self._kolors = Kolors(found, parts, device=device)
        self._text = self._text_service(parts, tier)
        self._cutouts = CutOutCache()
        self._references: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._model = Lock()

    def _text_service(self, parts: Parts, tier: Tier) -> TextService:
        found = self._found
        encoder_key = f"{found.name}@{found.revision}:{found.precision}"
        if not tier.releases:
            return TextService(parts.tokenizer, parts.text_encoder, encoder_key=encoder_key)
        if tier.name != "quantised":
            borrow = partial(self._borrow_encoder, quantised=False)
            return ReleasingTextService(parts.tokenizer, borrow, encoder_key=encoder_key)
        borrow = partial(self._borrow_encoder, quantised=True)
        note = "text encoder in int8, for want of memory on the card: another card draws a slightly different picture"
        # its embeddings differ: they may never be taken for the others'
        return ReleasingTextService(parts.tokenizer, borrow, encoder_key=f"{encoder_key}:int8", note=note)

    @contextmanager
    def _borrow_encoder(self, *, quantised: bool) -> Iterator[torch.nn.Module]:
        with self._kolors.away(), borrow_text_encoder(self._found, device=self._device, quantised=quantised) as encoder:
            yield encoder

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[Rendered | Failed]:
        """One outcome per request; jobs that share what a batch must share are drawn together."""
        with self._model:
            self._text.prepare([text for one in requests for text in (one.job.prompt, one.job.negative_prompt)])
        batches = iter(_batches(requests, self._batch_size))
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="staging") as thread:
            ahead = [thread.submit(self._stage, batch) for batch in islice(batches, AHEAD)]
            while ahead:
                staged = ahead.pop(0)
                ahead += [thread.submit(self._stage, batch) for batch in islice(batches, 1)]
                yield from self._finish_batch(staged)

    def _stage(self, batch: Sequence[RenderRequest]) -> list[tuple[Staged, float] | Failed]:
        return [self._stage_one(request) for request in batch]

    def _stage_one(self, request: RenderRequest) -> tuple[Staged, float] | Failed:
        start = time.perf_counter()
        try:
            self._assert_model(request.job)
            staged = stage_request(request, native_size=self._found.native_size, cutouts=self._cutouts)
        except JOB_ERRORS as error:
            return _failed(request, error)
        return staged, time.perf_counter() - start

    def _finish_batch(self, staging: "Future[list[tuple[Staged, float] | Failed]]") -> Iterator[Rendered | Failed]:
        outcomes = staging.result()
        yield from (outcome for outcome in outcomes if isinstance(outcome, Failed))
        ready = [outcome for outcome in outcomes if not isinstance(outcome, Failed)]
        drawn = [one for one in ready if one[0].is_drawn]
        for staged, seconds in ready:
            if not staged.is_drawn:
                yield self._finish_one(staged, None, clock={"condition": seconds}, notes=_undrawn(staged))
        if drawn:
            yield from self._draw(drawn)

    def _draw(self, batch: Sequence[tuple[Staged, float]]) -> Iterator[Rendered | Failed]:
        """Draw a batch; where it fails as a whole, its jobs one by one, so that only the culprit is lost."""
        try:
            with self._model:
                drawn = self._run_model(batch)
        except JOB_ERRORS as error:
            if len(batch) == 1:
                yield _failed(batch[0][0].request, error)
                return
            logger.warning("batch of %d failed (%s): drawing its jobs in halves", len(batch), error)
            middle = len(batch) // 2
            yield from self._draw(batch[:middle])
            yield from self._draw(batch[middle:])
            return
        for (staged, _), (raw, clock, notes) in zip(batch, drawn, strict=True):
            yield self._finish_one(staged, raw, clock=clock, notes=notes)

    def _run_model(
        self, batch: Sequence[tuple[Staged, float]]
    ) -> "list[tuple[Pixels, dict[str, float], tuple[str, ...]]]":
        clock = Clock()
        conditions = [self._condition(staged) for staged, _ in batch]
        clock.lap("text")
        latents = self._kolors.denoise(conditions)
        retried: tuple[str, ...] = ()
        if not bool(torch.isfinite(latents).all()):
            again = self._kolors.in_fp32(conditions)
            if again is None or not bool(torch.isfinite(again).all()):
                raise RenderError("the model gave values that are not finite, in full precision too; nothing delivered")
            latents, retried = again, ("drawn again in fp32: the first take had values that are not finite",)
        clock.lap("denoise")
        pictures = self._kolors.decode(latents)
        clock.lap("decode")
        share = {stage: seconds / len(batch) for stage, seconds in clock.seconds.items()}
        return [
            (picture, {**share, "condition": seconds}, (*condition.positive.notes, *condition.negative.notes, *retried))
            for picture, condition, (_, seconds) in zip(pictures, conditions, batch, strict=True)
        ]

    def _condition(self, staged: Staged) -> Condition:
        job = staged.job
        positive, negative = self._text.encode([job.prompt, job.negative_prompt])
        reference = self._reference(staged)
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

    def _reference(self, staged: Staged) -> torch.Tensor | None:
        """Features of the job's reference pictures; a brand's few pictures come back with every job."""
        if not staged.references or staged.job.reference is None:
            return None
        key = ":".join(staged.job.reference.images)
        if key not in self._references:
            self._references[key] = self._kolors.encode_reference(staged.references)
            while len(self._references) > 64:
                self._references.popitem(last=False)
        return self._references[key]

    def _finish_one(
        self, staged: Staged, raw: Pixels | None, *, clock: Mapping[str, float], notes: tuple[str, ...]
    ) -> Rendered | Failed:
        start = time.perf_counter()
        try:
            done = finish(staged, raw, seconds={}, notes=notes)
        except JOB_ERRORS as error:
            return _failed(staged.request, error)
        seconds = {**dict.fromkeys(("text", "condition", "denoise", "decode"), 0.0), **clock}
        seconds["paste"] = time.perf_counter() - start
        lean = replace(staged, controls=(), references=())
        rework = partial(self._rework, lean, raw, notes)
        return replace(done, seconds=seconds, rework=rework)

    def _rework(
        self, staged: Staged, raw: Pixels | None, notes: tuple[str, ...], request: RenderRequest
    ) -> Rendered | Failed:
        """The same decode finished anew, as another take."""
        return self._finish_one(replace(staged, request=request), raw, clock={}, notes=notes)

    def _assert_model(self, job: RenderJob) -> None:
        if job.model != self._found.ref:
            raise RenderError(
                f"the job asks for {job.model.name}@{job.model.revision} in {job.model.precision}, this renderer "
                f"holds {self._found.name}@{self._found.revision} in {self._found.precision}; plan again "
                f"or open the other set"
            )


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._since
        self._since = now


def batch_key(job: RenderJob) -> bytes:
    """What jobs must share to be drawn in one batch."""
    reference = job.reference.model_dump(mode="json") if job.reference is not None else None
    controls = [use.model_dump(mode="json") for use in job.controls]
    return canonical_json(
        [job.background, job.width, job.height, job.sampler.model_dump(mode="json"), controls, reference]
    )


def _batches(requests: Sequence[RenderRequest], size: int) -> Iterator[list[RenderRequest]]:
    groups: OrderedDict[bytes, list[RenderRequest]] = OrderedDict()
    for request in requests:
        groups.setdefault(batch_key(request.job), []).append(request)
    for group in groups.values():
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _tensor(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255.0


def _undrawn(staged: Staged) -> tuple[str, ...]:
    if staged.job.background == "white":
        return ()
    return ("the product fills the whole canvas: there was no background to draw",)


def _failed(request: RenderRequest, error: BaseException) -> Failed:
    logger.warning("job %s failed: %s", request.job.job_id, error)
    return Failed(request=request, reason=str(error) or type(error).__name__)
