"""Walls and rooms behind the ground."""

import numpy as np

from tasks.rendering.nano.paint import (
    Field,
    Rgb,
    blank,
    blur,
    colour,
    ellipse,
    glow,
    grid,
    mix,
    noise,
    over,
    polygon,
    screen,
    smoothstep,
    vary,
    vertical,
)
from tasks.rendering.nano.view import View, bokeh, leaves, soft_over

Generator = np.random.Generator


def wall(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """A plain painted wall with a quiet fall-off of light."""
    top, bottom = mix(main, (1, 1, 1), 0.12), mix(main, (0, 0, 0), 0.08)
    picture = vertical(view.height, view.width, [(0, top), (view.edge, main), (1, bottom)])
    cloud = noise(rng, view.height, view.width, cells=(2, 2), octaves=3)
    return np.clip(picture * (1 + 0.05 * (cloud[..., None] - 0.5)), 0, 1).astype(np.float32)


def halo(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """A seamless studio ground with a pool of light behind the product."""
    picture = blank(view.height, view.width, mix(main, (0, 0, 0), 0.14))
    light = glow(
        view.height, view.width, centre=(rng.uniform(0.4, 0.6), view.edge - rng.uniform(0.1, 0.3)), radius=(0.55, 0.6)
    )
    bright = np.clip(np.asarray(main, np.float32) * 1.32 + 0.03, 0, 1)  # a lit colour gets stronger, not chalky
    return over(picture, bright, light * 0.85)


def gradient(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Two neighbouring tones running into each other."""
    y, x = grid(view.height, view.width)
    turn = rng.uniform(-0.8, 0.8)
    share = smoothstep(0, 1, (y + turn * (x - 0.5)).astype(np.float32))
    return over(blank(view.height, view.width, mix(main, (1, 1, 1), 0.25)), mix(main, accent, 0.35), share)


def drape(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """A hanging curtain of silk or velvet: soft vertical folds."""
    _, x = grid(view.height, view.width)
    bend = noise(rng, view.height, view.width, cells=(1, 4), octaves=2)
    fold = np.sin(2 * np.pi * (x * rng.uniform(3, 6) + 0.9 * bend + rng.random())).astype(np.float32)
    picture = blank(view.height, view.width, main) * (0.84 + 0.2 * fold)[..., None]
    picture = over(picture.astype(np.float32), mix(main, (1, 1, 1), 0.4), 0.25 * np.clip(fold, 0, 1) ** 3)
    return blur(picture, 1.2 * view.blur_unit)


def arches(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Pastel studio set: a painted arch or disc and stepped blocks, softly lit."""
    picture = wall(rng, view, main, accent)
    for _ in range(int(rng.integers(1, 3))):
        centre = (rng.uniform(0.15, 0.85), view.edge)
        wide, tall = rng.uniform(0.16, 0.34), rng.uniform(0.28, 0.55)
        tone = mix(mix(main, accent, rng.uniform(0.3, 0.9)), (1, 1, 1), rng.uniform(0, 0.25))
        dome = ellipse(view.height, view.width, centre=(centre[0], centre[1] - tall * 0.5), radius=(wide, tall * 0.5))
        foot = polygon(view.height, view.width, [
            (centre[0] - wide, centre[1] - tall * 0.5), (centre[0] + wide, centre[1] - tall * 0.5),
            (centre[0] + wide, 1.0), (centre[0] - wide, 1.0),
        ])  # fmt: skip
        shape = np.maximum(dome, foot)
        shadow = np.roll(blur(shape, 2.5 * view.blur_unit), int(0.03 * view.width), axis=1)
        picture = over(picture, tuple(np.asarray(tone) * 0.62), 0.4 * shadow)
        picture = over(picture, tone, shape)
    return blur(picture, 0.7 * view.blur_unit)


def tiled_wall(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Glazed tiles seen straight on, out of focus, with a sheen on each."""
    columns = rng.uniform(5, 9)
    rows = columns * view.height / view.width * (1 if rng.random() < 0.6 else 2)
    y, x = grid(view.height, view.width)
    shift = 0.5 * (np.floor(y * rows) % 2) if rng.random() < 0.35 else 0.0
    cell_x, cell_y = (x * columns + shift) % 1, (y * rows) % 1
    joint = np.maximum(np.abs(cell_x - 0.5), np.abs(cell_y - 0.5)) > 0.468
    picture = wall(rng, view, main, accent)
    sheen = np.clip(0.5 + (cell_y - 0.5) * -0.9 + (0.5 - cell_x) * 0.4, 0, 1).astype(np.float32)
    picture = screen(picture, (1, 1, 1), 0.22 * sheen)
    picture = over(picture, tuple(np.asarray(main) * 0.72), 0.75 * joint.astype(np.float32))
    return blur(picture, rng.uniform(0.5, 1.4) * view.blur_unit)


def bathroom(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Pale tiles, a bright window to one side and a plant far off."""
    picture = tiled_wall(rng, view, main, accent)
    left = rng.uniform(-0.12, 0.06) if rng.random() < 0.7 else rng.uniform(0.66, 0.85)
    window = polygon(
        view.height,
        view.width,
        [(left, 0.04), (left + 0.27, 0.04), (left + 0.27, view.edge - 0.13), (left, view.edge - 0.13)],
    )
    picture = over(picture, (0.97, 0.985, 1.0), 0.85 * blur(window, 2.5 * view.blur_unit))
    picture = screen(picture, (0.9, 0.95, 1.0), 0.35 * blur(window, 12 * view.blur_unit))
    if rng.random() < 0.75:
        side = rng.uniform(0.78, 0.98) if left < 0.5 else rng.uniform(0.02, 0.2)
        plant = leaves(
            rng, view, vary(rng, colour(110, 150, 95), 0.05), centre=(side, view.edge - 0.12), size=0.13, count=18
        )
        picture = soft_over(picture, plant, 2.2 * view.blur_unit, 0.9)
    return blur(picture, 1.2 * view.blur_unit)


def window_wall(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """A room's wall with the corner of a bright window; `accent` is what glows outside."""
    picture = wall(rng, view, main, accent)
    left = rng.choice([rng.uniform(-0.2, -0.05), rng.uniform(0.75, 0.9)])
    points = [(left, -0.05), (left + 0.34, -0.05), (left + 0.34, view.edge - 0.1), (left, view.edge - 0.1)]
    pane = polygon(view.height, view.width, points)
    outside = bokeh(rng, blank(view.height, view.width, mix(accent, (1, 1, 1), 0.35)), [mix(accent, (1, 1, 1), 0.5), accent],
                    count=40, radius=(0.02, 0.05), top=0, bottom=view.edge)  # fmt: skip
    picture = over(picture, outside, blur(pane, 0.8 * view.blur_unit))
    for bar in (left + 0.17, left, left + 0.34):
        frame = polygon(
            view.height,
            view.width,
            [(bar - 0.012, 0), (bar + 0.012, 0), (bar + 0.012, view.edge - 0.1), (bar - 0.012, view.edge - 0.1)],
        )
        picture = over(picture, mix(main, (0.35, 0.27, 0.2), 0.45), frame)
    picture = screen(picture, mix(accent, (1, 1, 1), 0.4), 0.3 * blur(pane, 10 * view.blur_unit))
    return blur(picture, 1.6 * view.blur_unit)


def lanterns(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Festive wall: a ring of gold light, lanterns to the sides, points of gold."""
    picture = halo(rng, view, main, accent)
    if rng.random() < 0.75:
        picture = _ring(rng, view, picture, accent)
    gold = [accent, mix(accent, (1, 1, 1), 0.4)]
    picture = bokeh(rng, picture, gold, count=int(rng.integers(12, 36)), radius=(0.008, 0.035), top=0, bottom=view.edge)
    for side in rng.permutation([0.09, 0.91, 0.24, 0.78])[: int(rng.integers(2, 5))]:
        picture = _lantern(rng, view, picture, main, accent, x=side + rng.normal(0, 0.02))
    return blur(picture, rng.uniform(0.6, 1.2) * view.blur_unit)


def _ring(rng: Generator, view: View, picture: Field, accent: Rgb) -> Field:
    ratio = view.height / view.width
    centre, radius = (0.5 + rng.normal(0, 0.02), view.edge - rng.uniform(0.22, 0.32)), rng.uniform(0.26, 0.36)
    outer = ellipse(view.height, view.width, centre=centre, radius=(radius * ratio, radius))
    inner = ellipse(view.height, view.width, centre=centre, radius=((radius - 0.016) * ratio, radius - 0.016))
    ring = outer - inner
    picture = screen(picture, accent, 0.7 * blur(ring, 4 * view.blur_unit))
    return over(picture, mix(accent, (1, 1, 0.9), 0.25), np.clip(ring, 0, 1) * 0.9)


def _lantern(rng: Generator, view: View, picture: Field, main: Rgb, accent: Rgb, *, x: float) -> Field:
    ratio, size = view.height / view.width, rng.uniform(0.06, 0.1)
    y = rng.uniform(0.1, 0.34)
    red = mix(main, (1.0, 0.30, 0.12), 0.8)
    body = ellipse(view.height, view.width, centre=(x, y), radius=(size * 1.1 * ratio, size))
    core = glow(view.height, view.width, centre=(x, y), radius=(size * 0.8 * ratio, size * 0.8))
    cap = np.zeros_like(body)
    for edge in (-1, 1):
        cap = np.maximum(
            cap,
            ellipse(view.height, view.width, centre=(x, y + edge * size), radius=(size * 0.45 * ratio, size * 0.14)),
        )
    tassel = polygon(
        view.height,
        view.width,
        [(x - 0.006, y + size), (x + 0.006, y + size), (x + 0.008, y + size * 2), (x - 0.008, y + size * 2)],
    )
    sigma = rng.uniform(0.6, 1.6) * view.blur_unit
    picture = screen(picture, (1.0, 0.45, 0.2), 0.3 * blur(body, 6 * view.blur_unit))
    picture = over(picture, red, blur(body, sigma))
    picture = screen(picture, (1.0, 0.72, 0.36), 0.75 * core * blur(body, sigma))
    return over(picture, accent, blur(np.maximum(cap, tassel), sigma) * 0.9)


def cement(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """A cast concrete wall: clouds, panel joints and tie holes."""
    cloud = noise(rng, view.height, view.width, cells=(3, 3), octaves=6)
    picture = wall(rng, view, main, accent) * (1 + 0.2 * (cloud - 0.5))[..., None]
    _, x = grid(view.height, view.width)
    for place in (rng.uniform(0.15, 0.4), rng.uniform(0.6, 0.9)):
        picture = over(
            picture.astype(np.float32), tuple(np.asarray(main) * 0.6), 0.5 * np.exp(-(((x - place) / 0.003) ** 2))
        )
        for row in (0.15, 0.42):
            hole = ellipse(
                view.height, view.width, centre=(place + 0.07, row), radius=(0.009, 0.009 * view.width / view.height)
            )
            picture = over(picture, tuple(np.asarray(main) * 0.55), 0.7 * hole)
    return blur(picture.astype(np.float32), rng.uniform(0.5, 1.0) * view.blur_unit)


def kitchen(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """White tiles, a wooden shelf or board and a small pot of herbs far back."""
    picture = tiled_wall(rng, view, main, accent)
    side = rng.choice([rng.uniform(0.05, 0.2), rng.uniform(0.8, 0.95)])
    if rng.random() < 0.5:
        plank = polygon(
            view.height, view.width, [(side - 0.2, 0.2), (side + 0.2, 0.2), (side + 0.2, 0.225), (side - 0.2, 0.225)]
        )
        picture = over(picture, colour(205, 165, 120), blur(plank, view.blur_unit))
    pot = polygon(
        view.height,
        view.width,
        [
            (side - 0.05, view.edge - 0.12),
            (side + 0.05, view.edge - 0.12),
            (side + 0.04, view.edge + 0.01),
            (side - 0.04, view.edge + 0.01),
        ],
    )
    herbs = leaves(
        rng, view, vary(rng, colour(95, 145, 70), 0.05), centre=(side, view.edge - 0.17), size=0.08, count=20
    )
    picture = over(picture, mix(main, colour(225, 205, 180), 0.6), blur(pot, 1.4 * view.blur_unit) * 0.95)
    picture = soft_over(picture, herbs, 1.3 * view.blur_unit, 0.95)
    if rng.random() < 0.5:
        board = ellipse(view.height, view.width, centre=(1 - side, view.edge - 0.14), radius=(0.1, 0.16))
        picture = over(picture, colour(214, 178, 132), blur(board, 1.6 * view.blur_unit) * 0.9)
    return blur(picture, 0.7 * view.blur_unit)
