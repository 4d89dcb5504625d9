"""The material of the ground: a small net hints at it, and what enlarges its picture paints it in."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.nano.surfaces import PAINTERS, SIDE
from tasks.rendering.picture import Floats
from tasks.rendering.renderer import Pixels

# Words of a prompt's first clause, which names the surface: the first that fits counts.
MATERIALS = {
    "大理石": "marble", "木": "planks", "胡桃": "planks", "竹": "bamboo", "混凝土": "concrete", "水泥": "concrete",
    "石英石": "slab", "石板": "slab", "岩板": "slab", "沙": "sand", "雪": "snow", "绒": "velvet", "绸": "silk",
    "亚麻": "linen", "棉布": "linen", "桌布": "linen", "瓷砖": "tiles", "草地": "grass", "草坪": "grass",
}  # fmt: skip
STRENGTH = {"snow": 0.6, "velvet": 0.7, "silk": 0.5, "grass": 0.7}  # others 0.9
VARIANTS = 3
OWN = 24.0  # texels: what is broader than this the net has drawn itself
BLURS = (0.0, 1.2, 2.6)  # texels, for 1, 2 and 4 texels a pixel
CAMERA = (
    0.45  # how far the vanishing line lies above the ground's far edge, a share of the frame: a table seen from above
)
ACROSS, ALONG = 0.9, 0.72  # of a texture, that the frame's height shows at its lowest row


def material_of(prompt: str) -> str | None:
    """Which texture the prompt's surface has; None where it names none that has any."""
    surface = prompt.split("，", 1)[0]
    return next((kind for word, kind in MATERIALS.items() if word in surface), None)


def lay_texture(background: Pixels, kind: str, *, ground: float, seed: int) -> Pixels:
    """The background with the fine texture of a material on its ground, which begins at `ground` (share from the top).

    Only light and dark, finer than what the background has of its own; its colours and its large forms stay.
    """
    height, width = background.shape[:2]
    first = int(ground * height)
    if first >= height - 1:
        return background
    rows = (np.arange(first, height, dtype=np.float32) + 0.5) / height
    rise = np.clip((rows - ground) / 0.09, 0, 1)
    amount = STRENGTH.get(kind, 0.9) * rise * rise * (3 - 2 * rise)
    detail = _in_perspective(kind, rows, (height, width), ground=ground, seed=seed)
    done = background.copy()
    lit = done[first:] * (1 + amount[:, None] * (detail - 1))[..., None]
    done[first:] = np.rint(lit).clip(0, 255)
    return done


def _in_perspective(kind: str, rows: Floats, frame: tuple[int, int], *, ground: float, seed: int) -> Floats:
    """The texture at the frame's lower rows, about 1."""
    height, width = frame
    rng = np.random.default_rng(seed)
    levels = _texture(kind, int(rng.integers(VARIANTS)))
    side = rng.choice([-1.0, 1.0])
    middle, nearest = rng.uniform(0.45, 0.55) * SIDE, rng.uniform(0, 0.3) * SIDE  # so that a square sees no mirroring
    vanish = ground - CAMERA
    depth = (1 - vanish) / (rows - vanish)  # 1 at the bottom
    columns = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / height
    u = side * columns[None, :] * depth[:, None] * (ACROSS * SIDE) + middle
    v = np.repeat(((depth - 1) * ALONG * SIDE + nearest)[:, None], width, axis=1)
    laid = [cv2.remap(t, _f32(u), _f32(v), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for t in levels]
    texels = np.log2(np.maximum(ALONG * SIDE * (1 - vanish) / (rows - vanish) ** 2 / height, 1))[:, None]
    near, far = np.clip(texels, 0, 1), np.clip(texels - 1, 0, 1)
    mixed = laid[0] * (1 - near) + laid[1] * near
    return _f32(mixed * (1 - far) + laid[2] * far)


@functools.cache
def _texture(kind: str, variant: int) -> tuple[Floats, ...]:
    """One neutral texture (SIDE, SIDE) about 1, in the blurs that greater distances take."""
    rng = np.random.default_rng([sum(kind.encode()), variant])
    grey = (PAINTERS[kind](rng, (0.8, 0.8, 0.8)) / 0.8).mean(-1).astype(np.float32)
    fine = np.clip(grey / cv2.GaussianBlur(grey, (0, 0), OWN), 0.6, 1.5)
    return tuple(fine if sigma == 0 else cv2.GaussianBlur(fine, (0, 0), sigma) for sigma in BLURS)


def _f32(values: NDArray[np.floating]) -> Floats:
    return np.asarray(values, dtype=np.float32)
