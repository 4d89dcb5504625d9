"""Draws the sheet of sample banners from a store: `python -m catalogs.draw_banners OUT`, where OUT was rendered before.

Takes each wanted picture of a product in a scene, composes it for a placement as it is composed today, and lays the
banners out in rows, as an agency would show them.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.master_png import decode_master
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import JobRecord
from tasks.labelling import Labelling, origin_of
from tasks.settings import Settings, use_settings
from tasks.workplace import Workplace, open_workplace

SHEET = Path(__file__).parent / "sample" / "banners.jpg"
WIDTH, GAP, GROUND, QUALITY = 1500, 10, (238, 238, 236), 84
# Rows of (SKU, scene, placement).
ROWS = (
    (
        ("QY-SER-030", "marble-bathroom", "taobao-main"), ("SY-TEA-125", "festive-red", "taobao-main"),
        ("BL-MUG-380", "wood-morning", "xiaohongshu-3x4"), ("HN-SCF-R1", "concrete-loft", "google-300x600"),
        ("SY-EDP-050", "pastel-studio", "google-300x600"),
    ),
    (("MW-LIP-305", "pastel-studio", "google-970x250"), ("ZL-RUN-M42", "summer-beach", "meta-landscape")),
    (
        ("QY-SER-030", "spring-garden", "meta-story"), ("TL-HP-700", "concrete-loft", "dv360-320x480"),
        ("BL-RC-4L", "wood-morning", "meta-feed-square"), ("XM-TOY-R4", "pastel-studio", "google-160x600"),
        ("SYN-BAG-22", "concrete-loft", "taobao-3x4"), ("YZ-THM-500", "summer-beach", "google-120x600"),
    ),
    (("SY-TEA-125", "winter-snow", "wechat-cover"), ("TC-CASE-15P", "summer-beach", "dv360-800x250")),
    (
        ("WD-LAMP-A1", "concrete-loft", "taobao-long"), ("MW-LIP-305", "festive-red", "meta-feed-4x5"),
        ("YZ-THM-500", "wood-morning", "google-300x250"), ("XM-TOY-R4", "festive-red", "google-250x360"),
        ("HN-SCF-R1", "pastel-studio", "tiktok-post"),
    ),
    (("SY-TEA-125", "festive-red", "google-728x90"), ("BL-MUG-380", "wood-morning", "google-728x90")),
    (
        ("TL-HP-700", "pastel-studio", "google-320x50"), ("QY-SER-030", "winter-snow", "google-320x50"),
        ("ZL-RUN-M42", "concrete-loft", "google-320x50"),
    ),
)  # fmt: skip


def main(out: Path) -> None:
    """Write the sheet."""
    use_settings(Settings(out=out))
    workplace = open_workplace()
    records = {(record.sku, record.scene): record for record in _records(workplace, out)}
    rows = [[_banner(workplace, records, *wanted) for wanted in row] for row in ROWS]
    lines = [_justified([each for each in row if each]) for row in rows if any(row)]
    height = sum(line.height + GAP for line in lines) + GAP
    sheet = Image.new("RGB", (WIDTH, height), GROUND)
    top = GAP
    for line in lines:
        sheet.paste(line, (0, top))
        top += line.height + GAP
    sheet.save(SHEET, quality=QUALITY, optimize=True, progressive=True)


def _records(workplace: Workplace, out: Path) -> Iterator[JobRecord]:
    """Every picture of every run of the store, none of which need have been approved."""
    for run in sorted((out / "runs").iterdir()):
        yield from (record for record in workplace.ledger.results(run.name) if record.master)


def _banner(
    workplace: Workplace, records: dict[tuple[str, str], JobRecord], sku: str, scene: str, placement: str
) -> Image.Image | None:
    """The banner as it is composed today; None, and a word, where its picture is not in the store."""
    record = records.get((next((known for known, _ in records if known.startswith(sku)), sku), scene))
    if record is None or record.master is None or record.product_box is None:
        print(f"no picture of {sku} in {scene}", file=sys.stderr)  # noqa: T201
        return None
    labelling = Labelling(workplace, CampaignBrief(catalog="sample", placements=(placement,)))
    (made,) = compose_renditions(
        decode_master(workplace.store.get(record.master.key)), record.product_box,
        labelling.placements_of(record.sku, record.facts), background="generated", alpha=None,
        dresser=labelling.dresser(origin_of(record), record.facts),
    )  # fmt: skip
    if not isinstance(made, Rendition):
        print(f"{sku} in {scene}: {made.reason}", file=sys.stderr)  # noqa: T201
        return None
    return Image.open(io.BytesIO(made.data)).convert("RGB")


def _justified(banners: list[Image.Image]) -> Image.Image:
    """Banners at one height, as wide together as the sheet."""
    room = WIDTH - GAP * (len(banners) + 1)
    height = round(room / sum(each.width / each.height for each in banners))
    line = Image.new("RGB", (WIDTH, height), GROUND)
    left = GAP
    for each in banners:
        width = round(height * each.width / each.height)
        line.paste(each.resize((width, height), Image.Resampling.LANCZOS), (left, 0))
        left += width + GAP
    return line


if __name__ == "__main__":
    main(Path(sys.argv[1]))
