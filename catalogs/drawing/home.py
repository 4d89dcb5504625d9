"""A rice cooker, a desk lamp, a pair of headphones and a phone case."""

from pathlib import Path

import bpy
import numpy as np

from catalogs.drawing.geometry import fillet, rise, rounded_rectangle, spline, superellipse
from catalogs.drawing.materials import Look, bump, decal, glow, printed, srgb, surface, window
from catalogs.drawing.meshes import block, lathe, move, patch, plate, sweep, tower, tube
from catalogs.drawing.prints import font, save, sheet, text

STEEL = Look(srgb("#c3c6ca"), roughness=0.25, metallic=1.0)


def rice_cooker(work: Path) -> None:
    """White on white: a rounded body, a seam, a lid with handle and vent, a black glass panel with Chinese keys."""
    shell = Look(srgb("#f1f1ee"), roughness=0.28, coat=0.2)
    body = printed(
        "body",
        shell,
        Look((1, 1, 1), roughness=0.12, coat=0.8),
        _cooker_panel(work),
        **window((0.415, 0.585), (0.3, 0.86)),
    )
    outline = superellipse(2.5, 2.3, 3.0, 240)
    tower("body", outline, rise(2.5, 2.3, [(0, 0.08), (1.0, 0.08), (1.15, 0.55), (1.13, 1.4), (0.9, 1.4)], 0.14), body)
    dark = surface("gap", Look(srgb("#8b8d90"), roughness=0.4))
    tower("gap", outline, rise(2.5, 2.3, [(0, 1.34), (1.1, 1.34), (1.1, 1.45), (0, 1.45)], 0.01), dark)
    white = surface("lid", shell)
    tower(
        "lid", outline, rise(2.5, 2.3, [(0.9, 1.425), (1.13, 1.425), (1.1, 1.72), (0.55, 1.93), (0, 1.96)], 0.2), white
    )
    top = surface("top", Look(srgb("#dcdcd8"), roughness=0.2, metallic=0.3))
    tower(
        "plate",
        superellipse(1.5, 1.3, 3, 160),
        rise(1.5, 1.3, [(0, 1.9), (0.65, 1.9), (0.62, 1.965), (0, 1.98)], 0.04),
        top,
    )
    vent = surface("vent", Look(srgb("#3a3c3f"), roughness=0.3))
    vent_shape = rise(0.5, 0.26, [(0, 1.95), (0.13, 1.95), (0.12, 2.03), (0, 2.03)], 0.03)
    move(tower("vent", superellipse(0.5, 0.26, 3), vent_shape, vent), to=(0, 0.28, 0))
    latch = rise(0.52, 0.2, [(0, 0), (0.1, 0), (0.1, 0.06), (0, 0.06)], 0.025)
    key = tower("latch", superellipse(0.52, 0.2, 4), latch, surface("steel", STEEL))
    move(key, to=(0, -1.0, 1.62), turn=(62, 0, 0))
    for x in (-0.66, 0.66):
        for y in (-0.6, 0.6):
            move(
                lathe("foot", fillet([(0, 0, 0), (0.13, 0, 0.02), (0.15, 0.12, 0), (0, 0.12, 0)]), dark, steps=40),
                to=(x, y, 0),
            )


def _cooker_panel(work: Path) -> Path:
    page, pen = sheet(1160, 700, (20, 22, 25, 0))
    pen.rounded_rectangle((10, 10, 1150, 690), 70, fill=(20, 22, 25, 255))
    cyan, soft = (168, 232, 240, 255), (214, 218, 222, 255)
    text(pen, (580, 110), "白鹭 BAILU", font(58, bold=True), soft, spacing=0.18)
    text(pen, (580, 245), "00:38", font(180, bold=True), cyan, spacing=0.04)
    text(pen, (580, 408), "精煮饭", font(62), cyan, spacing=0.1)
    for x, word in ((190, "煮饭"), (450, "煮粥"), (710, "煲汤"), (970, "保温")):
        pen.rounded_rectangle((x - 108, 485, x + 108, 610), 40, outline=soft, width=4)
        text(pen, (x, 546), word, font(62), soft)
    return save(page, work, "cooker")


