"""Grounds seen from above: flat textures that the camera then lays down in perspective. One texture is 2 m x 2 m."""

import functools
from collections.abc import Callable

import cv2
import numpy as np

from tasks.rendering.nano.paint import Field, Rgb, blank, blur, noise, over, smoothstep, vary

SIDE = 768  # pixels of a flat texture
VARIANTS = 5  # of each texture, kept in memory

Painter = Callable[[np.random.Generator, Rgb], Field]


def marble(rng: np.random.Generator, base: Rgb) -> Field:
    """Stone with thin, wandering, branching veins."""
    warp = noise(rng, SIDE, SIDE, cells=(2, 2), octaves=4)
    cloud = noise(rng, SIDE, SIDE, cells=(3, 3), octaves=5)
    picture = over(blank(SIDE, SIDE, base), tuple(np.asarray(base) * 0.88), 0.6 * smoothstep(0.4, 0.8, cloud))
    for width, strength in ((0.012, 0.55), (0.006, 0.4), (0.03, 0.2)):
        ridge = np.abs(noise(rng, SIDE, SIDE, cells=(2, 3), octaves=5) + 0.35 * warp - 0.68)
        vein = np.exp(-ridge / width) * smoothstep(0.3, 0.7, noise(rng, SIDE, SIDE, cells=(3, 3), octaves=2))
        picture = over(picture, tuple(np.asarray(base) * np.array([0.5, 0.51, 0.54])), strength * vein)
    return picture


def planks(rng: np.random.Generator, base: Rgb) -> Field:
    """Boards running away from the camera, with grain along them and thin dark joints."""
    count = int(rng.integers(5, 9))
    width = SIDE // count
    picture = blank(SIDE, SIDE, base)
    for n in range(count + 1):
        piece = grain(rng, SIDE, width, vary(rng, base, 0.022))
        left = n * width
        picture[:, left : left + width] = piece[:, : max(min(width, SIDE - left), 0)]
        picture[:, left : left + 3] *= 0.68
    return picture


def boards(rng: np.random.Generator, base: Rgb) -> Field:
    """Boards running across the picture."""
    return np.ascontiguousarray(planks(rng, base).transpose(1, 0, 2))


def grain(rng: np.random.Generator, height: int, width: int, base: Rgb) -> Field:
    """Wood grain running vertically: stretched noise and distorted growth rings."""
    bend = noise(rng, height, width, cells=(3, 1), octaves=3)
    across = np.linspace(0, 1, width, dtype=np.float32)[None, :] * width / 90
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (across * 2.2 + bend * 3.2))
    fibre = noise(rng, height, width, cells=(6, width / 3), octaves=2)
    tone = 1 - 0.16 * rings**2 - 0.16 * (fibre - 0.5) - 0.10 * (noise(rng, height, width, cells=(4, 2)) - 0.5)
    warm = np.stack([tone, tone**1.12, tone**1.3], -1)
    return (np.asarray(base, np.float32) * warm).astype(np.float32)


def sand(rng: np.random.Generator, base: Rgb) -> Field:
    """Dune ripples, footworn bumps and fine grains."""
    bumps = noise(rng, SIDE, SIDE, cells=(10, 8), octaves=4)
    ripple = np.sin(
        np.linspace(0, 60, SIDE, dtype=np.float32)[:, None] + 9 * noise(rng, SIDE, SIDE, cells=(3, 3), octaves=3)
    )
    relief = cv2.Sobel(blur(bumps, 3), cv2.CV_32F, 1, 1, ksize=5) * 0.6
    tone = 1 + 0.03 * ripple + np.clip(relief, -0.12, 0.12) + 0.12 * (bumps - 0.5)
    tone = tone + rng.normal(0, 0.045, (SIDE, SIDE)).astype(np.float32)
    return np.asarray(np.asarray(base, np.float32) * tone[..., None], np.float32)


