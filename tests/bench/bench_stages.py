"""The engine's shape without a GPU: stages that sleep for the published times of an H200, everything else for real.

`python -m tests.bench.bench_stages [masters]` (default 96, a shard). Staging, cut-out, paste, PNG, checks and store are
the project's own, on this machine's cores; only the model sleeps. Wall should stay within 5 % of the denoise total.
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from tasks.banners.master_png import encode_master
from tasks.crew import Finishers
from tasks.quality.checks import check_master
from tasks.quality.evidence import Evidence
from tasks.quality.thresholds import load_thresholds
from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.job import ControlUse, Harmony, RenderJob, Sampler
from tasks.rendering.kolors import Condition
from tasks.rendering.modelset import read_model_set
from tasks.rendering.renderer import Pixels, Rendered, RenderRequest
from tasks.rendering.text import Embedding
from tasks.rendering.toyset import build_random_set
from tasks.storage.local import LocalStore

ROOT = Path(__file__).parents[2]
BATCH = 4
# One H200 at its bf16 floor, 1024x1024, 25 steps with guidance (TFLOP of each stage over 790 TFLOP/s): ms a picture.
TEXT, CONDITION, DENOISE, DECODE = 3.7, 0.5, 440.6, 13.3
AIM = 1.05


class SleepingKolors:
    """The model's place in the engine, taken by its published times."""

    def __init__(self) -> None:
        self.denoised = self.first = self.last = 0.0
        ramp = np.linspace(70, 190, 1024)[:, None, None] + np.linspace(-20, 20, 1024)[None, :, None]
        self._picture = (ramp + np.random.default_rng(1).normal(0, 6, (1024, 1024, 3))).clip(0, 255).astype(np.uint8)

    def denoise(self, batch: Sequence[Condition]) -> torch.Tensor:
        start = time.perf_counter()
        self.first = self.first or start
        time.sleep(len(batch) * DENOISE / 1000)
        self.last = time.perf_counter()
        self.denoised += len(batch) * DENOISE / 1000
        return torch.zeros(len(batch), 4, 128, 128)

    def decode(self, latents: torch.Tensor) -> list[Pixels]:
        time.sleep(len(latents) * DECODE / 1000)
        return [self._picture for _ in latents]

    @contextmanager
    def away(self) -> Iterator[None]:
        yield


class SleepingText:
    """Embeddings of nothing, at the speed of ChatGLM on the card."""

    def prepare(self, prompts: Sequence[str]) -> None: ...

    def encode(self, prompts: Sequence[str]) -> list[Embedding]:
        time.sleep((TEXT + CONDITION) / 1000)
        return [Embedding(hidden=torch.zeros(1), pooled=torch.zeros(1)) for _ in prompts]


def main() -> None:
    """Prints wall and denoise total, the share of the wall in which the denoise stage is busy, and the rest's cost."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    count = next((int(text) for text in sys.argv[1:] if text.isdigit()), 96)
    with tempfile.TemporaryDirectory() as name:
        renderer, model = _renderer(Path(name))
        work = Keeping(LocalStore(Path(name) / "out"))
        _render(renderer, _requests(renderer, BATCH, seed=900), work)  # warm-up: cut-out cached, code paths met
        model.denoised = model.first = 0.0
        cpu, start = time.process_time(), time.perf_counter()
        _render(renderer, _requests(renderer, count, seed=0), work)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    busy = model.denoised / (model.last - model.first)
    print(f"{count} masters of 1024x1024, batches of {BATCH}, one canny control; each judged, encoded and stored")
    print(f"  denoise total {model.denoised:.2f} s, wall {wall:.2f} s: ratio {wall / model.denoised:.3f} (aim {AIM})")
    print(f"  denoise busy from its first batch to its last: {busy:.1%} of the time (aim 95 %)")
    print(f"  processor time beside the sleep: {1000 * cpu / count:.0f} ms a master, on other threads")
    print(f"  one after the other it would be {model.denoised + cpu:.2f} s, {(model.denoised + cpu) / wall:.2f} x")


class Keeping:
    """What a shard does with a finished master, short of the ledger: judge, encode, store."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._limits = load_thresholds(ROOT / "templates" / "quality").choose()

    def keep(self, done: Rendered) -> None:
        encoded = encode_master(done.pixels, recipe="{}")
        evidence = Evidence(
            pixels=done.pixels,
            raw=done.raw,
            expected=done.expected,
            alpha=done.alpha,
            product_box=done.product_box,
            background="generated",
            encoded=encoded,
        )
        check_master(evidence, self._limits)
        self._store.put(f"masters/{done.request.job.job_id}.png", encoded, content_type="image/png")


def _render(renderer: KolorsRenderer, requests: list[RenderRequest], work: Keeping) -> None:
    with Finishers() as finishers:
        for outcome in renderer.render(requests):
            assert isinstance(outcome, Rendered), outcome
            finishers.submit(lambda done=outcome: work.keep(done))  # type: ignore[misc]


def _renderer(folder: Path) -> tuple[KolorsRenderer, SleepingKolors]:
    found = read_model_set(build_random_set(folder / "set")).model_copy(update={"native_size": 1024})
    renderer, model = KolorsRenderer(found, device=torch.device("cpu"), batch_size=BATCH), SleepingKolors()
    stand_in: Any = renderer
    stand_in._kolors, stand_in._text = model, SleepingText()
    return renderer, model


def _requests(renderer: KolorsRenderer, count: int, *, seed: int) -> list[RenderRequest]:
    data = (ROOT / "catalogs/sample/images/thermos.jpg").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    fields: dict[str, Any] = {
        "model": renderer._found.ref,
        "prompt": "原木桌面",
        "width": 1024,
        "height": 1024,
        "sampler": Sampler(),
        "product_image": digest,
        "controls": (ControlUse(kind="canny"),),
        "harmony": Harmony(),
    }
    return [RenderRequest(RenderJob(**fields, seed=seed + n), 0, {digest: data}) for n in range(count)]


if __name__ == "__main__":
    main()
