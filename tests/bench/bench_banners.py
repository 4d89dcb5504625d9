"""Renditions per core: our pyramid, checks and all, against naive Pillow. `python -m tests.bench.bench_banners`"""

import io
from collections.abc import Callable
from pathlib import Path
from time import process_time

import cv2
import numpy as np
from PIL import Image

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.encode import START_QUALITY
from tasks.banners.geometry import Framing, frame_product
from tasks.banners.master_png import decode_master, encode_master
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement, load_placements
from tasks.banners.pyramid import Pyramid
from tasks.shapes import Size
from tests.banners.drawn import Master, draw_master

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "placements"
# Twelve placements that a crop serves, so that both sides do the same work: 4.4 MP in all.
TWELVE = (
    "taobao-main", "taobao-3x4", "taobao-long", "jd-3x4", "douyin-main", "google-300x250", "google-336x280",
    "google-250x250", "google-responsive-square", "wechat-cover-small", "dv360-320x320", "dv360-320x480",
)  # fmt: skip
ROUNDS = 7


def main() -> None:
    cv2.setNumThreads(1)
    placements = [load_placements(TEMPLATES)[name] for name in TWELVE]
    # Not too tall a product: all twelve are crops.
    master = draw_master("table", width=1024, height=1024, share=0.5)
    framings = [frame_product(Size(1024, 1024), master.product_box, placement.size) for placement in placements]
    if any(any(framing.fill) for framing in framings):
        raise SystemExit("a placement of the measurement is extended; naive Pillow cannot do that")
    naive, ours = best(lambda: naive_pillow(master, framings), lambda: our_way(master, placements))
    scaling = best(lambda: resize_naively(master, framings), lambda: resize_in_pyramid(master, framings))
    area = sum(framing.canvas.width * framing.canvas.height for framing in framings) / 1e6
    print(f"12 JPEG placements of one 1024x1024 master, {area:.2f} MP out, quality 90, one core, best of {ROUNDS}")
    print(f"  naive Pillow (LANCZOS from full size)     {naive * 1e3:7.1f} ms   1.0x")
    print(f"  compose_renditions (checked, sRGB, hash)  {ours * 1e3:7.1f} ms   {naive / ours:.1f}x")
    print(
        f"  of this, scaling: Pillow {scaling[0] * 1e3:.1f} ms, pyramid {scaling[1] * 1e3:.1f} ms,"
        f" {scaling[0] / scaling[1]:.1f}x"
    )
    print_with_webp(master, placements)
    print_likeness()
    print_masters(master)


def print_with_webp(master: Master, placements: list[Placement]) -> None:
    """The same twelve, and again as WebP."""
    formats = placements[0].formats
    as_webp = [
        each.model_copy(update={"formats": formats.model_copy(update={"value": ("webp",)})}) for each in placements
    ]
    framings = [frame_product(Size(1024, 1024), master.product_box, each.size) for each in placements]

    def naively() -> None:
        naive_pillow(master, framings)
        naive_pillow(master, framings, form="WEBP")

    naive, ours = best(naively, lambda: our_way(master, [*placements, *as_webp]))
    print(f"24 of them, half JPEG and half WebP of quality {START_QUALITY}")
    print(f"  naive Pillow                              {naive * 1e3:7.1f} ms   1.0x")
    print(f"  compose_renditions                        {ours * 1e3:7.1f} ms   {naive / ours:.1f}x")


def print_likeness() -> None:
    for scene in ("table", "marble", "lights"):
        master = draw_master(scene, width=1024, height=1024, share=0.5)
        framings = [
            frame_product(Size(1024, 1024), master.product_box, load_placements(TEMPLATES)[name].size)
            for name in TWELVE
        ]
        pairs = zip(resize_naively(master, framings), resize_in_pyramid(master, framings), strict=True)
        levels = [psnr(first, second) for first, second in pairs]
        print(f"  PSNR against Pillow LANCZOS, {scene:7} mean {np.mean(levels):.1f} dB, least {min(levels):.1f} dB")


def print_masters(master: Master) -> None:
    image = Image.fromarray(master.pixels)
    data = encode_master(master.pixels, recipe="{}")
    pillow, ours = best(lambda: image.save(io.BytesIO(), "PNG"), lambda: encode_master(master.pixels, recipe="{}"))
    reading = best(lambda: decode_master(data))[0]
    plain = io.BytesIO()
    image.save(plain, "PNG")
    print("1024x1024 master as PNG")
    print(f"  Pillow default {pillow * 1e3:7.1f} ms, {len(plain.getvalue()) >> 10} KiB   1.0x")
    print(
        f"  encode_master  {ours * 1e3:7.1f} ms, {len(data) >> 10} KiB   {pillow / ours:.1f}x;"
        f" decode_master {reading * 1e3:.1f} ms"
    )


def best(*works: Callable[[], object]) -> list[float]:
    """Processor seconds of the fastest of several rounds; the works take turns, so that a busy machine hits all."""
    seconds = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            start = process_time()
            work()
            seconds[number] = min(seconds[number], process_time() - start)
    return seconds


def naive_pillow(master: Master, framings: list[Framing], *, form: str = "JPEG") -> int:
    total = 0
    for pixels in resize_naively(master, framings):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form, quality=90)
        total += len(buffer.getvalue())
    return total


def our_way(master: Master, placements: list[Placement]) -> int:
    made = compose_renditions(master.pixels, master.product_box, placements, background="generated", alpha=master.alpha)
    return sum(len(rendition.data) for rendition in made if isinstance(rendition, Rendition))


def resize_naively(master: Master, framings: list[Framing]) -> list[Pixels]:
    image = Image.fromarray(master.pixels)
    lanczos = Image.Resampling.LANCZOS
    return [np.asarray(image.crop(framing.source).resize(framing.dest.size, lanczos)) for framing in framings]


def resize_in_pyramid(master: Master, framings: list[Framing]) -> list[Pixels]:
    pyramid = Pyramid(master.pixels)
    return [pyramid.cut(framing.source, framing.dest.size, level=framing.level) for framing in framings]


def psnr(first: Pixels, second: Pixels) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(255^2 / mean squared error)."""
    error = np.mean((first.astype(np.float64) - second) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


if __name__ == "__main__":
    main()
