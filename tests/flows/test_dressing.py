"""Copy through the whole of composing: new copy makes anew only what it changes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.catalog.brief import CampaignBrief
from tasks.catalog.copy_file import read_copy_file
from tasks.compose import Picture, compose_master
from tasks.delivery.labels import Origin
from tasks.delivery.ledger import Rendition
from tasks.dressing import Wardrobe
from tasks.errors import ConfigurationError
from tasks.labelling import Labelling
from tasks.rendering.job import ModelRef, RenderJob
from tasks.settings import Settings, use_settings
from tasks.workplace import open_workplace
from tests.banners.drawn import draw_master

pytestmark = pytest.mark.usefixtures("here")

BRIEF = CampaignBrief(catalog="goods.csv", placements=("google-300x250", "taobao-white"))
CUP = {"brand": "青屿", "copy_text": "慢一点，早安", "price": "69.00", "locale": "zh-CN"}
TEA = {"brand": "山月", "copy_text": "春天，装进一罐", "locale": "zh-CN"}


def rules(facts: dict[str, Any], sku: str = "A", **changes: Any) -> dict[str, str]:
    labelling = Labelling(open_workplace(), BRIEF.model_copy(update=changes))
    return {each.id: each.digest for each in labelling.placements_of(sku, facts)}


def compose(facts: dict[str, Any], sku: str = "A", **changes: Any) -> dict[str, Rendition]:
    master = draw_master("table", width=512, height=512)
    job = RenderJob(
        model=ModelRef(name="kolors-nano", revision="abc"), prompt="木桌", seed=1, width=512, height=512,
        product_image="a" * 64,
    )  # fmt: skip
    picture = Picture(Origin(job, job.job_id, 0, sku, "wood-morning", 0), facts, master.pixels, master.product_box)
    labelling = Labelling(open_workplace(), BRIEF.model_copy(update=changes))
    wanted = labelling.placements_of(sku, facts)
    return {made.placement: made for made in compose_master(open_workplace().store, picture, wanted, labelling)}


def test_new_copy_changes_the_rules_of_its_product_where_copy_is_set() -> None:
    before, after = rules(CUP), rules({**CUP, "copy_text": "再慢一点"})
    assert before["google-300x250"] != after["google-300x250"]
    assert before["taobao-white"] == after["taobao-white"]
    assert rules(CUP)["google-300x250"] == before["google-300x250"]
    assert rules({**CUP, "price": "59.00"})["google-300x250"] != before["google-300x250"]
    assert rules({"brand": "青屿", "title": "杯"}) == rules({"brand": "青屿", "title": "杯子"})


def test_a_copy_file_wins_for_its_products_only(tmp_path: Path) -> None:
    path = tmp_path / "copy.csv"
    path.write_text("货号,copy_headline,copy_cta,价格\nA,把早晨留给自己,挑一只,49\n", encoding="gb18030")
    asked = {"copy_file": str(path)}
    assert rules(CUP, **asked) != rules(CUP)
    assert rules(TEA, "B", **asked)["google-300x250"] == rules(TEA, "B")["google-300x250"]
    copy = Wardrobe(open_workplace(), BRIEF.model_copy(update=asked)).copy("A", CUP)
    assert (copy.headline, copy.cta, copy.price) == ("把早晨留给自己", "挑一只", "49")
    assert Labelling(open_workplace(), BRIEF.model_copy(update=asked)).rules != Labelling(open_workplace(), BRIEF).rules


@pytest.mark.parametrize(
    ("text", "told"),
    [("copy_headline\n早安\n", "no column for the SKU"), ("sku,motto\nA,早安\n", "'motto' is no copy")],
)
def test_a_copy_file_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "copy.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        read_copy_file(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_copy_file(tmp_path / "none.csv")


def test_another_language_is_a_set_of_its_own() -> None:
    both = {**CUP, "copy_cells": {"copy_en": "Slow down. Good morning."}}
    chinese, english = compose(both), compose(both, locale="en", layers=True)
    assert set(english) == {"google-300x250.en", "taobao-white.en"}
    assert chinese["google-300x250"].sha256 != english["google-300x250.en"].sha256
    key = next(each.detail for each in english["google-300x250.en"].findings if each.check == "layers")
    layers = open_workplace().store.get(key)
    assert b"Slow down." in layers
    assert "早安".encode() not in layers


def test_copy_keeps_off_the_visible_mark() -> None:
    made = compose({**CUP, "copy_cells": {"copy_subline": "燕麦釉粗陶杯", "copy_cta": "挑一只"}}, visible_mark=True)
    found = {each.check: each for each in made["google-300x250.marked"].findings}
    assert found["visible-mark-clear"].passed, found["visible-mark-clear"]
    assert found["copy-contrast"].passed
    assert found["labels"].passed


def test_a_logo_that_is_missing_gives_way_to_the_name(small_templates: Path, tmp_path: Path) -> None:
    import shutil

    templates = tmp_path / "templates"
    shutil.copytree(small_templates, templates)
    brand = templates / "brands" / "qingyu.yaml"
    brand.write_text(brand.read_text(encoding="utf-8").replace("qingyu.png", "gone.png"), encoding="utf-8")
    use_settings(Settings(out=tmp_path / "out2", templates=templates))
    missing = compose(CUP, placements=("taobao-main",))["taobao-main"]
    told = [each.detail for each in missing.findings if each.check == "copy-element"]
    assert told == ["logo gone.png cannot be read (FileNotFoundError); the brand's name is set instead"]

    Image.fromarray(np.full((40, 120, 4), 200, np.uint8), "RGBA").save(templates / "brands" / "gone.png")
    use_settings(Settings(out=tmp_path / "out3", templates=templates))
    drawn = compose(CUP, placements=("taobao-main",))["taobao-main"]
    assert "copy-element" not in {each.check for each in drawn.findings}