def lamp(_: Path) -> None:
    """A desk lamp: heavy foot, one thin bent arm, a dome with a lit diffuser."""
    paint = surface("paint", Look(srgb("#5f7a6b"), roughness=0.38))
    brass = surface("brass", Look(srgb("#cfa766"), roughness=0.22, metallic=1.0))
    lathe("foot", fillet([(0, 0, 0), (0.56, 0, 0.02), (0.56, 0.1, 0.05), (0, 0.11, 0)]), paint)
    move(
        lathe("switch", fillet([(0, 0.1, 0), (0.07, 0.1, 0), (0.07, 0.135, 0.015), (0, 0.135, 0)]), brass),
        to=(0.26, -0.24, 0),
    )
    lathe("sleeve", fillet([(0, 0.1, 0), (0.06, 0.1, 0.005), (0.05, 0.28, 0.01), (0, 0.28, 0)]), brass)
    arm = spline(
        [
            (0, 0, 0.1),
            (0, 0, 0.7),
            (0, 0, 1.4),
            (0.02, 0, 2.05),
            (0.2, 0, 2.45),
            (0.58, 0, 2.6),
            (0.98, 0, 2.5),
            (1.12, 0, 2.28),
        ],
        160,
    )
    tube("arm", arm, 0.028, brass)
    dome = fillet(
        [
            (0, 0.52, 0),
            (0.1, 0.52, 0.02),
            (0.14, 0.42, 0.05),
            (0.42, 0.26, 0.16),
            (0.56, 0, 0.01),
            (0.54, 0, 0.005),
            (0.4, 0.22, 0.14),
            (0.1, 0.36, 0),
        ]
    )
    place = {"to": (1.03, -0.16, 1.72), "turn": (-16, 10, 0)}
    move(lathe("dome", dome, paint), **place)
    move(lathe("neck", fillet([(0, 0.5, 0), (0.055, 0.5, 0.01), (0.055, 0.62, 0.02), (0, 0.62, 0)]), brass), **place)
    light = glow("diffuser", srgb("#fff0d2"), 1.6)
    move(lathe("diffuser", fillet([(0.5, 0.05, 0), (0.3, 0.03, 0.1), (0, 0.02, 0)]), light), **place)


def headphones(work: Path) -> None:
    """Over-ear headphones: padded band, steel sliders, oval cups with leather cushions; the arch stays open."""
    plastic = bump(
        surface("plastic", Look(srgb("#2b2d31"), roughness=0.42)), "NOISE", scale=160, strength=0.08, distance=0.004
    )
    leather = bump(
        surface("leather", Look(srgb("#1b1c1e"), roughness=0.5)), "VORONOI", scale=70, strength=0.35, distance=0.006
    )
    copper = surface("copper", Look(srgb("#c98f6b"), roughness=0.25, metallic=1.0))
    arch = [
        (-0.93, 0, 0.72),
        (-0.88, 0, 1.15),
        (-0.62, 0, 1.52),
        (0, 0, 1.71),
        (0.62, 0, 1.52),
        (0.88, 0, 1.15),
        (0.93, 0, 0.72),
    ]
    sweep("band", spline(arch, 160), superellipse(0.085, 0.36, 3.2), plastic)
    inner = [(-0.74, 0, 1.25), (-0.54, 0, 1.46), (0, 0, 1.61), (0.54, 0, 1.46), (0.74, 0, 1.25)]
    ends = np.clip(np.minimum(np.linspace(0, 1, 100), np.linspace(1, 0, 100)) / 0.06, 0.05, 1) ** 0.5
    sweep("pad", spline(inner, 100), superellipse(0.15, 0.4, 2.6), leather, scale=ends)
    mark = decal("mark", Look((1, 1, 1), roughness=0.3), _cup_mark(work))
    for side in (-1, 1):
        sweep(
            "slider",
            spline([(side * 0.935, 0, 0.8), (side * 0.97, 0, 0.5), (side * 0.985, 0, 0.2)], 40),
            superellipse(0.035, 0.16, 4),
            copper,
        )
        _cup(side, plastic, leather, copper, mark)


