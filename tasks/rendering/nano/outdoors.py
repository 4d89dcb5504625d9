"""Views behind the ground: shore, snow, garden, city."""

import numpy as np

from tasks.rendering.nano.paint import (
    Dot,
    Field,
    Rgb,
    blank,
    blur,
    colour,
    dots,
    glow,
    grid,
    mix,
    noise,
    over,
    polygon,
    screen,
    smoothstep,
    vertical,
)
from tasks.rendering.nano.view import View, bokeh, soft_over

Generator = np.random.Generator


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
