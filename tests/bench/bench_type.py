"""Is the type on sample renditions read back by an independent reader? `python -m tests.bench.bench_type [FOLDER]`

Every line of copy set at 16 px or more is cut out of the finished file and recognised by RapidOCR (PP-OCR); a vertical
line is laid down first, character by character. What differs is printed, and its cut-out kept in FOLDER.
"""

import csv
import io
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.dress import Dresser
from tasks.banners.layouts import load_layouts
from tasks.banners.pieces import Setter
from tasks.banners.pixels import Pixels
from tasks.banners.placement import load_placements
from tasks.banners.typography.fonts import FontBook
from tasks.banners.wording import read_copy
from tasks.catalog.cells import split_points
from tasks.catalog.copy_columns import is_copy_column
from tasks.dressing import look_of
from tasks.prompts.library import load_library
from tasks.settings import PROJECT
from tests.banners.drawn import draw_master

SHAPES = (
    "taobao-main", "taobao-3x4", "meta-landscape", "google-970x250", "google-300x600", "google-160x600",
    "google-300x250", "google-728x90", "google-336x280", "wechat-cover",
)  # fmt: skip
LEAST_PX = 16
WANTED = 0.99
SVG = "{http://www.w3.org/2000/svg}"


class Line(NamedTuple):
    """One line of copy as the layered copy has it: baseline start, or the column's middle and top where vertical."""

    element: str
    text: str
    x: float
    y: float
    size: float
    vertical: bool
    spacing: float
    length: float


def main() -> None:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        print("rapidocr is not installed: nothing is read back")
        return
    import logging

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    reader = RapidOCR()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir() else None
    pictures = lines = 0
    missed: list[str] = []
    began = process_time()
    for name, made in renditions():
        pictures += 1
        pixels = np.asarray(Image.open(io.BytesIO(made.data)).convert("RGB"))
        wrong = []
        for line in lines_of(made.layers):
            lines += 1
            cut = cut_out(pixels, line)
            found = read(reader, cut)
            if plain(found) != plain(line.text):
                wrong.append(f"{line.element} {line.size:g} px {line.text!r} read as {found!r}")
                if folder:
                    Image.fromarray(cut).save(folder / f"{name}-{line.element}-{len(wrong)}.png")
        if wrong:
            missed.append(f"{name}: {'; '.join(wrong)}")
    for miss in missed:
        print(" ", miss)
    share = 1 - len(missed) / pictures
    print(
        f"{pictures} renditions, {lines} lines of {LEAST_PX} px or more: {share:.2%} of the renditions read back"
        f" exactly (wanted {WANTED:.0%}), {process_time() - began:.0f} s of processor time"
    )


def renditions() -> Iterator[tuple[str, Rendition]]:
    """The sample catalogue's copy in each of its languages on drawn scenes, in ten shapes."""
    templates = PROJECT / "templates"
    book, layouts = FontBook(templates / "fonts"), load_layouts(templates / "layouts")
    placements, library = load_placements(templates / "placements"), load_library(templates)
    wanted = [placements[name] for name in SHAPES]
    masters = [draw_master(scene, width=512, height=512) for scene in ("table", "marble", "lights")]
    for number, facts in enumerate(sample_facts()):
        master = masters[number % len(masters)]
        brand = library.brands.get(library.brand_id(facts["brand"]))
        faces = brand.faces if brand else {}
        setter = Setter(book, faces.get("display", "sans"), faces.get("text", "sans"), wordmark=facts["brand"])
        for locale in ("zh-CN", "zh-TW", "en"):
            copy = read_copy(facts, locale)
            if copy.is_empty:
                continue
            scene = "festive-red" if number % 3 == 2 else "table"
            dresser = Dresser(layouts, setter, copy, look_of(brand), scene=scene, layers=True)
            for made in compose_renditions(
                master.pixels, master.product_box, wanted, background="generated", alpha=None, dresser=dresser
            ):
                if isinstance(made, Rendition):
                    yield f"{facts['sku']}-{locale}-{made.placement.id}", made
                else:
                    print(f"  {facts['sku']} {locale} {made.placement.id} refused: {made.reason}")


def sample_facts() -> Iterator[dict[str, Any]]:
    text = (PROJECT / "catalogs" / "sample" / "products.csv").read_text(encoding="utf-8-sig")
    for row in csv.DictReader(io.StringIO(text)):
        cells = {name: value for name, value in row.items() if value and is_copy_column(name) and name != "copy"}
        points = split_points(row["selling_points"])
        yield {**row, "copy_text": row["copy"], "selling_points": points, "copy_cells": cells}


def lines_of(layers: bytes) -> Iterator[Line]:
    """Lines of at least LEAST_PX; not single signs, nor the struck price, which is crossed out on purpose."""
    for each in ET.fromstring(layers).iter(f"{SVG}text"):  # noqa: S314  our own
        text, size, element = "".join(each.itertext()), float(each.get("font-size", "0")), each.get("class", "")
        if size >= LEAST_PX and element != "was" and len(plain(text)) > 1:
            place = float(each.get("x", "0")), float(each.get("y", "0"))
            yield Line(
                element,
                text,
                *place,
                size,
                each.get("writing-mode") is not None,
                float(each.get("letter-spacing", "0")),
                float(each.get("data-length", "0")),
            )


def cut_out(pixels: Pixels, line: Line) -> Pixels:
    """The line with some air, 48 px high, which is what the reader works at."""
    size, pad = line.size, 0.3 * line.size
    if line.vertical:
        pitch = size + line.spacing
        cells = [
            _part(pixels, line.x - 0.62 * size, line.y + n * pitch, 1.24 * size, pitch) for n in range(len(line.text))
        ]
        return np.concatenate(cells, axis=1)
    width = line.length + 1.3 * pad
    return _part(pixels, line.x - 0.65 * pad, line.y - 0.86 * size - pad, width, 0.96 * size + 2 * pad)


def _part(pixels: Pixels, left: float, top: float, width: float, height: float) -> Pixels:
    x, y = max(round(left), 0), max(round(top), 0)
    return pixels[y : y + max(round(height), 1), x : x + max(round(width), 1)]


def read(reader: Any, cut: Pixels) -> str:
    scale = max(1, round(48 / cut.shape[0]))
    size = cut.shape[1] * scale, cut.shape[0] * scale
    large = np.asarray(Image.fromarray(cut).resize(size, Image.Resampling.BICUBIC))
    found = reader(large[..., ::-1].copy(), use_det=False, use_cls=False, use_rec=True)
    return "".join(found.txts or ())


def plain(text: str) -> str:
    """Letters, figures and Chinese characters: what a mark looks like at 16 px is the reader's guess."""
    return re.sub(r"[^\w%]", "", unicodedata.normalize("NFKC", text)).casefold()


if __name__ == "__main__":
    main()
