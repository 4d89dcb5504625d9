"""The training pictures on disk: scenes with a product in them, its matte, captions and where the ground begins."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.nano.paint import Field, over
from tasks.rendering.nano.products import ground_shadow, place_product
from tasks.rendering.nano.recipes import compose_scene
from tasks.rendering.nano.scenery import draw_front, draw_set
from tasks.rendering.nano.vocabulary import caption
from tasks.shapes import Size

logger = logging.getLogger(__name__)

CAPTIONS = 6  # for each picture
CHUNK = 50
EMPTY_SHARE = 0.12  # pictures without a product: the whole frame is generated
# Squares, and the two usual oblong frames at about the same area; sides divide by 32.
BUCKETS = {"square": (Size(256, 256), 0.72), "portrait": (Size(224, 288), 0.16), "landscape": (Size(288, 224), 0.12)}


@dataclass(frozen=True)
class Sample:
    """One training picture: sRGB bytes, matte bytes, and what is known about it."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    notes: dict[str, Any]  # captions, edge, base


def draw_sample(seed: int, size: Size) -> Sample:
    """Draw the scene of this seed, the same on every machine."""
    rng = np.random.default_rng([20261123, seed])
    scene = compose_scene(rng)
    picture = draw_set(scene, rng, height=size.height, width=size.width)
    alpha = np.zeros((size.height, size.width), np.float32)
    base = 0.0
    if rng.random() >= EMPTY_SHARE:
        placed = place_product(rng, size.height, size.width)
        picture = ground_shadow(rng, picture, placed, side=scene.side)
        picture = over(draw_front(scene, rng, picture), placed.paint, placed.alpha)
        alpha, base = placed.alpha, placed.base
    else:
        picture = draw_front(scene, rng, picture)
    notes = {"captions": [caption(rng, scene.words) for _ in range(CAPTIONS)], "edge": scene.edge, "base": base}
    return Sample(_bytes(picture), _bytes(alpha), notes)


def _bytes(values: Field) -> NDArray[np.uint8]:
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, np.uint8)


def _draw_chunk(first: int, size: Size) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[dict[str, Any]]]:
    cv2.setNumThreads(1)
    samples = [draw_sample(seed, size) for seed in range(first, first + CHUNK)]
    return np.stack([s.pixels for s in samples]), np.stack([s.alpha for s in samples]), [s.notes for s in samples]


def draw_all(folder: Path, count: int, *, workers: int = 2) -> None:
    """Draw `count` pictures over the buckets into `folder`; buckets that are complete are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, (size, share)) in enumerate(BUCKETS.items()):
        if (folder / f"{name}.json").exists():
            continue
        wanted = max(int(count * share) // CHUNK, 1) * CHUNK
        pixels = np.lib.format.open_memmap(
            folder / f"{name}-pixels.npy", "w+", np.uint8, (wanted, size.height, size.width, 3)
        )
        alpha = np.lib.format.open_memmap(
            folder / f"{name}-alpha.npy", "w+", np.uint8, (wanted, size.height, size.width)
        )
        notes: list[dict[str, Any]] = []
        starts = range(0, wanted, CHUNK)
        with ProcessPoolExecutor(workers) as pool:
            chunks = pool.map(_draw_chunk, [number * 10_000_000 + start for start in starts], [size] * len(starts))
            for start, chunk in zip(starts, chunks, strict=True):
                pixels[start : start + CHUNK], alpha[start : start + CHUNK] = chunk[0], chunk[1]
                notes += chunk[2]
                logger.info("scenes: %s %d of %d", name, start + CHUNK, wanted)
        pixels.flush()
        (folder / f"{name}.json").write_text(json.dumps(notes, ensure_ascii=False), encoding="utf-8")


@dataclass(frozen=True)
class Bucket:
    """All training pictures of one frame."""

    name: str
    size: Size
    pixels: NDArray[np.uint8]  # (n, height, width, 3)
    alpha: NDArray[np.uint8]  # (n, height, width)
    notes: list[dict[str, Any]]


def read_buckets(folder: Path) -> Iterator[Bucket]:
    """The buckets that are complete, memory-mapped."""
    for name, (size, _) in BUCKETS.items():
        path = folder / f"{name}.json"
        if path.exists():
            pixels = np.load(folder / f"{name}-pixels.npy", mmap_mode="r")
            alpha = np.load(folder / f"{name}-alpha.npy", mmap_mode="r")
            yield Bucket(name, size, pixels, alpha, json.loads(path.read_text(encoding="utf-8")))
