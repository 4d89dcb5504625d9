"""Masters drawn for tests and measurements: a bottle in a room, on marble, among lights and on white."""

from typing import Literal, NamedTuple

import cv2
import numpy as np

from tasks.banners.pixels import Alpha, Pixels
from tasks.shapes import Box

Scene = Literal["table", "marble", "lights", "white"]


class Master(NamedTuple):
    """A master with what a renderer knows about it."""

    pixels: Pixels
    product_box: Box
    alpha: Alpha


def draw_master(
    scene: Scene, *, width: int = 256, height: int = 256, share: float = 0.6, at: float = 0.5, seed: int = 0
) -> Master:
    """A bottle `share` of the height tall whose middle is at `at` of the width, standing in `scene`, with grain."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    ground = {"table": _table, "marble": _marble, "lights": _lights, "white": _white}[scene](x, y, random)
    bottle, alpha = _bottle(x, y, share=share, at=at, ratio=width / height)
    if scene != "white":
        ground *= 1 - 0.5 * _shadow(x, y, share=share, at=at)[..., None]
    picture = ground * (1 - alpha[..., None]) + bottle * alpha[..., None]
    if scene != "white":
        picture += random.normal(0, 1.5, (height, width, 1)).astype(np.float32)
    matte = np.rint(alpha * 255).astype(np.uint8)
    left, top, box_width, box_height = cv2.boundingRect((matte > 0).astype(np.uint8))
    box = Box(left, top, left + box_width, top + box_height)
    return Master(np.clip(np.rint(picture), 0, 255).astype(np.uint8), box, matte)


def _mix(first: tuple[int, ...], second: tuple[int, ...], share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0, 1)[..., None]
    return np.float32(first) * (1 - share) + np.float32(second) * share


def _noise(shape: tuple[int, int], cells: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Smooth noise, about -1..1, of so many cells down and across."""
    small = random.normal(0, 0.5, cells).astype(np.float32)
    return cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _table(x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    wall = _mix((242, 230, 214), (196, 172, 148), 0.9 * x + 0.4 * y)
    wall += 10 * np.exp(-(((x + 0.4 * y - 0.45) / 0.12) ** 2))[..., None]
    wood = _mix((176, 122, 78), (128, 82, 50), (y - 0.68) * 2.5 + 0.3 * x)
    wood += (9 * _noise(x.shape, (90, 5), random) + 6 * _noise(x.shape, (200, 12), random))[..., None]
    return np.where((y > 0.68)[..., None], wood, wall).astype(np.float32)


def _marble(x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    warp = _noise(x.shape, (7, 7), random) + 0.5 * _noise(x.shape, (17, 17), random)
    veins = np.exp(-np.abs(np.sin((x * 2 + y * 3 + 0.8 * warp) * 4)) * 9)
    return (_mix((236, 235, 232), (214, 212, 210), 0.8 * y + 0.3 * warp) - 52 * veins[..., None]).astype(np.float32)


def _lights(x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    ground = _mix((96, 22, 30), (28, 8, 20), y * 0.7 + np.abs(x - 0.5))
    for _ in range(40):
        cx, cy, radius = random.uniform(0, 1), random.uniform(0, 0.75), random.uniform(0.015, 0.05)
        disc = 0.5 - 0.5 * np.tanh((np.hypot(x - cx, y - cy) - radius) / 0.008)
        ground += disc[..., None] * np.float32((150, 96, 44)) * random.uniform(0.2, 0.8)
    return ground.astype(np.float32)


def _white(x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.full((*x.shape, 3), 255, np.float32)


def _bottle(x: np.ndarray, y: np.ndarray, *, share: float, at: float, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    base = 0.5 + share / 2 if share > 0.6 else 0.84
    along = (base - y) / share  # 0 at the base, 1 at the top
    half = share * np.interp(along, [0, 0.6, 0.72, 0.74, 0.75, 1], [0.2, 0.2, 0.08, 0.08, 0.09, 0.09]) / ratio
    across = (x - at) / np.maximum(half, 1e-6)
    edge = 1.5 / x.shape[0]
    alpha = np.clip((half - np.abs(x - at)) / edge, 0, 1) * np.clip((base - y) / edge, 0, 1)
    alpha *= np.clip((y - (base - share)) / edge, 0, 1)
    light = 0.55 + 0.6 * np.exp(-(((across + 0.5) / 0.22) ** 2)) + 0.25 * np.sqrt(np.clip(1 - across**2, 0, 1))
    colour = np.where((along > 0.74)[..., None], np.float32((190, 160, 96)), np.float32((34, 96, 92)))
    label = (np.abs(along - 0.33) < 0.16) & (np.abs(across) < 0.82)
    colour = np.where(label[..., None], np.float32((236, 228, 210)), colour)
    stripe = (np.abs(along - 0.36) < 0.02) & (np.abs(across) < 0.5)
    colour = np.where(stripe[..., None], np.float32((150, 40, 36)), colour)
    return np.clip(colour * light[..., None], 0, 255), alpha.astype(np.float32)


def _shadow(x: np.ndarray, y: np.ndarray, *, share: float, at: float) -> np.ndarray:
    base = 0.5 + share / 2 if share > 0.6 else 0.84
    return np.exp(-(((x - at - 0.02) / (0.24 * share)) ** 2 + ((y - base) / 0.02) ** 2))
