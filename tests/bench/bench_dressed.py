"""Renditions with type and labels per core, against naive Pillow. `python -m tests.bench.bench_dressed`

Every round sets copy that no round before has set, as every product has its own. The opponent is given our finished
arrangement: it neither searches for one nor measures contrast, and it checks nothing.
"""

import io

import cv2
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.dress import Dresser, Dressing, Subject, busyness
from tasks.banners.encode import START_QUALITY
from tasks.banners.inks import Look
from tasks.banners.layouts import load_layouts
from tasks.banners.marks import PlateMark, TextMark
from tasks.banners.pieces import Setter
from tasks.banners.placement import Placement, load_placements
from tasks.banners.profile import srgb_profile
from tasks.banners.pyramid import Pyramid
from tasks.banners.typography.fonts import FontBook
from tasks.banners.typography.setting import line_start
from tasks.banners.wording import Copy
from tasks.delivery.labels import Credits, Labeller, Origin
from tasks.delivery.labels.labeller import describe
from tasks.delivery.labels.packet import write_packet
from tasks.rendering.job import ModelRef, RenderJob
from tasks.shapes import Size
from tests.banners.drawn import Master, draw_master
from tests.bench.bench_banners import TEMPLATES, TWELVE, best

WORDS = "一二三四五六七八九十春夏秋冬东南西北山川湖海"
COPIES = [
    Copy(
        headline=f"换季{word}的脸，交给青屿",
        subline=f"积雪草{word}舒缓精华液 {number}ml",
        price=str(100 + number),
        was="298",
        cta=f"看看{word}成分",
    )
    for number, word in enumerate(WORDS)
]
CREDITS = Credits("91330100MA2X", "青屿品牌视觉组", "© 2026 青屿 Qingyu。保留所有权利。", "青屿")


def main() -> None:
    cv2.setNumThreads(1)
    placements = [load_placements(TEMPLATES)[name] for name in TWELVE]
    master = draw_master("table", width=1024, height=1024, share=0.5)
    job = RenderJob(
        model=ModelRef(name="kolors-nano", revision="abc"), prompt="木桌", seed=1, width=1024, height=1024,
        product_image="a" * 64,
    )  # fmt: skip
    origin = Origin(job, job.job_id, 0, "SKU-1", "wood-morning", 0)
    layouts = load_layouts(TEMPLATES.parent / "layouts")
    setter = Setter(FontBook(TEMPLATES.parent / "fonts"), wordmark="青屿")
    subject = Subject(Size(1024, 1024), master.product_box, "scene", busyness(Pyramid(master.pixels).level(4)))
    dresser = Dresser(layouts, setter, COPIES[0], Look(), scene="")
    dressings = [dresser.arrange(subject, placement, least=0.0) for placement in placements]
    xmp = write_packet(describe(origin, CREDITS, placement="x", rule="y"))
    rounds = iter(COPIES)
    webp = placements[0].formats.model_copy(update={"value": ("webp",)})
    as_webp = [each.model_copy(update={"formats": webp}) for each in placements]

    def ours(wanted: list[Placement]) -> int:
        who = Dresser(layouts, setter, next(rounds), Look(), scene="")
        made = compose_renditions(
            master.pixels, master.product_box, wanted, background="generated", alpha=master.alpha,
            dresser=who, finisher=Labeller(origin, CREDITS),
        )  # fmt: skip
        return sum(len(each.data) for each in made if isinstance(each, Rendition))

    given = [each for each in dressings if each]
    extended = sum(any(each.framing.fill) for each in given)
    naive, mine = best(lambda: naively(master, given, xmp), lambda: ours(placements))
    print(f"12 JPEG placements of one 1024x1024 master with copy and labels, {extended} of them extended")
    print(f"  naive Pillow                              {naive * 1e3:7.1f} ms   1.0x")
    print(f"  compose_renditions (checked, read back)   {mine * 1e3:7.1f} ms   {naive / mine:.1f}x")
    naive, mine = best(
        lambda: naively(master, given, xmp) + naively(master, given, xmp, form="WEBP"),
        lambda: ours([*placements, *as_webp]),
    )
    print(f"24 of them, half JPEG and half WebP of quality {START_QUALITY}")
    print(f"  naive Pillow                              {naive * 1e3:7.1f} ms   1.0x")
    print(f"  compose_renditions (checked, read back)   {mine * 1e3:7.1f} ms   {naive / mine:.1f}x")


def naively(master: Master, dressings: list[Dressing], xmp: bytes, *, form: str = "JPEG") -> int:
    """The same crops, copy and labels in Pillow alone; a blurred picture fills what is missing."""
    image, total = Image.fromarray(master.pixels), 0
    for dressing in dressings:
        framing = dressing.framing
        part = image.crop(framing.source).resize(framing.dest.size, Image.Resampling.LANCZOS)
        canvas = part
        if any(framing.fill):
            canvas = image.resize(framing.canvas, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(24))
            canvas.paste(part, (framing.dest.left, framing.dest.top))
        draw = ImageDraw.Draw(canvas)
        for mark in dressing.arranged.marks:
            if isinstance(mark, PlateMark):
                box = (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
                draw.rounded_rectangle(box, mark.radius, fill=(176, 32, 36))
            elif isinstance(mark, TextMark):
                style = mark.block.type
                font = ImageFont.truetype(str(style.fonts.wide.path), style.size)
                for number, row in enumerate(mark.block.rows):
                    x = mark.x + line_start(mark.block, number, mark.align)
                    draw.text((x, mark.y + number * style.leading * style.size), row, font=font, fill=(29, 27, 25))
        buffer = io.BytesIO()
        canvas.save(buffer, form, quality=START_QUALITY, xmp=xmp, icc_profile=srgb_profile())
        total += len(buffer.getvalue())
    return total


if __name__ == "__main__":
    main()
