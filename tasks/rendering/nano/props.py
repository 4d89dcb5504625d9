"""Small things at the edge of the set, and what drifts through the air; the middle stays free for the product."""

from collections.abc import Callable

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
    mix,
    noise,
    over,
    polygon,
    screen,
    vary,
)
from tasks.rendering.nano.view import View, leaves, soft_over

Prop = Callable[[np.random.Generator, View, Field], Field]


def _corner(rng: np.random.Generator, view: View) -> tuple[float, float]:
    """A spot on the ground beside the place of the product."""
    side = rng.uniform(0.02, 0.2) if rng.random() < 0.5 else rng.uniform(0.8, 0.98)
    return side, rng.uniform(view.edge + 0.1, 0.97)


def _scatter(
    tints: list[Rgb], *, size: tuple[float, float], flat: float, count: tuple[int, int], shade: float = 0.3
) -> Prop:
    """Pieces lying about: each an ellipse with its own shadow."""

    def draw(rng: np.random.Generator, view: View, picture: Field) -> Field:
        pieces, unders, lits = [], [], []
        for _ in range(int(rng.integers(*count))):
            x, y = _corner(rng, view)
            near = 0.55 + 0.9 * (y - view.edge) / (1 - view.edge)
            wide, angle = rng.uniform(*size) * near, rng.uniform(-60, 60)
            radius = (wide, wide * flat * rng.uniform(0.7, 1.2))
            tint = vary(rng, tints[int(rng.integers(len(tints)))], 0.04)
            pieces.append(Dot((x, y), radius, tint, angle))
            unders.append(Dot((x + 0.006, y + 0.008), radius, tint, angle))
            lits.append(Dot((x - wide * 0.2, y - wide * flat * 0.25), (radius[0] * 0.55, radius[1] * 0.5), tint, angle))
        under = dots(view.height, view.width, unders)[1]
        picture = over(picture, (0.05, 0.04, 0.04), shade * blur(under, 1.1 * view.blur_unit))
        picture = soft_over(picture, dots(view.height, view.width, pieces, ground=tints[0]), 0.4 * view.blur_unit)
        lit = dots(view.height, view.width, lits)[1]
        return screen(picture, (1, 1, 1), 0.22 * blur(lit, 0.8 * view.blur_unit))

    return draw


def _spray(tint: Rgb, *, top: bool, size: float = 0.2, sigma: float = 2.0, snow: bool = False) -> Prop:
    """Foliage reaching in from a corner, well out of focus."""

    def draw(rng: np.random.Generator, view: View, picture: Field) -> Field:
        side = rng.choice([rng.uniform(-0.03, 0.08), rng.uniform(0.92, 1.03)])
        y = rng.uniform(-0.02, 0.12) if top else rng.uniform(0.85, 1.02)
        picture = soft_over(
            picture, leaves(rng, view, tint, centre=(side, y), size=size, count=22), sigma * view.blur_unit
        )
        if snow:
            white = leaves(rng, view, (0.95, 0.97, 1.0), centre=(side, y - 0.02), size=size * 0.9, count=14)
            picture = soft_over(picture, white, sigma * 0.8 * view.blur_unit)
        return picture

    return draw


def _blossom(tint: Rgb, bark: Rgb) -> Prop:
    """Flowering branches from both sides."""

    def draw(rng: np.random.Generator, view: View, picture: Field) -> Field:
        for side in (-1, 1):
            root, tip = (
                (0.5 + side * 0.56, rng.uniform(0.02, 0.4)),
                (0.5 + side * rng.uniform(0.28, 0.36), rng.uniform(0.05, 0.3)),
            )
            branch = polygon(view.height, view.width, [root, (root[0], root[1] + 0.022), (tip[0], tip[1] + 0.006), tip])
            picture = over(picture, bark, 0.85 * blur(branch, 0.7 * view.blur_unit))
            petals, hearts = [], []
            for _ in range(int(rng.integers(6, 15))):
                t = rng.random()
                spot = (
                    root[0] + (tip[0] - root[0]) * t + rng.normal(0, 0.025),
                    root[1] + (tip[1] - root[1]) * t + rng.normal(0, 0.03),
                )
                size = rng.uniform(0.012, 0.026)
                petals.append(Dot(spot, (size, size * rng.uniform(0.8, 1)), vary(rng, tint, 0.05)))
                hearts.append(Dot(spot, (size * 0.3, size * 0.3), (1, 0.85, 0.45)))
            picture = soft_over(picture, dots(view.height, view.width, petals, ground=tint), 0.6 * view.blur_unit)
            picture = soft_over(
                picture, dots(view.height, view.width, hearts, ground=(1, 0.85, 0.45)), 0.4 * view.blur_unit, 0.8
            )
        return picture

    return draw


