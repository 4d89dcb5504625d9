"""Kolors at full size with random weights on this machine's accelerator: our engine against a plain loop at batch 1.

    python -m tests.gpu.bench_full             # 1024x1024, 25 steps, plain and with a ControlNet and a reference
    python -m tests.gpu.bench_full --tuning compiled+channels-last+fused-qkv
    python -m tests.gpu.bench_full --width toy --device cpu --side 64 --steps 2     # the same code, anywhere

The plain loop's denoiser is diffusers' `StableDiffusionXLInpaintPipeline` over the same parts; with ControlNet and
reference, which no library joins, it is ours with one picture at a time. Speed does not depend on the weights' values.
FLOPs are counted on the model itself; the floor is reference 1.3's.
"""

import argparse
import hashlib
import io
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from tasks.rendering.cutout import CutOutCache
from tasks.rendering.engine import KolorsRenderer
from tasks.rendering.finish import finish
from tasks.rendering.job import ControlUse, ModelRef, ReferenceUse, RenderJob, Sampler
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import DTYPES, Parts, load_image_processor
from tasks.rendering.modelset import ModelSet
from tasks.rendering.renderer import Rendered, RenderRequest
from tasks.rendering.staged import stage_request
from tasks.rendering.tiers import Tier
from tasks.rendering.toyparts import (
    INPAINT_CHANNELS,
    ToyWidths,
    kolors_scheduler,
    make_controlnet,
    make_image_encoder,
    make_ip_adapter,
    make_text_encoder,
    make_unet,
    make_vae,
    train_tokenizer,
)
from tasks.rendering.toyset import CORPUS
from tasks.rendering.tuning import parse_name
from tests.full_width import FULL

WIDTHS = {"full": FULL, "toy": ToyWidths()}
FLOOR_TFLOPS = 790.0  # highest matrix product rate in bf16 that was measured on an H200 (reference 1.2)


@dataclass(frozen=True)
class Setting:
    """One measurement's frame."""

    width: str = "full"
    device: str = "cuda"
    precision: str = "bf16"
    side: int = 1024
    steps: int = 25
    batch: int = 4
    masters: int = 16
    tuning: str = ""


class Measured(NamedTuple):
    """Seconds a picture of the plain loop and of the engine, how much of it the denoiser was busy, TFLOP a picture,
    and the most bytes in use on the card with and without the text encoder."""

    naive: float
    engine: float
    busy: float
    tflop: float
    peak: int
    text_bytes: int


class Timed(Kolors):
    """Notes when it denoised."""

    spans: list[tuple[float, float]]

    def denoise(self, batch: Any) -> torch.Tensor:
        start = time.perf_counter()
        latents = super().denoise(batch)
        _wait(self._device)
        self.spans.append((start, time.perf_counter()))
        return latents


def build_parts(setting: Setting, folder: str) -> Parts:
    """All parts on the device, every parameter drawn anew: ChatGLM leaves its own as whatever the memory held."""
    from pathlib import Path

    widths, device, dtype = WIDTHS[setting.width], torch.device(setting.device), DTYPES[setting.precision]
    tokenizer = train_tokenizer(CORPUS, Path(folder), vocabulary=1000)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    torch.manual_seed(0)
    try:
        with device:
            unet = make_unet(widths, in_channels=INPAINT_CHANNELS)
            parts = Parts(
                tokenizer=tokenizer,
                text_encoder=make_text_encoder(widths, seed=None),
                unet=unet,
                vae=make_vae(widths),
                scheduler=kolors_scheduler(),
                dtype=dtype,
                image_encoder=make_image_encoder(widths),
                image_processor=load_image_processor(Path(folder), size=widths.clip_image),
                controls={"canny": make_controlnet(unet, widths, noise_seed=None)},
            )
    finally:
        torch.set_default_dtype(before)
    parts.ip_adapter = _cast(make_ip_adapter(unet, widths, seed=0), dtype)
    for net in (parts.text_encoder, unet, parts.vae, parts.image_encoder, *parts.controls.values()):
        _draw(net.to(device, dtype))
    return parts


