"""Tea tin, ceramic mug and thermos: things turned on a lathe."""

from pathlib import Path

import numpy as np

from catalogs.drawing.geometry import fillet, spline, superellipse
from catalogs.drawing.materials import Look, bump, printed, speckle, srgb, surface, window
from catalogs.drawing.meshes import lathe, move, sweep
from catalogs.drawing.prints import font, save, sheet, text


def tea_tin(work: Path) -> None:
    """A round tin, lacquered ink green, ridges of mountains printed all around, a cream label with vertical type."""
    look = Look(srgb("#17443c"), roughness=0.32, coat=0.35)
    body = printed("tin", look, Look((1, 1, 1), roughness=0.34, coat=0.35), _tin_art(work))
    lathe("tin", fillet([(0, 0, 0), (0.62, 0, 0.03), (0.62, 1.5, 0.02), (0.3, 1.5, 0)]), body)
    lid = surface("lid", look)
    lathe(
        "lid",
        fillet(
            [
                (0.5, 1.37, 0),
                (0.635, 1.37, 0.008),
                (0.635, 1.78, 0.035),
                (0.56, 1.78, 0.02),
                (0.5, 1.84, 0.08),
                (0, 1.86, 0),
            ]
        ),
        lid,
    )
    gold = surface("gold", Look(srgb("#c9a15c"), roughness=0.25, metallic=1.0))
    for height in (1.385, 0.02):
        ring = fillet(
            [(0.62, height, 0), (0.641, height, 0.008), (0.641, height + 0.035, 0.008), (0.62, height + 0.035, 0)]
        )
        lathe("band", ring, gold)


def _tin_art(work: Path) -> Path:
    """Once around the tin: 4 : 1.55, ridges in paling greens under a gold moon, the label in the middle."""
    wide, high = 3900, 1500
    page, pen = sheet(wide, high, (23, 68, 60, 255))
    pen.ellipse((2400, 330, 2600, 530), fill=(217, 182, 112, 255))
    x = np.arange(0, wide + 20, 20)
    for layer, (base, tone) in enumerate(
        [(620, (47, 98, 86)), (800, (35, 83, 73)), (1000, (26, 70, 61)), (1190, (16, 52, 46))]
    ):
        turn = 2 * np.pi * x / wide
        waves = [90 / k * np.sin(turn * k * (2 + layer) + layer * 1.7 + k * k) for k in (1, 2, 3, 5)]
        ridge = [(float(at), float(base + rise)) for at, rise in zip(x, np.sum(waves, axis=0), strict=True)]
        pen.polygon([(0, high), *ridge, (wide, high)], fill=(*tone, 255))
        pen.line(ridge, fill=(201, 161, 92, 255), width=5)
    red, ink, cream = (158, 42, 32, 255), (38, 46, 40, 255), (243, 236, 218, 255)
    pen.rounded_rectangle((1690, 240, 2210, 1350), 18, fill=cream, outline=(201, 161, 92, 255), width=8)
    pen.rounded_rectangle((1722, 272, 2178, 1318), 10, outline=(201, 161, 92, 255), width=3)
    text(pen, (1950, 680), "明前龙井", font(166, serif=True, bold=True), ink, spacing=0.06, vertical=True)
    pen.rounded_rectangle((2070, 305, 2150, 465), 12, fill=red)
    text(pen, (2110, 385), "山月", font(62, serif=True, bold=True), cream, vertical=True, spacing=0.05)
    text(pen, (1785, 530), "头采嫩芽", font(54, serif=True), ink, vertical=True, spacing=0.3)
    text(pen, (1950, 1145), "SHANYUE TEA", font(46), ink, spacing=0.18)
    text(pen, (1950, 1225), "绿茶 净含量 125 克", font(46), ink, spacing=0.06)
    return save(page, work, "tin")


