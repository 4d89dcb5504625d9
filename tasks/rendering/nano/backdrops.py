"""What stands behind the ground: walls and views over the whole frame, as a wide-open lens throws them out of focus."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.rendering.nano.paint import (
    Dot,
    Field,
    Rgb,
    blank,
    blur,
    colour,
    dots,
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

Generator = np.random.Generator


@dataclass(frozen=True)
class View:
    """The frame a backdrop is drawn for: its size in pixels and where the ground begins (share from the top)."""

    height: int
    width: int
    edge: float

    @property
    def blur_unit(self) -> float:
        """Pixels per hundredth of the frame."""
        return min(self.height, self.width) / 100


Backdrop = Callable[[Generator, View, Rgb, Rgb], Field]  # view, main colour, accent colour


def bokeh(
    rng: Generator,
    picture: Field,
    colours: list[Rgb],
    *,
    count: int,
    radius: tuple[float, float],
    top: float,
    bottom: float,
) -> Field:
    """Out-of-focus points of light: discs with a slightly brighter rim, between two heights."""
    height, width = picture.shape[:2]
    marks: list[Dot] = []
    for _ in range(count):
        size = rng.uniform(*radius)
        centre = (rng.uniform(-0.05, 1.05), rng.uniform(top, bottom))
        tint = mix((0, 0, 0), colours[int(rng.integers(len(colours)))], rng.uniform(0.25, 0.8))
        marks.append(Dot(centre, (size * height / width, size), tint))
        marks.append(Dot(centre, (size * 0.86 * height / width, size * 0.86), mix((0, 0, 0), tint, 0.74)))
    layer, _ = dots(height, width, marks)
    return screen(picture, blur(layer, 0.45 * min(height, width) / 100), 1.0)


def leaves(
    rng: Generator, view: View, tint: Rgb, *, centre: tuple[float, float], size: float, count: int = 14
) -> tuple[Field, Field]:
    """A spray of leaves as (paint, alpha), still sharp."""
    marks: list[Dot] = []
    for _ in range(count):
        turn, reach = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.1, 1.0)
        spot = (centre[0] + reach * np.cos(turn), centre[1] + reach * np.sin(turn))
        radius = (size * rng.uniform(0.28, 0.5), size * rng.uniform(0.09, 0.16))
        marks.append(Dot(spot, radius, vary(rng, tint, 0.09), float(np.rad2deg(turn) + rng.normal(0, 30))))
    return dots(view.height, view.width, marks, ground=tint)


def soft_over(picture: Field, painted: tuple[Field, Field], sigma: float, strength: float = 1.0) -> Field:
    """Lay (paint, alpha) over the picture, thrown out of focus by `sigma` pixels."""
    paint, alpha = painted
    return over(picture, blur(paint, sigma), np.clip(blur(alpha, sigma), 0, 1) * strength)


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


def sea(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Sky, horizon, water and the foam of the last wave; `accent` is the water."""
    horizon = view.edge - rng.uniform(0.14, 0.24)
    picture = vertical(view.height, view.width, [
        (0, mix(main, colour(90, 165, 225), 0.5)), (horizon * 0.6, main), (horizon - 0.005, mix(main, (1, 1, 1), 0.62)),
        (horizon + 0.005, mix(accent, colour(20, 90, 150), 0.25)), (horizon + 0.09, accent), (view.edge, mix(accent, (0.85, 0.97, 0.95), 0.55)),
    ])  # fmt: skip
    y, _ = grid(view.height, view.width)
    clouds = noise(rng, view.height, view.width, cells=(7, 2), octaves=4)
    sky = smoothstep(0.52, 0.85, clouds) * (y < horizon)
    picture = over(picture, (1, 1, 1), 0.75 * blur(sky.astype(np.float32), 1.5 * view.blur_unit))
    ripple = noise(rng, view.height, view.width, cells=(60, 4), octaves=2)
    water = ((y > horizon) & (y < view.edge)).astype(np.float32)
    picture = screen(picture, (1, 1, 1), 0.35 * smoothstep(0.6, 0.9, ripple) * water)
    for line in (view.edge - 0.015, view.edge - rng.uniform(0.05, 0.08)):
        wave = 0.012 * np.sin(np.linspace(0, rng.uniform(4, 9), view.width) + rng.uniform(0, 6)) + line
        foam = np.exp(-(((y - wave[None, :]) / rng.uniform(0.008, 0.014)) ** 2)).astype(np.float32)
        picture = over(picture, (1, 1, 1), 0.8 * foam)
    return blur(picture, 0.8 * view.blur_unit)