def measure(setting: Setting, parts: Parts, *, control: bool, reference: bool) -> Measured:
    """Both loops over the same jobs, after a warm-up of each."""
    device = torch.device(setting.device)
    found = ModelSet(
        name="kolors-random-full", revision="0", precision=setting.precision, native_size=setting.side,
        tuning=parse_name(f"any:{setting.tuning}")[1],
    )  # fmt: skip
    tier = Tier(name="resident", batch=setting.batch, peak=0, reason="measured")
    renderer = KolorsRenderer(found, device=device, batch_size=setting.batch, tier=tier, parts=parts)
    model: Any = renderer._kolors
    model.__class__, model.spans = Timed, []
    jobs = _requests(found.ref, setting, control=control, reference=reference)
    tflop = _tflop(model, renderer, jobs[0])
    list(renderer.render(jobs[: setting.batch]))
    _reset_peak(device)
    model.spans.clear()
    start = time.perf_counter()
    outcomes = list(renderer.render(jobs))
    engine = (time.perf_counter() - start) / len(jobs)
    assert all(isinstance(one, Rendered) for one in outcomes), [
        one for one in outcomes if not isinstance(one, Rendered)
    ]
    busy = sum(end - begin for begin, end in model.spans) / (model.spans[-1][1] - model.spans[0][0])
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    few = jobs[: max(1, len(jobs) // 4)]
    naive = _seconds(lambda: [_plain(renderer, one) for one in few], device) / len(few)
    text = sum(parameter.nbytes for parameter in parts.text_encoder.parameters())
    return Measured(naive=naive, engine=engine, busy=busy, tflop=tflop, peak=peak, text_bytes=text)


def _plain(renderer: KolorsRenderer, request: RenderRequest) -> bytes:
    """What a script does: everything in one thread, one picture at a time, nothing kept, a PNG at Pillow's default."""
    renderer._text._kept.clear()
    renderer._references.clear()
    staged = stage_request(request, native_size=renderer._found.native_size, cutouts=CutOutCache())
    condition: Condition = renderer._condition(staged)
    raw = renderer._kolors.decode(renderer._kolors.denoise([condition]))[0]
    done = finish(staged, raw, seconds={}, notes=())
    buffer = io.BytesIO()
    Image.fromarray(done.pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _tflop(model: Kolors, renderer: KolorsRenderer, request: RenderRequest) -> float:
    """TFLOP of one picture, counted over one real denoise and decode."""
    staged = stage_request(request, native_size=renderer._found.native_size, cutouts=CutOutCache())
    with FlopCounterMode(display=False) as counter:
        condition = renderer._condition(staged)
        model.decode(model.denoise([condition]))
    return float(counter.get_total_flops()) / 1e12


def _requests(ref: ModelRef, setting: Setting, *, control: bool, reference: bool) -> list[RenderRequest]:
    data = _product()
    digest = hashlib.sha256(data).hexdigest()
    fields: dict[str, Any] = {
        "model": ref,
        "width": setting.side,
        "height": setting.side,
        "sampler": Sampler(steps=setting.steps),
        "product_image": digest,
        "controls": (ControlUse(kind="canny"),) if control else (),
        "reference": ReferenceUse(images=(digest,)) if reference else None,
    }
    made = [RenderJob(**fields, prompt=f"原木桌面，第{n}张", seed=n) for n in range(setting.masters)]
    return [RenderRequest(job, 0, {digest: data}) for job in made]


def _product() -> bytes:
    rgb = np.full((900, 900, 3), 255, np.uint8)
    cv2.ellipse(rgb, (450, 450), (180, 300), 0, 0, 360, (40, 90, 120), -1, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", rgb)[1])


def _draw(net: torch.nn.Module) -> None:
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                parameter.normal_(0.0, 0.02)


def _cast(groups: dict[str, dict[str, torch.Tensor]], dtype: torch.dtype) -> dict[str, dict[str, torch.Tensor]]:
    return {name: {key: tensor.to(dtype) for key, tensor in group.items()} for name, group in groups.items()}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _seconds(work: Any, device: torch.device) -> float:
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def show(setting: Setting, title: str, found: Measured) -> None:
    """One measurement in a few lines."""
    rate, plain = 1 / found.engine, 1 / found.naive
    print(f"{title}: {setting.side}x{setting.side}, {setting.steps} steps, guidance on, batches of {setting.batch}")
    print(f"  engine {rate:.3f} images/s, plain loop {plain:.3f}: {rate / plain:.2f} x")
    print(
        f"  {found.tflop:.2f} TFLOP a picture: {rate * found.tflop:.1f} effective TFLOP/s, "
        f"{rate * found.tflop / FLOOR_TFLOPS:.1%} of the floor ({FLOOR_TFLOPS:.0f})"
    )
    print(f"  denoise busy {found.busy:.1%} of the time between its first and its last batch")
    if found.peak:
        released = (found.peak - found.text_bytes) / 1e9
        print(f"  peak {found.peak / 1e9:.1f} GB with the text encoder resident, {released:.1f} GB with it released")


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure and print, plain first, then with ControlNet and reference."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in vars(Setting()).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    setting = Setting(**vars(parser.parse_args(arguments)))
    card = torch.cuda.get_device_name(0) if setting.device == "cuda" else setting.device
    print(f"{time.strftime('%Y-%m-%d')} {card}, torch {torch.__version__}, {setting.precision}, {setting.width} width")
    made = []
    for title, extra in (("plain", False), ("one ControlNet and a reference picture", True)):
        with tempfile.TemporaryDirectory() as folder:
            parts = build_parts(setting, folder)
            made.append(measure(setting, parts, control=extra, reference=extra))
        show(setting, title, made[-1])
        del parts
        if setting.device == "cuda":
            torch.cuda.empty_cache()
    return made


if __name__ == "__main__":
    main()
