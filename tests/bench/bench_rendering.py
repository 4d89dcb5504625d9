"""Rendering on this machine: what a batch gains, what a control costs, what the product's own path costs.

Run: python -m tests.bench.bench_rendering. Weights are random; speed does not depend on their values.
"""

import hashlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from tasks.rendering.cutout import cut_out
from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.job import ControlUse, RenderJob, Sampler
from tasks.rendering.modelset import read_model_set
from tasks.rendering.renderer import Rendered, RenderRequest
from tasks.rendering.toyparts import ToyWidths
from tasks.rendering.toyset import build_random_set

JOBS = 4
WIDTHS = ToyWidths(native_size=256, unet_blocks=(32, 64, 64), unet_heads=(4, 8, 8))


def main() -> None:
    product = _bottle(1000)
    with tempfile.TemporaryDirectory() as folder:
        _print_engine(build_random_set(Path(folder) / "set", widths=WIDTHS), product)
    _print_matting(product)


def _print_engine(folder: Path, product: bytes) -> None:
    found = read_model_set(folder)
    digest = hashlib.sha256(product).hexdigest()

    def jobs(*controls: ControlUse) -> list[RenderRequest]:
        fields = {"model": found.ref, "prompt": "大理石", "width": 1024, "height": 1024, "sampler": Sampler(steps=10)}
        made = [RenderJob(**fields, seed=seed, product_image=digest, controls=controls) for seed in range(JOBS)]
        return [RenderRequest(job, 0, {digest: product}) for job in made]

    one, four = (KolorsRenderer(found, device=torch.device("cpu"), batch_size=size) for size in (1, JOBS))
    list(one.render(jobs()[:1]))
    base = _seconds(lambda: list(one.render(jobs())))
    rows = {
        "one at a time": 1.0,
        f"batch of {JOBS}": _seconds(lambda: list(four.render(jobs()))) / base,
        "one at a time, canny and depth": _seconds(
            lambda: list(one.render(jobs(ControlUse(kind="canny"), ControlUse(kind="depth"))))
        )
        / base,
    }
    print(f"{JOBS} masters of 1024x1024 drawn at 256, 10 steps, {torch.get_num_threads()} thread(s): {base:.2f} s")
    for name, ratio in rows.items():
        print(f"  {name:<32} {ratio:5.2f} x the time")
    done = [outcome for outcome in one.render(jobs()) if isinstance(outcome, Rendered)]
    total = sum(sum(outcome.seconds.values()) for outcome in done)
    for stage in done[0].seconds:
        print(f"  {stage:<32} {sum(outcome.seconds[stage] for outcome in done) / total:5.1%} of the stages' time")


def _print_matting(product: bytes) -> None:
    ours = _seconds(lambda: cut_out(product))
    decode = _seconds(lambda: np.asarray(Image.open(io.BytesIO(product)).convert("RGB")))
    print(f"cut-out of a {len(product) // 1024} KiB JPEG of 1000x1000: {ours:.2f} s, {ours / decode:.0f} x its decode")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _bottle(side: int) -> bytes:
    rgb = np.full((side, side, 3), 255, np.uint8)
    cv2.ellipse(rgb, (side // 2, side // 2), (side // 5, side // 3), 0, 0, 360, (40, 90, 120), -1, cv2.LINE_AA)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
