"""Printed matter: labels, patterns and panel art drawn flat with Pillow, to be wrapped on products."""

import subprocess
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Ink = tuple[int, int, int, int]


@cache
def font_file(family: str, style: str) -> str:
    """The path of a Noto CJK font (OFL), asked of fontconfig. Debian: apt-get install fonts-noto-cjk."""
    wanted = f"Noto {family} CJK SC:style={style}"
    found = subprocess.run(["fc-match", "-f", "%{file}", wanted], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607
    if "CJK" not in Path(found).name:
        raise FileNotFoundError(
            f"no font {wanted!r}: fontconfig offers {found!r}. On Debian: apt-get install fonts-noto-cjk"
        )
    return found


@cache
def font(size: int, *, serif: bool = False, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A simplified-Chinese font of this size in pixels."""
    path = font_file("Serif" if serif else "Sans", "Bold" if bold else "Regular")
    faces = (ImageFont.truetype(path, size, index=i) for i in range(10))
    return next(face for face in faces if str(face.getname()[0]).endswith("SC"))


def sheet(width: int, height: int, color: Ink = (0, 0, 0, 0)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty RGBA sheet and a pen for it."""
    image = Image.new("RGBA", (width, height), color)
    return image, ImageDraw.Draw(image)


def text(
    pen: ImageDraw.ImageDraw,
    centre: tuple[float, float],
    words: str,
    face: ImageFont.FreeTypeFont,
    ink: Ink,
    *,
    spacing: float = 0.0,
    vertical: bool = False,
) -> None:
    """Set a line around its centre, letters `spacing` ems apart; vertical runs top to bottom."""
    steps = [face.size if vertical else face.getlength(c) for c in words]
    gap = spacing * face.size
    at = (centre[1] if vertical else centre[0]) - (sum(steps) + gap * (len(words) - 1)) / 2
    for letter, step in zip(words, steps, strict=True):
        middle = at + step / 2
        pen.text((centre[0], middle) if vertical else (middle, centre[1]), letter, font=face, fill=ink, anchor="mm")
        at += step + gap


def save(image: Image.Image, folder: Path, name: str) -> Path:
    """Write a print where the materials can load it."""
    path = folder / f"{name}.png"
    image.save(path)
    return path