def mug(work: Path) -> None:
    """A stoneware mug: speckled oat glaze, a bare clay foot, a handle to put fingers through."""
    glaze = printed(
        "glaze",
        Look(srgb("#ece4d3"), roughness=0.24, coat=0.35),
        Look(srgb("#3b4a48"), roughness=0.35),
        _mug_mark(work),
        **window((0.36, 0.64), (0.28, 0.78)),
    )
    speckle(glaze, scale=38, color=srgb("#7d664c"), amount=0.325)
    bump(glaze, "NOISE", scale=3.2, strength=0.12, detail=2)
    wall = fillet(
        [
            (0, 0.12, 0),
            (0.56, 0.12, 0.1),
            (0.7, 0.42, 0.2),
            (0.72, 1.5, 0.05),
            (0.69, 1.53, 0.03),
            (0.655, 1.5, 0.05),
            (0.63, 0.4, 0.3),
            (0, 0.22, 0),
        ]
    )
    lathe("wall", wall, glaze)
    clay = bump(surface("clay", Look(srgb("#a9805d"), roughness=0.85)), "NOISE", scale=40, strength=0.3)
    lathe("foot", fillet([(0, 0, 0), (0.52, 0, 0.03), (0.585, 0.16, 0.02), (0, 0.16, 0)]), clay)
    plain = speckle(
        surface("handle", Look(srgb("#ece4d3"), roughness=0.24, coat=0.35)),
        scale=38,
        color=srgb("#7d664c"),
        amount=0.325,
    )
    path = spline(
        [
            (0.66, 0, 1.22),
            (0.84, 0, 1.26),
            (1.1, 0, 1.2),
            (1.21, 0, 0.93),
            (1.1, 0, 0.62),
            (0.86, 0, 0.47),
            (0.66, 0, 0.45),
        ],
        90,
    )
    swell = 1 + 0.75 * np.exp(-np.linspace(0, 1, 90) / 0.055) + 0.75 * np.exp(-np.linspace(1, 0, 90) / 0.055)
    sweep("handle", path, superellipse(0.17, 0.115, 2.3), plain, scale=swell)


def _mug_mark(work: Path) -> Path:
    page, pen = sheet(900, 500, (59, 74, 72, 0))
    ink = (59, 74, 72, 255)
    for shift, tall in ((-60, 95), (40, 140), (130, 80)):
        pen.line(
            [(450 + shift - 110, 250), (450 + shift, 250 - tall), (450 + shift + 110, 250)],
            fill=ink,
            width=9,
            joint="curve",
        )
    text(pen, (450, 335), "白鹭窑", font(84, serif=True, bold=True), ink, spacing=0.3)
    text(pen, (450, 425), "BAILU STONEWARE", font(32), ink, spacing=0.3)
    return save(page, work, "mug")


def thermos(work: Path) -> None:
    """A slim vacuum flask: powder-coated body, brushed-steel neck and foot, a lid with a carrying loop."""
    coat = printed(
        "coat",
        Look(srgb("#1f4a66"), roughness=0.3),
        Look((1, 1, 1), roughness=0.3, metallic=0.6),
        _thermos_mark(work),
        **window((0.4, 0.6), (0.24, 0.76)),
    )
    bump(coat, "NOISE", scale=150, strength=0.1, distance=0.004)
    steel = surface("steel", Look(srgb("#c9ccd0"), roughness=0.24, metallic=1.0, anisotropic=0.7))
    lathe("foot", fillet([(0, 0, 0), (0.4, 0, 0.03), (0.41, 0.1, 0.01), (0, 0.1, 0)]), steel)
    lathe(
        "body",
        fillet([(0, 0.09, 0), (0.42, 0.09, 0.02), (0.42, 2.05, 0.16), (0.335, 2.22, 0.05), (0.3, 2.22, 0)]),
        coat,
    )
    lathe("neck", fillet([(0, 2.2, 0), (0.325, 2.2, 0.01), (0.325, 2.3, 0.01), (0, 2.3, 0)]), steel)
    lid = bump(surface("lid", Look(srgb("#22262a"), roughness=0.38)), "NOISE", scale=180, strength=0.1, distance=0.004)
    lathe("lid", fillet([(0, 2.29, 0), (0.345, 2.29, 0.02), (0.345, 2.68, 0.06), (0, 2.7, 0)]), lid)
    path = spline(
        [
            (-0.3, 0, 2.56),
            (-0.31, 0, 2.74),
            (-0.2, 0, 2.91),
            (0, 0, 2.95),
            (0.2, 0, 2.91),
            (0.31, 0, 2.74),
            (0.3, 0, 2.56),
        ],
        80,
    )
    sweep("loop", path, superellipse(0.07, 0.22, 3), lid)
    for x in (-0.325, 0.325):
        pin = lathe("pin", fillet([(0, 0, 0), (0.05, 0, 0.01), (0.05, 0.03, 0.01), (0, 0.03, 0)]), steel, steps=48)
        move(pin, to=(x, 0, 2.6), turn=(0, 90 if x > 0 else -90, 0))


def _thermos_mark(work: Path) -> Path:
    page, pen = sheet(540, 1060, (235, 238, 240, 0))
    ink = (235, 238, 240, 255)
    pen.arc((200, 60, 340, 200), 20, 340, fill=ink, width=9)
    pen.line((235, 150, 305, 110), fill=ink, width=9)
    text(pen, (270, 480), "云舟", font(170, serif=True, bold=True), ink, vertical=True, spacing=0.18)
    text(pen, (270, 760), "YUNZHOU", font(40), ink, spacing=0.35)
    text(pen, (270, 960), "保温保冷 · 500ml", font(38), ink, spacing=0.08)
    return save(page, work, "thermos")
