"""Drawn masters to judge: surfaces with texture, products with a soft outline, shadows. Equal seeds, equal pictures."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.quality.evidence import Evidence
from tasks.shapes import Box

Picture = NDArray[np.float32]  # (height, width, 3), 0..255
Plane = NDArray[np.float32]  # (height, width)


def clouds(generator: np.random.Generator, side: int, *, cells: int, octaves: int = 4) -> Plane:
    """Value noise around 0, about -1..1."""
    plane = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        grid = generator.normal(size=(cells * 2**octave + 1,) * 2).astype(np.float32)
        plane += cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) / 2 ** (octave + 1)
    return plane


def axes(side: int) -> tuple[Plane, Plane]:
    down, across = np.mgrid[0:side, 0:side].astype(np.float32) / side
    return across, down


def paint(plane: Plane, dark: tuple[int, int, int], bright: tuple[int, int, int]) -> Picture:
    """Colours from dark (plane 0) to bright (plane 1)."""
    share = np.clip(plane, 0, 1)[..., None]
    return np.asarray(np.array(dark) * (1 - share) + np.array(bright) * share, np.float32)


def light(side: int, generator: np.random.Generator) -> Plane:
    """Falling off from a lamp at the upper left or right."""
    across, down = axes(side)
    x = generator.choice([0.15, 0.85])
    return np.asarray(1.06 - 0.35 * np.hypot(across - x, down - 0.1), np.float32)


def horizon(wall: Picture, ground: Picture, at: float = 0.62, softness: float = 0.01) -> Picture:
    _, down = axes(wall.shape[0])
    share = np.clip((down - at) / softness + 0.5, 0, 1)[..., None]
    return np.asarray(wall * (1 - share) + ground * share, np.float32)


def marble(generator: np.random.Generator, side: int) -> Picture:
    veins = np.abs(clouds(generator, side, cells=3, octaves=5))
    stone = paint(0.35 + 1.6 * veins, (150, 148, 146), (236, 234, 230))
    wall = paint(0.6 + 0.1 * clouds(generator, side, cells=2), (176, 188, 190), (226, 232, 232))
    return horizon(wall, stone) * light(side, generator)[..., None]


def wood(generator: np.random.Generator, side: int) -> Picture:
    grain = cv2.resize(clouds(generator, side, cells=24, octaves=3)[: side // 16], (side, side))
    rings = 0.5 + 0.35 * grain + 0.12 * clouds(generator, side, cells=60, octaves=2)
    wall = paint(0.5 + 0.2 * clouds(generator, side, cells=2), (214, 196, 164), (248, 236, 210))
    return horizon(wall, paint(rings, (118, 74, 40), (206, 152, 98))) * light(side, generator)[..., None]


def festive(generator: np.random.Generator, side: int) -> Picture:
    cloth = paint(0.5 + 0.35 * clouds(generator, side, cells=4), (120, 8, 16), (206, 28, 34))
    for _ in range(18):  # lamps out of focus
        centre = generator.uniform(0, side, 2)
        radius = side * generator.uniform(0.015, 0.05)
        disc = np.zeros((side, side), np.float32)
        cv2.circle(disc, (int(centre[0]), int(centre[1] * 0.6)), int(radius), 1.0, -1, cv2.LINE_AA)
        disc = cv2.GaussianBlur(disc, (0, 0), side / 340)
        cloth += disc[..., None] * np.array([60, 44, 12], np.float32)
    return cloth * light(side, generator)[..., None]


def beach(generator: np.random.Generator, side: int) -> Picture:
    _, down = axes(side)
    sky = paint(down * 1.5 + 0.08 * clouds(generator, side, cells=3), (96, 168, 226), (222, 238, 246))
    sea = paint(0.5 + 0.3 * clouds(generator, side, cells=20), (28, 116, 150), (92, 190, 200))
    sand = paint(0.5 + 0.15 * clouds(generator, side, cells=6), (206, 176, 130), (240, 218, 176))
    sand += generator.normal(0, 7, (side, side, 1)).astype(np.float32)
    return horizon(horizon(sky, sea, at=0.4), sand, at=0.58, softness=0.06)


def snow(generator: np.random.Generator, side: int) -> Picture:
    _, down = axes(side)
    sky = paint(down + 0.1 * clouds(generator, side, cells=3), (178, 200, 226), (232, 240, 248))
    drifts = paint(0.75 + 0.3 * clouds(generator, side, cells=4, octaves=5), (196, 210, 228), (250, 252, 255))
    return horizon(sky, drifts, at=0.5, softness=0.04)


def studio(generator: np.random.Generator, side: int) -> Picture:
    """A seamless paper sweep: one colour, light falling off, nothing else."""
    across, down = axes(side)
    tint = generator.uniform(0.7, 1.0, 3) * 225
    sweep = 0.92 - 0.22 * np.hypot(across - 0.5, down - 0.45) - 0.1 / (1 + np.exp(-(down - 0.62) * 18))
    return np.asarray(sweep[..., None] * tint + generator.normal(0, 0.8, (side, side, 1)), np.float32)


def night(generator: np.random.Generator, side: int) -> Picture:
    _, down = axes(side)
    table = paint(0.4 + 0.3 * clouds(generator, side, cells=8), (24, 22, 34), (64, 56, 72))
    wall = paint(0.5 + 0.3 * clouds(generator, side, cells=2) - 0.3 * down, (16, 18, 40), (70, 62, 110))
    glow = np.exp(-((axes(side)[0] - 0.8) ** 2 + (down - 0.25) ** 2) * 14)[..., None]
    return np.asarray(horizon(wall, table) + glow * np.array([170, 120, 60], np.float32), np.float32)


SCENES: dict[str, Callable[[np.random.Generator, int], Picture]] = {
    "marble": marble,
    "wood": wood,
    "festive": festive,
    "beach": beach,
    "snow": snow,
    "studio": studio,
    "night": night,
}


def drafted(scene: Callable[[np.random.Generator, int], Picture], generator: np.random.Generator, side: int) -> Picture:
    """As a small model draws it: soft at a quarter of the size, then enlarged."""
    small = cv2.GaussianBlur(scene(generator, side // 4), (0, 0), 1.5)
    small = np.clip(np.rint(small), 0, 255).astype(np.float32)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


@dataclass(frozen=True)
class Drawn:
    """A product on nothing: colours and matte at the size of the frame."""

    colours: Picture
    alpha: Plane  # 0..1


def _shape(side: int, draw: Callable[[Plane, float], None]) -> Plane:
    """Draw at twice the size and halve: an outline of about a pixel, like a good cut-out."""
    plane = np.zeros((side * 2, side * 2), np.float32)
    draw(plane, side * 2)
    return np.asarray(cv2.GaussianBlur(cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA), (0, 0), 0.7))


def _box(plane: Plane, unit: float, corners: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = (int(edge * unit) for edge in corners)
    cv2.rectangle(plane, (left, top), (right, bottom), 1.0, -1)


def _round(plane: Plane, unit: float, where: tuple[float, float, float, float], *, value: float = 1.0) -> None:
    """An ellipse given by its middle and its two radii."""
    x, y, radius_x, radius_y = (int(number * unit) for number in where)
    cv2.ellipse(plane, (x, y), (radius_x, radius_y), 0, 0, 360, value, -1)


def bottle(side: int, generator: np.random.Generator) -> Drawn:
    def body(plane: Plane, unit: float) -> None:
        _box(plane, unit, (0.4, 0.38, 0.6, 0.82))
        _round(plane, unit, (0.5, 0.38, 0.1, 0.04))
        _round(plane, unit, (0.5, 0.82, 0.1, 0.02))
        _box(plane, unit, (0.46, 0.26, 0.54, 0.36))

    across, down = axes(side)
    alpha = _shape(side, body)
    shade = 0.62 + 0.5 * np.cos((across - 0.47) * 13)
    colours = shade[..., None] * np.array(generator.choice([[52, 120, 96], [150, 60, 90], [46, 84, 150]]), np.float32)
    label = (np.abs(across - 0.5) < 0.075) & (np.abs(down - 0.6) < 0.1)
    colours[label] = (shade[..., None] * np.array([236, 232, 220], np.float32))[label]
    for row in range(4):  # lines of type
        line = label & (np.abs(across - 0.5) < 0.05) & (np.abs(down - (0.54 + row * 0.035)) < 0.006)
        colours[line & ((across * side * 0.12).astype(int) % 2 == 0)] = (30, 34, 40)
    colours[(np.abs(across - 0.44) < 0.006) & (down > 0.4) & (down < 0.8)] += 70
    return Drawn(np.asarray(colours, np.float32), alpha)


def mug(side: int, generator: np.random.Generator) -> Drawn:
    """With a handle, through whose hole the background is seen."""

    def body(plane: Plane, unit: float) -> None:
        _round(plane, unit, (0.64, 0.62, 0.11, 0.12))
        _round(plane, unit, (0.64, 0.62, 0.075, 0.085), value=0.0)
        _box(plane, unit, (0.34, 0.45, 0.62, 0.8))
        _round(plane, unit, (0.48, 0.45, 0.14, 0.035))
        _round(plane, unit, (0.48, 0.8, 0.14, 0.03))

    across, down = axes(side)
    shade = 0.7 + 0.35 * np.cos((across - 0.42) * 9)
    colours = shade[..., None] * np.array(generator.choice([[226, 160, 60], [90, 140, 190], [200, 80, 70]]), np.float32)
    colours[((across - 0.48) ** 2 / 0.0170 + (down - 0.45) ** 2 / 0.0008) < 1] = (60, 44, 36)
    colours[np.hypot(across - 0.47, down - 0.63) < 0.06] = (246, 240, 226)
    return Drawn(np.asarray(colours, np.float32), _shape(side, body))


def tub(side: int, generator: np.random.Generator) -> Drawn:
    """White, low, with a lid: hardly told from a bright background."""

    def body(plane: Plane, unit: float) -> None:
        _box(plane, unit, (0.32, 0.56, 0.68, 0.8))
        _round(plane, unit, (0.5, 0.8, 0.18, 0.03))
        _box(plane, unit, (0.31, 0.5, 0.69, 0.57))

    across, down = axes(side)
    shade = 0.86 + 0.12 * np.cos((across - 0.45) * 8)
    colours = shade[..., None] * np.array([250, 249, 246], np.float32)
    colours[np.abs(down - 0.57) < 0.003] = (150, 150, 150)
    colours[(np.abs(across - 0.5) < 0.06) & (np.abs(down - 0.67) < 0.012)] = (70, 80, 90)
    return Drawn(np.asarray(colours, np.float32), _shape(side, body))


def headphones(side: int, generator: np.random.Generator) -> Drawn:
    """Black, with a thin band: the product's box is mostly background."""

    def body(plane: Plane, unit: float) -> None:
        middle, radii = (int(0.5 * unit), int(0.55 * unit)), (int(0.2 * unit), int(0.25 * unit))
        cv2.ellipse(plane, middle, radii, 0, 180, 360, 1.0, int(0.03 * unit))
        _round(plane, unit, (0.3, 0.62, 0.06, 0.12))
        _round(plane, unit, (0.7, 0.62, 0.06, 0.12))

    across, down = axes(side)
    shade = 34 + 26 * np.cos((across - 0.3) * 20) + 10 * np.cos(down * 30)
    colours = np.repeat(shade[..., None], 3, axis=2)
    colours[np.hypot(across - 0.3, down - 0.62) < 0.02] = (190, 194, 200)
    return Drawn(np.asarray(colours, np.float32), _shape(side, body))


