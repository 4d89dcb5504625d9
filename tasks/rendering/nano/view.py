"""The frame a backdrop is drawn for, and what backdrops share: points of light, sprays of leaves, a want of focus."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.rendering.nano.paint import (
    Dot,
    Field,
    Rgb,
    blur,
    dots,
    mix,
    over,
    screen,
    vary,
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