def _cup(
    side: int,
    plastic: bpy.types.Material,
    leather: bpy.types.Material,
    copper: bpy.types.Material,
    mark: bpy.types.Material,
) -> None:
    turn, squash = (0, 90 * side, 0), (1.12, 0.9, 1.0)
    middle = (side * 0.94, 0, 0.0)
    outer = fillet([(0, 0.19, 0), (0.4, 0.17, 0.1), (0.47, 0.06, 0.08), (0.47, -0.12, 0.03), (0, -0.12, 0)])
    ring = fillet([(0.3, 0.17, 0), (0.318, 0.192, 0.008), (0.34, 0.192, 0.008), (0.36, 0.16, 0)])
    cushion = fillet(
        [
            (0.2, -0.12, 0),
            (0.47, -0.12, 0.05),
            (0.5, -0.2, 0.06),
            (0.46, -0.36, 0.12),
            (0.27, -0.36, 0.1),
            (0.22, -0.14, 0),
        ]
    )
    mesh_cloth = fillet([(0, -0.18, 0), (0.25, -0.18, 0)])
    for name, profile, look in (
        ("cup", outer, plastic),
        ("ring", ring, copper),
        ("cushion", cushion, leather),
        ("cloth", mesh_cloth, leather),
    ):
        move(lathe(name, profile, look), to=middle, turn=turn).scale = squash
    sign = patch("mark", (0.42, 0.42), mark)
    move(sign, to=(side * (0.94 + 0.197), 0, 0), turn=(0, 0, 90 * side))


def _cup_mark(work: Path) -> Path:
    page, pen = sheet(420, 420, (214, 160, 128, 0))
    ink = (214, 160, 128, 255)
    text(pen, (210, 185), "听澜", font(120, serif=True, bold=True), ink, spacing=0.1)
    text(pen, (210, 290), "TINGLAN", font(44), ink, spacing=0.3)
    return save(page, work, "cup")


def phone_case(work: Path) -> None:
    """The back of a phone case, waves and a moon printed on it, the camera window open."""
    width, height = 1.44, 2.96
    hole = rounded_rectangle(0.66, 0.7, 0.17) + np.array([-0.31, 1.04])
    art = printed(
        "art",
        Look(srgb("#f2e9dc"), roughness=0.32),
        Look((1, 1, 1), roughness=0.3, coat=0.3),
        _case_art(work),
        coordinates="Object",
        scale=(1 / width, 1 / height, 1),
        offset=(0.5, 0.5, 0),
    )
    edge = surface("edge", Look(srgb("#18364f"), roughness=0.36))
    outer, rim = rounded_rectangle(width, height, 0.25), rounded_rectangle(width - 0.07, height - 0.07, 0.22)
    stand = (90, 0, 0)
    move(plate("back", [outer, hole], 0.07, 0.03, art), turn=stand)
    move(plate("wall", [outer, rim], 0.2, 0.03, edge), to=(0, 0.09, 0), turn=stand)
    around = rounded_rectangle(0.76, 0.8, 0.2) + np.array([-0.31, 1.04])
    move(plate("frame", [around, hole], 0.13, 0.03, edge), to=(0, -0.02, 0), turn=stand)
    for z, tall in ((0.62, 0.22), (0.32, 0.22)):
        move(block("key", (0.04, 0.07, tall), 0.015, edge), to=(-width / 2 - 0.005, 0.07, z))
    move(block("power", (0.04, 0.07, 0.34), 0.015, edge), to=(width / 2 + 0.005, 0.07, 0.45))


def _case_art(work: Path) -> Path:
    wide, high = 1152, 2368
    page, pen = sheet(wide, high, (242, 233, 220, 255))
    pen.ellipse((640, 440, 940, 740), fill=(232, 190, 104, 255))
    for x, y, s in ((250, 980, 1.0), (420, 900, 0.7), (860, 1010, 0.6)):
        for sign in (-1, 1):
            pen.line(
                [(x, y), (x + sign * 45 * s, y - 28 * s), (x + sign * 95 * s, y - 8 * s)],
                fill=(24, 54, 79, 255),
                width=round(10 * s),
                joint="curve",
            )
    tones = [(24, 54, 79), (58, 112, 143), (136, 182, 196), (242, 233, 220)]
    for row in range(14):
        y = 1230 + row * 98
        for column in range(-1, 5):
            x = column * 288 + (144 if row % 2 else 0)
            for step, tone in enumerate([*tones, tones[1], tones[0]]):
                r = 150 - step * 25
                pen.ellipse((x - r, y - r, x + r, y + r), fill=(*tone, 255))
    pen.rounded_rectangle((905, 1960, 1045, 2240), 20, fill=(226, 92, 60, 255))
    text(pen, (975, 2100), "听潮", font(100, serif=True, bold=True), (242, 233, 220, 255), vertical=True, spacing=0.1)
    return save(page, work, "case")