def _cloth(tint: Rgb) -> Prop:
    """A piece of cloth thrown over a front corner of the table."""

    def draw(rng: np.random.Generator, view: View, picture: Field) -> Field:
        side = -1 if rng.random() < 0.5 else 1
        centre, radius = (
            (0.5 + side * rng.uniform(0.46, 0.54), rng.uniform(0.94, 1.02)),
            (rng.uniform(0.2, 0.28), rng.uniform(0.08, 0.13)),
        )
        piece = ellipse(view.height, view.width, centre=centre, radius=radius, angle=side * rng.uniform(-25, -5))
        folds = 0.86 + 0.28 * noise(rng, view.height, view.width, cells=(4, 7), octaves=2)
        picture = over(picture, (0.16, 0.11, 0.07), 0.35 * np.roll(blur(piece, 2.2 * view.blur_unit), -2, axis=0))
        return over(
            picture,
            np.clip(blank(view.height, view.width, tint) * folds[..., None], 0, 1),
            blur(piece, 1.4 * view.blur_unit),
        )

    return draw


def falling_snow(rng: np.random.Generator, view: View, picture: Field) -> Field:
    """Flakes at many distances."""
    for count, size, sigma in ((60, 0.003, 0.3), (26, 0.006, 0.9), (7, 0.014, 2.2)):
        marks = [Dot((rng.random(), rng.random()), (size, size * 1.1), (1, 1, 1)) for _ in range(count)]
        _, flakes = dots(view.height, view.width, marks)
        picture = over(picture, (1, 1, 1), 0.75 * blur(flakes, sigma * view.blur_unit))
    return picture


def mist(rng: np.random.Generator, view: View, picture: Field) -> Field:
    """A thin drift of vapour behind the product."""
    veil = noise(rng, view.height, view.width, cells=(4, 2), octaves=3)
    place = ellipse(view.height, view.width, centre=(rng.uniform(0.3, 0.7), view.edge - 0.08), radius=(0.5, 0.16))
    return screen(picture, (0.95, 0.93, 0.9), 0.45 * veil * blur(place, 6 * view.blur_unit))


PROPS: dict[str, Prop] = {
    "petals": _scatter(
        [colour(250, 205, 212), colour(245, 180, 196)], size=(0.014, 0.026), flat=0.5, count=(3, 9), shade=0.16
    ),
    "maple": _scatter(
        [colour(190, 60, 30), colour(215, 110, 35), colour(160, 40, 28)], size=(0.03, 0.048), flat=0.5, count=(2, 5)
    ),
    "shells": _scatter([colour(245, 228, 208), colour(250, 240, 228)], size=(0.024, 0.04), flat=0.7, count=(1, 4)),
    "stones": _scatter([colour(120, 118, 115), colour(165, 160, 152)], size=(0.03, 0.06), flat=0.55, count=(2, 5)),
    "gold_leaf": _scatter(
        [colour(232, 190, 90), colour(250, 220, 140)], size=(0.006, 0.014), flat=0.55, count=(8, 20), shade=0.15
    ),
    "drops": _scatter([colour(225, 235, 240)], size=(0.005, 0.012), flat=0.8, count=(6, 16), shade=0.15),
    "green_top": _spray(colour(105, 150, 85), top=True, size=0.2, sigma=1.8),
    "green_front": _spray(colour(90, 140, 75), top=False, size=0.17, sigma=2.4),
    "pine": _spray(colour(58, 92, 82), top=False, size=0.16, sigma=1.4, snow=True),
    "palm": _spray(colour(70, 130, 80), top=True, size=0.24, sigma=1.5),
    "plum": _blossom(colour(228, 70, 88), colour(70, 35, 30)),
    "cherry": _blossom(colour(250, 200, 212), colour(96, 66, 60)),
    "cloth": _cloth(colour(226, 214, 194)),
    "mist": mist,
    "falling_snow": falling_snow,
}


def podium(rng: np.random.Generator, view: View, picture: Field, tint: Rgb) -> Field:
    """A low round plinth on which the product stands."""
    centre, radius = (0.5, rng.uniform(0.83, 0.87)), (rng.uniform(0.33, 0.42), rng.uniform(0.055, 0.085))
    drop = rng.uniform(0.035, 0.07)
    top = ellipse(view.height, view.width, centre=centre, radius=radius)
    foot = ellipse(view.height, view.width, centre=(centre[0], centre[1] + drop), radius=radius)
    wall = polygon(view.height, view.width, [
        (centre[0] - radius[0], centre[1]), (centre[0] + radius[0], centre[1]),
        (centre[0] + radius[0], centre[1] + drop), (centre[0] - radius[0], centre[1] + drop),
    ])  # fmt: skip
    body = np.maximum(np.maximum(foot, wall), top)
    x = (np.arange(view.width, dtype=np.float32) + 0.5) / view.width
    side = np.asarray(mix(tint, (0, 0, 0), 0.1), np.float32) * (1.08 - 0.35 * np.abs(x - 0.4))[None, :, None]
    picture = over(
        picture, (0.2, 0.15, 0.15), 0.3 * np.roll(blur(body, 2.5 * view.blur_unit), int(0.02 * view.height), axis=0)
    )
    picture = over(picture, np.broadcast_to(side, picture.shape).astype(np.float32), body)
    return over(picture, mix(tint, (1, 1, 1), 0.28), top)
