"""Draws the sample brands' marks into templates/brands: `python -m catalogs.draw_marks`. Needs Noto CJK.

Each is a symbol in the brand's colour and its name in the brand's ink, cut to its own edges, as layouts expect a logo.
"""

from collections.abc import Callable
from math import cos, pi, sin
from pathlib import Path

import yaml
from PIL import Image, ImageDraw

from catalogs.drawing.prints import Ink, font, sheet, text

BRANDS = Path(__file__).parents[1] / "templates" / "brands"
SIDE = 4  # drawn at four times the size, then reduced
TALL = 160  # px of the finished mark
AIR = 10  # px between symbol and name

Pen = ImageDraw.ImageDraw
CLEAR: Ink = (0, 0, 0, 0)


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return left * SIDE, top * SIDE, right * SIDE, bottom * SIDE


def _line(pen: Pen, points: list[tuple[float, float]], ink: Ink, width: float) -> None:
    """A line with round joints and ends."""
    scaled = [(x * SIDE, y * SIDE) for x, y in points]
    pen.line(scaled, fill=ink, width=round(width * SIDE), joint="curve")
    for x, y in points:
        pen.ellipse(_box(x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)


def _arc(pen: Pen, circle: tuple[float, float, float], degrees: tuple[int, int], ink: Ink, width: float) -> None:
    x, y, radius = circle
    first, last = (each * pi / 180 for each in degrees)
    steps = [first + (last - first) * number / 60 for number in range(61)]
    _line(pen, [(x + radius * cos(at), y + radius * sin(at)) for at in steps], ink, width)


def islet(pen: Pen, ink: Ink, _: Ink) -> None:
    pen.ellipse(_box(4, 4, 156, 156), outline=ink, width=9 * SIDE)
    pen.chord(_box(34, 54, 126, 182), 200, 340, fill=ink)
    _line(pen, [(34, 114), (126, 114)], ink, 7)


def ridges(pen: Pen, ink: Ink, second: Ink) -> None:
    pen.ellipse(_box(106, 12, 152, 58), fill=second)
    _line(pen, [(8, 148), (68, 42), (128, 148)], ink, 10)
    _line(pen, [(90, 148), (126, 88), (158, 148)], ink, 10)


def egret(pen: Pen, ink: Ink, second: Ink) -> None:
    pen.pieslice(_box(14, 30, 130, 146), 0, 180, fill=ink)
    _arc(pen, (102, 60, 28), (90, 270), ink, 11)
    _arc(pen, (102, 42, 10), (-90, 60), ink, 11)
    _line(pen, [(112, 40), (150, 48)], second, 8)


def kiln(pen: Pen, ink: Ink, second: Ink) -> None:
    _arc(pen, (80, 82, 62), (180, 360), ink, 11)
    _line(pen, [(18, 82), (18, 148), (142, 148), (142, 82)], ink, 11)
    pen.pieslice(_box(52, 84, 108, 140), 0, 360, fill=second)
    pen.polygon([(54 * SIDE, 104 * SIDE), (80 * SIDE, 52 * SIDE), (106 * SIDE, 104 * SIDE)], fill=second)


def tide(pen: Pen, ink: Ink, second: Ink) -> None:
    pen.ellipse(_box(70, 6, 114, 50), fill=second)
    for number in range(3):
        _arc(pen, (92, 150, 84 - 27 * number), (180, 360), ink, 10)


def sound(pen: Pen, ink: Ink, second: Ink) -> None:
    for x, half, colour in ((20, 26, ink), (50, 58, ink), (80, 36, second), (110, 68, ink), (140, 22, ink)):
        _line(pen, [(x, 80 - half), (x, 80 + half)], colour, 15)


def drop(pen: Pen, ink: Ink, _: Ink) -> None:
    pen.ellipse(_box(14, 14, 146, 146), fill=ink)
    pen.ellipse(_box(56, 2, 150, 96), fill=CLEAR)
    pen.ellipse(_box(84, 26, 122, 64), fill=ink)


def lock(pen: Pen, ink: Ink, second: Ink) -> None:
    pen.rounded_rectangle(_box(10, 48, 150, 150), 18 * SIDE, outline=ink, width=10 * SIDE)
    _arc(pen, (80, 52, 42), (180, 360), ink, 10)
    _line(pen, [(62, 99), (98, 99)], second, 16)


def _leaf(pen: Pen, base: tuple[float, float], tip: tuple[float, float], belly: float, ink: Ink) -> None:
    """Two arcs from base to tip, `belly` px away from the straight line between them at most."""
    (x, y), (across, down) = base, (tip[0] - base[0], tip[1] - base[1])
    length = (across**2 + down**2) ** 0.5
    shares = [number / 40 for number in range(41)]
    one, other = (
        [
            (
                x + share * across - side * belly * sin(pi * share) * down / length,
                y + share * down + side * belly * sin(pi * share) * across / length,
            )
            for share in shares
        ]
        for side in (1, -1)
    )
    pen.polygon([(left * SIDE, top * SIDE) for left, top in (*one, *reversed(other))], fill=ink)


def sprout(pen: Pen, ink: Ink, second: Ink) -> None:
    _line(pen, [(80, 84), (80, 150)], ink, 11)
    _leaf(pen, (80, 94), (146, 14), 26, ink)
    _leaf(pen, (80, 112), (14, 52), 21, second)


def lamp(pen: Pen, ink: Ink, second: Ink) -> None:
    pen.pieslice(_box(20, 8, 140, 128), 180, 360, fill=ink)
    pen.ellipse(_box(66, 76, 94, 104), fill=second)
    for x, low in ((36, 118), (80, 126), (124, 118)):
        _line(pen, [(x, low), (80 + (x - 80) * 1.28, low + 26)], second, 8)


def weave(pen: Pen, ink: Ink, second: Ink) -> None:
    for at in (34, 66, 98, 130):
        _line(pen, [(at, 8), (at, 152)], ink if at in (34, 98) else second, 14)
        _line(pen, [(8, at), (152, at)], ink if at in (66, 130) else second, 7)


def boat(pen: Pen, ink: Ink, second: Ink) -> None:
    _arc(pen, (80, 80, 68), (150, 390), ink, 10)
    pen.chord(_box(26, 40, 134, 148), 15, 165, fill=ink)
    pen.polygon([(78 * SIDE, 30 * SIDE), (78 * SIDE, 96 * SIDE), (38 * SIDE, 96 * SIDE)], fill=second)


def stride(pen: Pen, ink: Ink, second: Ink) -> None:
    _line(pen, [(8, 132), (52, 52), (82, 108), (152, 20)], ink, 17)
    _line(pen, [(92, 136), (150, 136)], second, 13)


SYMBOLS: dict[str, Callable[[Pen, Ink, Ink], None]] = {
    "qingyu": islet, "shanyue": ridges, "bailu": egret, "bailuyao": kiln, "tingchao": tide, "tinglan": sound,
    "mowu": drop, "suyin": lock, "xiaomuya": sprout, "weideng": lamp, "henuan": weave, "yunzhou": boat,
    "zhulan": stride,
}  # fmt: skip


def mark(brand: str) -> Image.Image:
    """The mark of one brand, RGBA, TALL px high."""
    words = yaml.safe_load((BRANDS / f"{brand}.yaml").read_text(encoding="utf-8"))
    colours = {role: _ink(code) for role, code in words["colors"].items()}
    name = words["title"]["zh"]
    serif = words.get("faces", {}).get("display", "sans") == "serif"
    symbol, pen = sheet(240 * SIDE, TALL * SIDE, CLEAR)
    SYMBOLS[brand](pen, colours["primary"], colours["accent"])
    symbol = symbol.crop(symbol.getbbox())
    page, pen = sheet(symbol.width + (AIR + 130 * len(name)) * SIDE, TALL * SIDE, (*colours["ink"][:3], 0))
    page.paste(symbol, (0, (page.height - symbol.height) // 2))
    face = font(104 * SIDE, serif=serif, bold=True)
    middle = symbol.width + (AIR + 65 * len(name)) * SIDE
    text(pen, (middle, 80 * SIDE), name, face, colours["ink"], spacing=0.12)
    cut = page.crop(page.getbbox())
    return cut.resize((round(cut.width * TALL / cut.height), TALL), Image.Resampling.LANCZOS)


def _ink(code: str) -> Ink:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16), 255


def main() -> None:
    """Write every mark beside its brand."""
    for brand in SYMBOLS:
        mark(brand).save(BRANDS / f"{brand}.png", optimize=True)


if __name__ == "__main__":
    main()