def snow(rng: np.random.Generator, base: Rgb) -> Field:
    """Soft drifts with blue shadows and a few sparkles."""
    drift = noise(rng, SIDE, SIDE, cells=(5, 4), octaves=4)
    relief = cv2.Sobel(blur(drift, 6), cv2.CV_32F, 1, 0, ksize=5) * 1.2
    shade = np.clip(0.5 + relief + 0.7 * (drift - 0.5), 0, 1)
    picture = over(blank(SIDE, SIDE, base), (0.68, 0.78, 0.90), 0.6 * (1 - shade))
    picture += (rng.normal(0, 0.018, (SIDE, SIDE, 1))).astype(np.float32)
    sparkle = (rng.random((SIDE, SIDE)) > 0.9992).astype(np.float32)
    return over(picture, (1, 1, 1), np.clip(blur(sparkle, 0.8) * 4, 0, 0.8))


def concrete(rng: np.random.Generator, base: Rgb) -> Field:
    """Cloudy cement with small pits."""
    cloud = noise(rng, SIDE, SIDE, cells=(3, 3), octaves=6)
    fine = noise(rng, SIDE, SIDE, cells=(60, 60), octaves=2)
    tone = 1 + 0.22 * (cloud - 0.5) + 0.09 * (fine - 0.5)
    pits = blur((rng.random((SIDE, SIDE)) > 0.9994).astype(np.float32), 1.3) * 5
    return np.asarray(np.asarray(base, np.float32) * (tone - 0.3 * np.clip(pits, 0, 1))[..., None], np.float32)


