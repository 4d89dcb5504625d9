"""Draws one scene: ground, backdrop, light, props, with the words that describe it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tasks.rendering.nano.backdrops import BACKDROPS
from tasks.rendering.nano.light import Pattern, directional, rim, throw, vignette
from tasks.rendering.nano.paint import Field, Rgb, blur, mix, over, screen, smoothstep
from tasks.rendering.nano.props import PROPS, podium
from tasks.rendering.nano.surfaces import lay_down
from tasks.rendering.nano.view import View

Generator = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """Everything that decides a drawn scene except the random detail. Heights are shares from the top."""

    surface: str
    ground: Rgb
    backdrop: str
    main: Rgb
    accent: Rgb
    edge: float = 0.64
    vanish: float = 0.4
    gloss: float = 0.0  # 0..1, how much of the backdrop the ground mirrors
    sweep: bool = False  # the ground runs into the wall without an edge
    side: float = -0.7  # where the light comes from, -1 left .. 1 right
    light: Rgb = (1.0, 1.0, 1.0)
    strength: float = 0.35
    pattern: Pattern = "none"
    pattern_strength: float = 0.0
    rims: tuple[Rgb, Rgb] | None = None
    props: tuple[str, ...] = ()
    podium: Rgb | None = None
    vignette: float = 0.16
    words: Mapping[str, str] = field(default_factory=dict)


def draw_set(scene: Scene, rng: Generator, *, height: int, width: int) -> Field:
    """The lit set without its props, light patterns included."""
    view = View(height, width, scene.edge)
    back = BACKDROPS[scene.backdrop](rng, view, scene.main, scene.accent)
    ground = _ground(scene, rng, back, view)
    picture = over(back, ground, _join(scene, view))
    picture = _edge_line(scene, picture, view)
    if scene.podium is not None:
        picture = podium(rng, view, picture, scene.podium)
    return picture


def draw_front(scene: Scene, rng: Generator, picture: Field) -> Field:
    """Props, thrown light, grading: what lies over the set, and over the foot of the product's shadow."""
    view = View(picture.shape[0], picture.shape[1], scene.edge)
    for name in scene.props:
        picture = PROPS[name](rng, view, picture)
    picture = throw(
        rng, picture, scene.pattern, side=scene.side, tint=scene.light, strength=scene.pattern_strength, edge=scene.edge
    )
    picture = directional(picture, side=scene.side, strength=scene.strength, tint=scene.light)
    if scene.rims is not None:
        picture = rim(picture, left=scene.rims[0], right=scene.rims[1], strength=0.5)
    return vignette(picture, scene.vignette)


def _ground(scene: Scene, rng: Generator, back: Field, view: View) -> Field:
    ground = lay_down(
        rng, scene.surface, scene.ground, height=view.height, width=view.width, edge=scene.edge, vanish=scene.vanish
    )
    rows = (np.arange(view.height, dtype=np.float32) + 0.5) / view.height
    away = np.clip((rows - scene.edge) / (1 - scene.edge), 0, 1)[:, None, None]  # 0 at the far edge, 1 at the lens
    ground = ground * (0.9 + 0.16 * np.sqrt(away))
    far = smoothstep(0.55, 0.0, away)
    ground = ground * (1 - far) + blur(ground.astype(np.float32), 1.5 * view.blur_unit) * far
    near = 0.8 * smoothstep(0.8, 1.1, away)
    ground = ground * (1 - near) + blur(ground.astype(np.float32), 1.3 * view.blur_unit) * near
    mirrored = _mirror(back, view)
    haze = blur(mirrored, 9 * view.blur_unit)
    ground = ground * (1 - 0.10 * (1 - away)) + haze * 0.10 * (1 - away)  # every table takes some light from its wall
    if scene.gloss > 0:
        amount = scene.gloss * (0.35 + 0.65 * (1 - away) ** 1.3)
        ground = ground * (1 - 0.75 * amount) + blur(mirrored, 2.4 * view.blur_unit) * amount
        sheen = smoothstep(0.5, 1.0, blur(mirrored, 5 * view.blur_unit).mean(-1))
        ground = screen(ground.astype(np.float32), (1, 1, 1), 0.3 * scene.gloss * sheen)
    return np.clip(ground, 0, 1).astype(np.float32)


def _mirror(back: Field, view: View) -> Field:
    line = int(scene_row := view.edge * view.height)
    rows = np.clip(2 * scene_row - np.arange(view.height), 0, max(line - 1, 0)).astype(int)
    mirrored: Field = back[rows]
    return mirrored


def _join(scene: Scene, view: View) -> Field:
    rows = (np.arange(view.height, dtype=np.float32) + 0.5) / view.height
    soft = 0.16 if scene.sweep else 0.006
    alpha = smoothstep(scene.edge - soft * 0.5, scene.edge + soft, rows)
    return np.broadcast_to(alpha[:, None], (view.height, view.width)).astype(np.float32)


def _edge_line(scene: Scene, picture: Field, view: View) -> Field:
    """The far edge of a table: a soft dark line where wall meets board."""
    if scene.sweep or scene.backdrop in ("sea", "snow_forest"):
        return picture
    rows = (np.arange(view.height, dtype=np.float32) + 0.5) / view.height
    dark = 0.18 * np.exp(-(((rows - scene.edge) / 0.012) ** 2)) + 0.07 * np.exp(-(((rows - scene.edge) / 0.05) ** 2))
    alpha = np.broadcast_to(dark[:, None], picture.shape[:2]).astype(np.float32)
    return over(picture, mix(scene.ground, (0, 0, 0), 0.75), alpha)