PRODUCTS: dict[str, Callable[[int, np.random.Generator], Drawn]] = {
    "bottle": bottle,
    "mug": mug,
    "tub": tub,
    "headphones": headphones,
}


def to_pixels(picture: Picture) -> NDArray[np.uint8]:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def to_png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def shadow(alpha: Plane, *, side: int) -> Plane:
    """Darkening 0..1 of the background under and beside the product's base."""
    rows = np.nonzero(alpha.max(axis=1) > 0.5)[0]
    columns = np.nonzero(alpha[int(rows[-1] - 0.03 * side)] > 0.5)[0]
    plane = np.zeros_like(alpha)
    middle = (int((columns[0] + columns[-1]) / 2 + 0.02 * side), int(rows[-1]))
    cv2.ellipse(plane, middle, (int((columns[-1] - columns[0]) * 0.56), int(0.02 * side)), 0, 0, 360, 0.55, -1)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), side / 90))


def repainted(background: Picture, product: Drawn, generator: np.random.Generator) -> NDArray[np.uint8]:
    """The model's own decode: the product redrawn softly, in slightly other colours, its outline a little off."""
    side = len(background)
    colours = cv2.GaussianBlur(product.colours, (0, 0), side / 400) * generator.uniform(0.95, 1.05)
    alpha = cv2.GaussianBlur(np.roll(product.alpha, (0, int(side / 700)), (0, 1)), (0, 0), side / 700)[..., None]
    return to_pixels(background * (1 - alpha) + colours * alpha)