def snow_forest(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Rows of snow-laden firs fading into a pale winter sky."""
    sky = [
        (0, mix(main, colour(140, 185, 225), 0.45)),
        (view.edge * 0.75, mix(main, (1, 1, 1), 0.3)),
        (1, (0.95, 0.97, 1.0)),
    ]
    picture = vertical(view.height, view.width, sky)
    for layer, (count, tall, haze) in enumerate(((16, 0.22, 0.72), (11, 0.34, 0.5), (6, 0.52, 0.26))):
        tone = mix(mix(accent, colour(60, 88, 98), 0.6), mix(main, (1, 1, 1), 0.4), haze)
        painted, alpha = blank(view.height, view.width, tone), np.zeros((view.height, view.width), np.float32)
        for n in range(count):
            x = (n + rng.uniform(-0.4, 0.4)) / (count - 1)
            if layer == 2 and 0.25 < x < 0.75:
                continue
            peak = view.edge - tall * rng.uniform(0.7, 1.15)
            painted, alpha = _fir(rng, view, painted, alpha, x=x, peak=peak, snow=0.35 + 0.4 * (1 - haze))
        picture = soft_over(picture, (painted, alpha), (0.8 + 0.9 * layer) * view.blur_unit, 0.95)
    mist = glow(view.height, view.width, centre=(0.5, view.edge), radius=(0.9, 0.10))
    return blur(over(picture, (0.95, 0.97, 1.0), 0.8 * mist), 0.7 * view.blur_unit)


def _fir(
    rng: Generator, view: View, paint: Field, alpha: Field, *, x: float, peak: float, snow: float
) -> tuple[Field, Field]:
    """One fir: stacked triangles, each with snow along its upper half."""
    tall = view.edge + 0.02 - peak
    for step in range(4):
        top, foot = peak + tall * step * 0.22, peak + tall * (0.34 + step * 0.22)
        half = tall * (0.09 + 0.055 * step)
        cone = polygon(view.height, view.width, [(x, top), (x + half, foot), (x - half, foot)])
        cap = polygon(
            view.height,
            view.width,
            [(x, top), (x + half * 0.75, foot - tall * 0.07), (x - half * 0.8, foot - tall * 0.05)],
        )
        alpha = np.maximum(alpha, cone)
        paint = over(paint, (0.93, 0.96, 1.0), cap * snow * rng.uniform(0.6, 1))
    return paint, alpha


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


def garden(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """Spring greenery with blossom, dissolved into soft spots; `accent` is the blossom."""
    picture = vertical(
        view.height,
        view.width,
        [(0, mix(main, (1, 1, 0.95), 0.62)), (view.edge, mix(main, (0.55, 0.68, 0.35), 0.3)), (1, main)],
    )
    patch = noise(rng, view.height, view.width, cells=(4, 4), octaves=3)
    picture = over(picture, mix(main, (0.25, 0.42, 0.2), 0.5), 0.55 * smoothstep(0.45, 0.8, patch))
    greens = [mix(main, (1, 1, 0.6), 0.4), mix(main, (1, 1, 1), 0.5)]
    picture = bokeh(rng, picture, greens, count=26, radius=(0.02, 0.06), top=0, bottom=view.edge)
    crown = smoothstep(0.42, 0.62, noise(rng, view.height, view.width, cells=(3, 4), octaves=3))
    y, x = grid(view.height, view.width)
    sides = np.clip(np.abs(x - rng.uniform(0.35, 0.65)) * 2.4 - 0.1, 0, 1) * smoothstep(0.66, 0.2, y)
    picture = over(
        picture, mix(accent, (1, 1, 1), 0.08), 0.95 * blur((crown * sides).astype(np.float32), 2 * view.blur_unit)
    )
    marks: list[Dot] = []
    for _ in range(70):
        spot = (rng.uniform(0, 1), rng.uniform(0, view.edge * 0.72))
        if abs(spot[0] - 0.5) > 0.2 * rng.random():
            size = rng.uniform(0.008, 0.022)
            marks.append(Dot(spot, (size, size * rng.uniform(0.7, 1)), mix(accent, (1, 1, 1), rng.uniform(0, 0.6))))
    picture = soft_over(picture, dots(view.height, view.width, marks, ground=accent), 0.3 * view.blur_unit, 0.6)
    sun = glow(view.height, view.width, centre=(rng.uniform(0.1, 0.4), 0.05), radius=(0.5, 0.4))
    return blur(screen(picture, (1, 0.98, 0.85), 0.5 * sun), 1.9 * view.blur_unit)


def city(rng: Generator, view: View, main: Rgb, accent: Rgb) -> Field:
    """A skyline at night in soft discs of neon."""
    picture = vertical(
        view.height,
        view.width,
        [(0, mix(main, (0.01, 0.01, 0.04), 0.75)), (view.edge, mix(main, accent, 0.4)), (1, mix(main, (0, 0, 0), 0.6))],
    )
    x = -0.05
    while x < 1.05:
        wide, top = rng.uniform(0.05, 0.13), view.edge - rng.uniform(0.12, 0.48)
        tower = polygon(view.height, view.width, [(x, top), (x + wide, top), (x + wide, 1), (x, 1)])
        picture = over(picture, mix(mix(main, (0.02, 0.02, 0.06), 0.72), accent, rng.uniform(0, 0.14)), 0.9 * tower)
        lit = (rng.random((40, 40)) > 0.72).astype(np.float32)
        lamps = np.kron(lit, np.ones((view.height // 40 + 1, view.width // 40 + 1), np.float32))[
            : view.height, : view.width
        ]
        picture = screen(picture, mix((1, 0.8, 0.5), accent, rng.uniform(0, 0.6)), 0.4 * lamps * tower)
        x += wide + rng.uniform(0, 0.03)
    picture = blur(picture, 1.8 * view.blur_unit)
    lights = [accent, main, mix(accent, (1, 0.3, 0.8), 0.5), mix(main, (0.2, 0.7, 1), 0.6), (1.0, 0.72, 0.42)]
    bright = [mix(light, (1, 1, 1), 0.25) for light in lights]
    return bokeh(
        rng,
        picture,
        bright,
        count=int(rng.integers(26, 50)),
        radius=(0.012, 0.05),
        top=view.edge * 0.3,
        bottom=view.edge,
    )


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


BACKDROPS: dict[str, Backdrop] = {
    "wall": wall, "halo": halo, "gradient": gradient, "drape": drape, "arches": arches, "tiled_wall": tiled_wall, "bathroom": bathroom,
    "window_wall": window_wall, "sea": sea, "snow_forest": snow_forest, "lanterns": lanterns, "garden": garden, "city": city,
    "cement": cement, "kitchen": kitchen,
}  # fmt: skip
