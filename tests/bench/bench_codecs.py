"""Which library writes and scales fastest, as far as each is installed. `python -m tests.bench.bench_codecs`"""

import importlib
import io
from collections.abc import Callable
from types import ModuleType

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from tests.banners.drawn import draw_master
from tests.bench.bench_banners import best

SIDE, SMALL = 1024, (800, 800)


def main() -> None:
    cv2.setNumThreads(1)
    pixels = draw_master("table", width=SIDE, height=SIDE).pixels
    picture, vips = Image.fromarray(pixels), _optional("pyvips")
    _print("scale 1024 to 800", _scalers(pixels, picture, vips))
    _print("JPEG quality 90, 4:2:0", _writers(pixels, picture, vips, "jpeg"))
    _print("JPEG quality 90, progressive, optimised tables", _progressive(pixels, picture, vips))
    _print("WebP quality 90, method 2", _writers(pixels, picture, vips, "webp"))
    _print("AVIF quality 75, speed 8", _writers(pixels, picture, vips, "avif"))
    _print("PNG, level 6", _writers(pixels, picture, vips, "png"))


Works = dict[str, Callable[[], object]]


def _optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _print(title: str, works: Works) -> None:
    seconds = best(*works.values())
    sizes = [work() for work in works.values()]
    told = [
        f"{name} {spent * 1e3:.1f} ms{f' {size >> 10} KiB' if isinstance(size, int) else ''}"
        for name, spent, size in zip(works, seconds, sizes, strict=True)
    ]
    print(f"{title}: {', '.join(told)}")


def _scalers(pixels: np.ndarray, picture: Image.Image, vips: ModuleType | None) -> Works:
    works: Works = {
        "Pillow LANCZOS": lambda: picture.resize(SMALL, Image.Resampling.LANCZOS) and None,
        "OpenCV area": lambda: cv2.resize(pixels, SMALL, interpolation=cv2.INTER_AREA) is None or None,
        "OpenCV cubic": lambda: cv2.resize(pixels, SMALL, interpolation=cv2.INTER_CUBIC) is None or None,
    }
    if vips:
        works["libvips lanczos3"] = lambda: vips.Image.new_from_array(pixels).resize(800 / SIDE).numpy() is None or None
    return works


def _writers(pixels: np.ndarray, picture: Image.Image, vips: ModuleType | None, form: str) -> Works:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    options: dict[str, dict[str, int]] = {
        "jpeg": {"quality": 90},
        "webp": {"quality": 90, "method": 2},
        "avif": {"quality": 75, "speed": 8, "max_threads": 1},
        "png": {"compress_level": 6},
    }
    works: Works = {"Pillow": lambda: _saved(picture, form, **options[form])}
    flags = {
        "jpeg": [cv2.IMWRITE_JPEG_QUALITY, 90],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, 90],
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
    }
    if form in flags:
        suffix = {"jpeg": ".jpg"}.get(form, f".{form}")
        works["OpenCV"] = lambda: len(cv2.imencode(suffix, bgr, flags[form])[1])
    if form == "jpeg":
        works["simplejpeg"] = lambda: len(simplejpeg.encode_jpeg(pixels, quality=90, colorsubsampling="420"))
    if vips:
        calls = {
            "jpeg": (".jpg", {"Q": 90}),
            "webp": (".webp", {"Q": 90, "effort": 2}),
            "avif": (".avif", {"Q": 75, "effort": 1}),
            "png": (".png", {"compression": 6}),
        }
        suffix_, given = calls[form]
        works["libvips"] = lambda: len(vips.Image.new_from_array(pixels).write_to_buffer(suffix_, **given))
    return works


def _progressive(pixels: np.ndarray, picture: Image.Image, vips: ModuleType | None) -> Works:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    flags = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    works: Works = {
        "Pillow": lambda: _saved(picture, "jpeg", quality=90, progressive=1, optimize=1),
        "OpenCV": lambda: len(cv2.imencode(".jpg", bgr, flags)[1]),
    }
    if vips:
        given = {"Q": 90, "interlace": True, "optimize_coding": True}
        works["libvips"] = lambda: len(vips.Image.new_from_array(pixels).write_to_buffer(".jpg", **given))
    return works


def _saved(picture: Image.Image, form: str, **options: int) -> int:
    buffer = io.BytesIO()
    picture.save(buffer, form.upper(), **options)
    return len(buffer.getvalue())


if __name__ == "__main__":
    main()
