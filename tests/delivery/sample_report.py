"""A run as it might have gone, with drawn pictures: for the report's tests and for looking at it."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tasks.delivery.report import BadRowEntry, RenditionEntry, ReportData, ReportRow, RowStatus
from tasks.delivery.thumbnails import make_thumbnail
from tasks.findings import judge
from tasks.quality.checks import check_master
from tasks.quality.thresholds import load_thresholds
from tasks.shapes import Size
from tests.quality import defects, pictures

BOOK = load_thresholds(Path(__file__).parents[2] / "templates" / "quality")
SCENES = {
    "marble": "大理石浴室",
    "wood": "原木桌晨光",
    "festive": "节日红",
    "beach": "夏日海滩",
    "snow": "冬季雪景",
    "night": "都市夜色",
}
PRODUCTS = {
    "bottle": ("SX-1001", "青黛 氨基酸净透洁面乳 120ml"),
    "mug": ("SX-1007", "拾光 手绘陶瓷马克杯 350ml 办公室情侣款礼盒装"),
    "tub": ("SX-1012", "雪绒 神经酰胺修护面霜"),
    "headphones": ("SX-1019", "聆 N7 头戴式主动降噪蓝牙耳机"),
}
PLACEMENTS = {
    "淘宝主图 1:1": Size(800, 800),
    "淘宝主图 3:4": Size(750, 1000),
    "京东主图": Size(800, 800),
    "拼多多主图": Size(750, 750),
    "小红书封面 3:4": Size(1242, 1660),
    "公众号头图": Size(900, 383),
    "Google 300x250": Size(300, 250),
    "Google 728x90": Size(728, 90),
}
PLANTED = {
    ("wood", "mug"): defects.halo,
    ("snow", "tub"): defects.too_bright,
    ("festive", "headphones"): defects.blob_noise,
    ("night", "bottle"): defects.grown_handle,
}
STARTED = datetime(2026, 11, 23, 2, 0, tzinfo=timezone(timedelta(hours=8)))


def sample_rows(side: int = 384, scenes: Sequence[str] = tuple(SCENES)) -> list[ReportRow]:
    rows = [_row(scene, product, side) for product in PRODUCTS for scene in scenes]
    failed = ReportRow(
        sku="SX-1019",
        title=PRODUCTS["headphones"][1],
        scene="wood",
        scene_title=SCENES["wood"],
        status="failed",
        variant=1,
        reason="抠图失败：商品与背景无法区分 cut-out: the product cannot be told from its background",
    )
    return [*rows, failed]


def _row(scene: str, product: str, side: int) -> ReportRow:
    evidence = pictures.master(scene, product, side=side, draft=True)
    plant = PLANTED.get((scene, product))
    verdict = judge(check_master(plant(evidence) if plant else evidence, BOOK.choose()))
    picture = plant(evidence) if plant else evidence
    sku, title = PRODUCTS[product]
    job = f"{int.from_bytes((scene + product).encode()):020x}"[:20]
    status: RowStatus = verdict.status
    renditions = tuple(
        RenditionEntry(name, f"renditions/{number}/{sku}/{job}-0.jpg", size, size.width * size.height // 8)
        for number, (name, size) in enumerate(PLACEMENTS.items())
    )
    return ReportRow(
        sku=sku,
        title=title,
        scene=scene,
        scene_title=SCENES[scene],
        status=status,
        job_id=job,
        findings=verdict.findings,
        prompt=f"{SCENES[scene]}，柔和侧光，浅景深，商业摄影，画面干净，留白充足，细节丰富",
        negative_prompt="文字，水印，第二件商品，底座，畸变",
        thumb=make_thumbnail(pictures.to_png(picture.pixels)),
        size=Size(1024, 1024),
        master_key=f"masters/{sku}/{job}-0.png",
        renditions=renditions if status == "approved" else (),
        seconds={"text": 0.1, "denoise": 14.1, "decode": 0.4, "paste": 0.2, "review": 0.1, "compose": 0.5},
        cost=0.0129,
    )


def sample_report(rows: Sequence[ReportRow] | None = None) -> ReportData:
    return ReportData(
        run_id="20261123-020000-7f3a",
        catalog="sample/products.csv",
        started=STARTED,
        finished=STARTED + timedelta(minutes=7, seconds=41),
        rows=sample_rows() if rows is None else rows,
        bad_rows=(
            BadRowEntry(7, "sku", "", "货号为空 the SKU is empty"),
            BadRowEntry(15, "price", "约99元", "价格不是数字 the price is no number"),
            BadRowEntry(23, "image", "images/rice-cooker.jpg", "图片不完整，请重新上传 the picture is cut short"),
        ),
        already_done=36,
        model="kolors-nano @ 3f2c1e8 fp32",
        model_note=(
            "草稿模型，仅供预览，自带、可商用。正式出图请用 Kolors；其商用须先向快手登记。 "
            "Draft model for previews, shipped with the project. Kolors itself needs registration for commercial use."
        ),
        check_titles=BOOK.check_titles,
        cause_titles=BOOK.cause_titles,
    )