def tiles(rng: np.random.Generator, base: Rgb) -> Field:
    """Square tiles with grout."""
    count = int(rng.integers(6, 10))
    step = SIDE / count
    tone = cv2.resize(
        rng.normal(1, 0.018, (count, count)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST
    )
    picture = (
        np.asarray(base, np.float32)
        * tone[..., None]
        * (1 + 0.04 * (noise(rng, SIDE, SIDE, cells=(4, 4)) - 0.5))[..., None]
    )
    line = np.abs((np.arange(SIDE) / step) % 1 - 0.5) > 0.484
    grout = np.maximum(line[None, :], line[:, None]).astype(np.float32)
    return over(picture.astype(np.float32), tuple(np.asarray(base) * 0.74), 0.8 * blur(grout, 0.8))


def velvet(rng: np.random.Generator, base: Rgb) -> Field:
    """Brushed pile: soft patches that catch the light differently."""
    patch = noise(rng, SIDE, SIDE, cells=(4, 3), octaves=4)
    pile = noise(rng, SIDE, SIDE, cells=(120, 40), octaves=2)
    tone = 1 + 0.45 * (patch - 0.5) + 0.14 * (pile - 0.5)
    return (np.asarray(base, np.float32) * tone[..., None]).astype(np.float32)


def silk(rng: np.random.Generator, base: Rgb) -> Field:
    """Flowing folds with sheen along their backs."""
    bend = noise(rng, SIDE, SIDE, cells=(2, 2), octaves=3)
    line = np.linspace(0, 1, SIDE, dtype=np.float32)
    fold = np.sin(2 * np.pi * (line[None, :] * rng.uniform(2, 4) + line[:, None] * rng.uniform(1, 3) + 2.2 * bend))
    tone = 0.88 + 0.24 * fold
    picture = np.asarray(base, np.float32) * tone[..., None]
    return over(picture.astype(np.float32), (1, 0.97, 0.93), 0.22 * np.clip(fold, 0, 1) ** 5)


def grass(rng: np.random.Generator, base: Rgb) -> Field:
    """Lawn or moss: tufts of many greens."""
    tuft = noise(rng, SIDE, SIDE, cells=(40, 34), octaves=4)
    patch = noise(rng, SIDE, SIDE, cells=(4, 4), octaves=3)
    tone = 0.62 + 0.6 * tuft + 0.35 * (patch - 0.5)
    picture = np.asarray(base, np.float32) * tone[..., None]
    return over(picture.astype(np.float32), (0.86, 0.88, 0.45), 0.35 * smoothstep(0.6, 0.85, tuft))


def slab(rng: np.random.Generator, base: Rgb) -> Field:
    """Cut stone or quartz: fine speckle over faint clouds."""
    speckle = blur(rng.normal(0, 0.06, (SIDE, SIDE)).astype(np.float32), 0.9)
    cloud = noise(rng, SIDE, SIDE, cells=(4, 4), octaves=5)
    return (np.asarray(base, np.float32) * (1 + speckle + 0.06 * (cloud - 0.5))[..., None]).astype(np.float32)


def bamboo(rng: np.random.Generator, base: Rgb) -> Field:
    """A woven mat: narrow strips across, bound by threads."""
    rows = 96
    strip = cv2.resize(rng.normal(1, 0.07, (rows, 6)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    gap = np.abs((np.arange(SIDE) * rows / SIDE) % 1 - 0.5)[:, None] > 0.40
    thread = np.abs((np.arange(SIDE) * 7 / SIDE) % 1 - 0.5)[None, :] > 0.485
    tone = strip * np.where(gap, 0.74, 1.0) * np.where(thread, 0.7, 1.0)
    return np.asarray(np.asarray(base, np.float32) * tone[..., None], np.float32)


def linen(rng: np.random.Generator, base: Rgb) -> Field:
    """Woven cloth with slubs and soft creases."""
    warp = noise(rng, SIDE, SIDE, cells=(4, 200), octaves=1)
    weft = noise(rng, SIDE, SIDE, cells=(200, 4), octaves=1)
    crease = noise(rng, SIDE, SIDE, cells=(3, 4), octaves=3)
    return (np.asarray(base, np.float32) * (1 + 0.12 * (warp + weft - 1) + 0.25 * (crease - 0.5))[..., None]).astype(
        np.float32
    )


def plain(rng: np.random.Generator, base: Rgb) -> Field:
    """Matte paint or paper."""
    return blank(SIDE, SIDE, base) * (1 + 0.02 * (noise(rng, SIDE, SIDE, cells=(3, 3), octaves=2) - 0.5))[..., None]


PAINTERS: dict[str, Painter] = {
    "marble": marble, "planks": planks, "boards": boards, "sand": sand, "snow": snow, "concrete": concrete, "tiles": tiles,
    "velvet": velvet, "silk": silk, "grass": grass, "slab": slab, "bamboo": bamboo, "linen": linen, "plain": plain,
}  # fmt: skip


@functools.cache
def texture(kind: str, variant: int) -> tuple[Field, Field, Field]:
    """A neutral texture (light grey base) in three blurs, for near, middle and far."""
    rng = np.random.default_rng([sum(kind.encode()), variant])
    flat = PAINTERS[kind](rng, (0.8, 0.8, 0.8)) / 0.8
    return flat, blur(flat, 2.2), blur(flat, 5.5)


def lay_down(
    rng: np.random.Generator, kind: str, base: Rgb, *, height: int, width: int, edge: float, vanish: float
) -> Field:
    """The texture in perspective, filling the frame below `edge`; rows above it hold no meaning.

    `edge` and `vanish` are heights of the ground's far edge and of the vanishing line, shares from the top.
    """
    near, middle, far = texture(kind, int(rng.integers(VARIANTS)))
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    depth = (1 - vanish) / np.maximum(y - vanish, 0.02)  # 1 at the bottom row
    scale = SIDE * rng.uniform(0.38, 0.5)
    across = (x[None, :] - rng.uniform(0.3, 0.7)) * depth[:, None] * scale * width / height
    along = np.broadcast_to(depth[:, None] * scale * 1.1, across.shape)
    turn = np.deg2rad(rng.normal(0, 5))
    u = (np.cos(turn) * across - np.sin(turn) * along + rng.uniform(0, SIDE)).astype(np.float32)
    v = (np.sin(turn) * across + np.cos(turn) * along + rng.uniform(0, SIDE)).astype(np.float32)
    layers = [cv2.remap(t, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) for t in (near, middle, far)]
    step = (depth * scale * width / height / width)[:, None, None]  # texels a pixel
    first, second = np.clip((step - 1.5) / 1.5, 0, 1), np.clip((step - 4) / 4, 0, 1)
    picture = layers[0] * (1 - first) + layers[1] * first
    picture = picture * (1 - second) + layers[2] * second
    return np.asarray(np.clip(picture * np.asarray(base, np.float32), 0, 1), np.float32)
