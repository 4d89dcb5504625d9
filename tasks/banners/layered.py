"""The layered copy: an SVG with the picture below and every mark above as an object that a designer can still move."""

import base64
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from tasks.banners.inks import Inks
from tasks.banners.layout import Arranged, Set
from tasks.banners.logos import logo_file
from tasks.banners.marks import ImageMark, Mark, PlateMark, TextMark
from tasks.banners.typography.fonts import Face
from tasks.banners.typography.setting import ASCENT, baseline, line_start
from tasks.shapes import Size

# What a designer's machine may have in place of ours, in this order.
FALLBACKS = {
    "ShangxinSans": "'Shangxin Sans','Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif",
    "ShangxinSerif": "'Shangxin Serif','Noto Serif SC','Source Han Serif SC','Songti SC',SimSun,serif",
    "ShangxinLatin": "'Shangxin Latin',Inter,'Helvetica Neue',Arial,sans-serif",
    "NotoSansCJK": "'Noto Sans CJK SC','Noto Sans SC',sans-serif",
}


def write_layers(picture: bytes, size: Size, arranged: Arranged, inks: Sequence[Inks], *, title: str) -> bytes:
    """SVG 1.1 of `size`: `picture` (a JPEG without copy) embedded, then a group for each place of copy."""
    data = base64.b64encode(picture).decode()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size.width}" height="{size.height}"'
        f' viewBox="0 0 {size.width} {size.height}">',
        f"<title>{escape(title)}</title>",
        f'<image id="picture" width="{size.width}" height="{size.height}" href="data:image/jpeg;base64,{data}"/>',
    ]
    for number, (part, colours) in enumerate(zip(arranged.sets, inks, strict=True)):
        parts += _scrim(number, part, colours)
        parts.append(f'<g id="copy-{number + 1}">')
        parts += (line for mark in part.marks for line in _mark(mark, colours))
        parts.append("</g>")
    return "\n".join((*parts, "</svg>", "")).encode()


def _scrim(number: int, part: Set, inks: Inks) -> Iterator[str]:
    if not inks.opacity:
        return
    field, box, side = part.zone.field, part.box, part.zone.side
    first = {"left": field.left, "top": field.top}.get(side, box.left if side == "right" else box.top)
    stops = {
        "left": ((box.right - field.left) / max(field.width, 1), 1.0),
        "top": ((box.bottom - field.top) / max(field.height, 1), 1.0),
        "right": ((first - field.left) / max(field.width, 1), 0.0),
        "bottom": ((first - field.top) / max(field.height, 1), 0.0),
    }
    edge, solid_first = stops[side]
    colour, turned = _colour(inks.scrim), 'x2="1" y2="0"' if side in ("left", "right") else 'x2="0" y2="1"'
    begin, end = (inks.opacity, 0.0) if solid_first else (0.0, inks.opacity)
    first_at, second_at = (edge, 1.0) if solid_first else (0.0, edge)
    yield f'<linearGradient id="veil-{number + 1}" x1="0" y1="0" {turned}>'
    yield f'<stop offset="{first_at:.3f}" stop-color="{colour}" stop-opacity="{begin:.2f}"/>'
    yield f'<stop offset="{second_at:.3f}" stop-color="{colour}" stop-opacity="{end:.2f}"/></linearGradient>'
    yield (
        f'<rect id="scrim-{number + 1}" x="{field.left}" y="{field.top}" width="{field.width}"'
        f' height="{field.height}" fill="url(#veil-{number + 1})"/>'
    )


def _mark(mark: Mark, inks: Inks) -> Iterator[str]:
    if isinstance(mark, TextMark):
        yield from _text(mark, inks)
    elif isinstance(mark, PlateMark):
        colour = _colour(inks.colour(mark.role))
        paint = f'fill="none" stroke="{colour}" stroke-width="{mark.line:.2f}"' if mark.line else f'fill="{colour}"'
        inset, width, height = mark.line / 2, mark.width - mark.line, mark.height - mark.line
        yield (
            f'<rect class="{mark.element}" x="{mark.x + inset:.2f}" y="{mark.y + inset:.2f}"'
            f' width="{width:.2f}" height="{height:.2f}" rx="{mark.radius:.2f}" {paint}/>'
        )
    else:
        yield _image(mark, inks)


def _text(mark: TextMark, inks: Inks) -> Iterator[str]:
    block, style = mark.block, mark.block.type
    families = list(dict.fromkeys((_family(style.fonts.narrow), _family(style.fonts.wide))))
    weight = "bold" if style.fonts.wide.path.stem.endswith("Bold") else "normal"
    look = (
        f'class="{mark.element}" font-family={quoteattr(",".join(families))} font-weight="{weight}"'
        f' font-size="{style.size:g}" fill="{_colour(inks.colour(mark.role))}"'
    )
    if style.tracking:
        look += f' letter-spacing="{style.tracking * style.size:.2f}"'
    for number, (row, length) in enumerate(zip(block.rows, block.lengths, strict=True)):
        start = line_start(block, number, mark.align)
        x, y = mark.x + start, mark.y + baseline(block, number)
        turn = ""
        if style.vertical:
            x = mark.x + block.width - (ASCENT / 2 + 0.05 + number * style.leading) * style.size
            y, turn = mark.y + start, ' writing-mode="vertical-rl"'
        yield f'<text x="{x:.2f}" y="{y:.2f}"{turn} {look} data-length="{length:.2f}">{escape(row)}</text>'


def _image(mark: ImageMark, inks: Inks) -> str:
    data = base64.b64encode(logo_file(mark.path, inks.logo)).decode()
    return (
        f'<image class="{mark.element}" x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}"'
        f' height="{mark.height:.2f}" href="data:image/png;base64,{data}"/>'
    )


def _family(face: Face) -> str:
    return FALLBACKS.get(face.path.stem.partition("-")[0], "sans-serif")


def _colour(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