def master(scene: str, product: str, *, seed: int = 0, draft: bool = False, side: int = 1024) -> Evidence:
    """A clean picture: `scene` behind `product`, pasted bit-exactly, with a contact shadow on the background."""
    generator = np.random.default_rng([seed, *scene.encode(), *product.encode()])
    behind = drafted(SCENES[scene], generator, side) if draft else SCENES[scene](generator, side)
    drawn = PRODUCTS[product](side, generator)
    shaded = behind * (1 - shadow(drawn.alpha, side=side)[..., None])
    return assemble(shaded, drawn, raw=repainted(shaded, drawn, generator))


def assemble(behind: Picture, drawn: Drawn, *, raw: NDArray[np.uint8] | None) -> Evidence:
    alpha = np.clip(np.rint(drawn.alpha * 255), 0, 255).astype(np.uint8)
    product = to_pixels(drawn.colours)
    share = (alpha.astype(np.float32) / 255)[..., None]
    pixels = to_pixels(behind * (1 - share) + product * share)
    left, top, width, height = cv2.boundingRect(alpha)
    expected = np.where(alpha[..., None] > 0, product, np.uint8(255))
    box = Box(left, top, left + width, top + height)
    return Evidence(pixels, raw, expected, alpha, box, encoded=to_png(pixels))


def white_master(product: str, *, seed: int = 0, side: int = 1024) -> Evidence:
    """A clean white scene: nothing but the product on 255, 255, 255."""
    generator = np.random.default_rng([seed, *product.encode()])
    evidence = assemble(np.full((side, side, 3), 255, np.float32), PRODUCTS[product](side, generator), raw=None)
    return Evidence(
        evidence.pixels,
        None,
        evidence.expected,
        evidence.alpha,
        evidence.product_box,
        background="white",
        encoded=evidence.encoded,
    )
