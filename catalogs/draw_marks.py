"""Draws the two sample brands' marks: `python -m catalogs.draw_marks`. Needs Pillow and Noto CJK only."""

from pathlib import Path

from PIL import Image

from catalogs.drawing.prints import font, sheet, text

BRAND = Path(__file__).parent / "sample" / "brand"
SIDE = 4  # drawn at four times the size, then reduced


def qingyu() -> Image.Image:
    """青屿: an islet under a round sky, the name beside it."""
    page, pen = sheet(1200 * SIDE, 400 * SIDE, (28, 74, 62, 0))
    ink = (28, 74, 62, 255)
    pen.ellipse(_box(40, 50, 340, 350), outline=ink, width=16 * SIDE)
    pen.chord(_box(100, 150, 280, 400), 200, 340, fill=ink)
    pen.line(_box(95, 262, 285, 262), fill=ink, width=12 * SIDE)
    text(pen, (770 * SIDE, 165 * SIDE), "青屿", font(210 * SIDE, serif=True, bold=True), ink, spacing=0.3)
    text(pen, (770 * SIDE, 325 * SIDE), "QINGYU", font(56 * SIDE), ink, spacing=0.7)
    return page.resize((1200, 400), Image.Resampling.LANCZOS)


def shanyue() -> Image.Image:
    """山月: two ridges and a moon, the name beside it."""
    page, pen = sheet(1200 * SIDE, 400 * SIDE, (38, 46, 40, 0))
    ink, gold = (38, 46, 40, 255), (201, 161, 92, 255)
    pen.ellipse(_box(215, 60, 305, 150), fill=gold)
    for ridge in ([(30, 330), (150, 120), (270, 330)], [(190, 330), (270, 200), (350, 330)]):
        pen.line([(x * SIDE, y * SIDE) for x, y in ridge], fill=ink, width=18 * SIDE, joint="curve")
    text(pen, (770 * SIDE, 165 * SIDE), "山月", font(210 * SIDE, serif=True, bold=True), ink, spacing=0.3)
    text(pen, (770 * SIDE, 325 * SIDE), "SHANYUE", font(56 * SIDE), ink, spacing=0.6)
    return page.resize((1200, 400), Image.Resampling.LANCZOS)


def _box(left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
    return left * SIDE, top * SIDE, right * SIDE, bottom * SIDE


def main() -> None:
    """Write both marks."""
    BRAND.mkdir(parents=True, exist_ok=True)
    for name, draw in (("qingyu", qingyu), ("shanyue", shanyue)):
        draw().save(BRAND / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
