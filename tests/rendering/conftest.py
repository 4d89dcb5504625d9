"""Pictures drawn with a known alpha, and the tiny random model set."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tasks.rendering.toyset import build_random_set

SMOOTH = 4  # oversampling of drawn shapes


@dataclass(frozen=True)
class Shot:
    """A drawn pack shot and the alpha it was drawn with (0..255)."""

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8]

    @property
    def png(self) -> bytes:
        return encode(self.rgb)

    @property
    def jpeg(self) -> bytes:
        return encode(self.rgb, kind="JPEG")

    @property
    def png_with_alpha(self) -> bytes:
        return encode(np.dstack([self.rgb, self.alpha]))


def encode(pixels: NDArray[np.uint8], *, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=92)
    return buffer.getvalue()


def mug(side: int = 480) -> Shot:
    """A red mug with a handle: the hole in the handle shows the ground."""
    alpha = _drawn(side, _mug_shape)
    across = np.linspace(0.75, 1.1, side)[None, :, None]
    return composed(np.array([178, 58, 46]) * across, alpha)


def strapped_bag(side: int = 480) -> Shot:
    """A dark bag under a strap that is a few pixels thin."""
    return composed(np.full((side, side, 3), (52, 60, 84)), _drawn(side, _bag_shape))


def white_bottle(side: int = 480, *, shadow: bool = True) -> Shot:
    """A white bottle on white, told from the ground by a faint rim only, with a soft shadow on the ground."""
    alpha = _drawn(side, _bottle_shape)
    inside = cv2.distanceTransform((alpha > 127).astype(np.uint8), cv2.DIST_L2, 5)
    tone = 255 - 24 * np.exp(-inside / 12)
    body = np.repeat(tone[..., None], 3, axis=2) * np.array([1.0, 0.997, 0.99])
    ground = np.full((side, side, 3), 255.0)
    if shadow:
        dark = np.zeros((side, side), np.float32)
        cv2.ellipse(dark, (side // 2, round(side * 0.86)), (side // 4, side // 36), 0, 0, 360, 1.0, -1)
        ground *= 1 - 0.3 * cv2.GaussianBlur(dark, (0, 0), side / 40)[..., None]
    return composed(body, alpha, ground=ground)


def composed(
    colour: NDArray[np.floating], alpha: NDArray[np.uint8], *, ground: NDArray[np.floating] | None = None
) -> Shot:
    share = alpha[..., None] / 255
    back = np.full((*alpha.shape, 3), 255.0) if ground is None else ground
    rgb = np.rint(share * np.broadcast_to(colour, (*alpha.shape, 3)) + (1 - share) * back).clip(0, 255).astype(np.uint8)
    return Shot(rgb=rgb, alpha=alpha)


def _drawn(side: int, shape: object) -> NDArray[np.uint8]:
    big = np.zeros((side * SMOOTH, side * SMOOTH), np.uint8)
    shape(big, side * SMOOTH)  # type: ignore[operator]
    return np.asarray(cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _mug_shape(canvas: NDArray[np.uint8], side: int) -> None:
    cv2.ellipse(
        canvas,
        (round(side * 0.66), round(side * 0.52)),
        (round(side * 0.17), round(side * 0.16)),
        0,
        0,
        360,
        255,
        round(side * 0.05),
    )
    cv2.rectangle(canvas, (round(side * 0.25), round(side * 0.25)), (round(side * 0.65), round(side * 0.8)), 255, -1)


def _bag_shape(canvas: NDArray[np.uint8], side: int) -> None:
    cv2.ellipse(
        canvas,
        (side // 2, round(side * 0.5)),
        (round(side * 0.2), round(side * 0.32)),
        0,
        180,
        360,
        255,
        round(side * 0.007),
    )
    cv2.rectangle(canvas, (round(side * 0.22), round(side * 0.5)), (round(side * 0.78), round(side * 0.85)), 255, -1)


def _bottle_shape(canvas: NDArray[np.uint8], side: int) -> None:
    cv2.rectangle(canvas, (round(side * 0.35), round(side * 0.35)), (round(side * 0.65), round(side * 0.86)), 255, -1)
    cv2.rectangle(canvas, (round(side * 0.43), round(side * 0.15)), (round(side * 0.57), round(side * 0.36)), 255, -1)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def mug_shot() -> Shot:
    return mug()


@pytest.fixture(scope="session")
def bag_shot() -> Shot:
    return strapped_bag()


@pytest.fixture(scope="session")
def bottle_shot() -> Shot:
    return white_bottle()


@pytest.fixture(scope="session")
def random_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole tiny random model set; every input moves its output."""
    return build_random_set(tmp_path_factory.mktemp("models") / "kolors-random")
