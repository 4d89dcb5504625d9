"""Labels and mark of a brief: whose, on which set, and when they are made anew."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.catalog.brief import CampaignBrief
from tasks.compose import Picture, compose_master
from tasks.delivery.labels import Origin, digest_picture, read_labels
from tasks.delivery.ledger import Rendition
from tasks.errors import ConfigurationError
from tasks.labelling import Labelling
from tasks.rendering.job import ModelRef, RenderJob
from tasks.settings import PROJECT, Settings, use_settings
from tasks.workplace import Workplace, open_workplace
from tests.banners.drawn import draw_master

pytestmark = pytest.mark.usefixtures("here")

BRIEF = CampaignBrief(catalog="goods.csv", placements=("google-300x250", "google-320x50"))


def labelling(**changes: Any) -> Labelling:
    return Labelling(open_workplace(), BRIEF.model_copy(update=changes))


def compose(brief: Labelling, **facts: str) -> dict[str, Rendition]:
    master = draw_master("table", width=512, height=512)
    job = RenderJob(
        model=ModelRef(name="kolors-nano", revision="abc"),
        prompt="木桌",
        seed=1,
        width=512,
        height=512,
        product_image="a" * 64,
    )
    origin = Origin(job, job.job_id, 0, "杯/1", "wood-morning", 0)
    picture = Picture(origin, facts, master.pixels, master.product_box, master.alpha)
    return {made.placement: made for made in compose_master(open_workplace().store, picture, brief.placements, brief)}


def stored(made: Rendition) -> bytes:
    return open_workplace().store.get(made.key)


def checks(made: Rendition) -> dict[str, bool]:
    return {finding.check: finding.passed for finding in made.findings}


def test_marked_and_unmarked_sets_lie_apart() -> None:
    plain, marked = compose(labelling()), compose(labelling(visible_mark=True))
    assert set(plain) == {"google-300x250", "google-320x50"}
    assert set(marked) == {"google-300x250.marked", "google-320x50.marked"}
    assert {made.rule for made in plain.values()}.isdisjoint({made.rule for made in marked.values()})
    assert plain["google-300x250"].key.startswith("renditions/google-300x250/%E6%9D%AF%2F1/")
    assert marked["google-300x250.marked"].key.startswith("renditions/google-300x250.marked/%E6%9D%AF%2F1/")
    for made in (*plain.values(), *marked.values()):
        assert checks(made)["labels"]
        assert ("visible-mark" in checks(made)) is made.placement.endswith(".marked")
        assert open_workplace().store.exists(made.key)


def test_credits_are_the_brands_and_the_producer_the_settings(small_templates: Path, tmp_path: Path) -> None:
    labels = read_labels(stored(compose(labelling(), brand="青屿")["google-300x250"]))
    assert labels.aigc is not None
    assert (labels.aigc.content_producer, labels.creator, labels.owner) == ("青屿品牌视觉组", "青屿品牌视觉组", "青屿")
    assert "保留所有权利" in labels.rights

    overruled = read_labels(stored(compose(labelling(brand="shanyue"), brand="青屿")["google-300x250"]))
    assert overruled.owner == "山月"

    nobody = read_labels(stored(compose(labelling(), brand="无名")["google-300x250"]))
    assert nobody.aigc is not None
    assert (nobody.aigc.content_producer, nobody.owner) == ("上新 Shangxin", "")

    settings = Settings(out=tmp_path / "out", templates=small_templates, content_producer="91330100MA2X")
    use_settings(settings)
    coded = read_labels(stored(compose(labelling(), brand="青屿")["google-300x250"]))
    assert coded.aigc is not None
    assert (coded.aigc.content_producer, coded.creator) == ("91330100MA2X", "青屿品牌视觉组")


def test_other_credits_or_words_are_another_rule(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(PROJECT / "templates", templates)
    settings = Settings(out=tmp_path / "out", templates=templates)

    def rule(**changes: Any) -> str:
        with_settings = settings.model_copy(update={"content_producer": changes.pop("producer", "")})
        return Labelling(Workplace(with_settings), BRIEF.model_copy(update=changes)).placements[0].digest

    rules = [
        rule(),
        rule(producer="91330100MA2X"),
        rule(brand="qingyu"),
        rule(visible_mark=True),
        rule(visible_mark=True, mark_text="人工智能生成"),
    ]
    assert rule(mark_text="AI合成") == rules[0]  # no mark, no text
    brand = templates / "brands" / "qingyu.yaml"
    brand.write_text(brand.read_text(encoding="utf-8").replace("© 2026", "© 2027"), encoding="utf-8")
    rules.append(rule())
    assert len(set(rules)) == len(rules)


def test_the_mark_speaks_the_products_language_or_the_briefs_words() -> None:
    chinese = compose(labelling(visible_mark=True), locale="zh-CN")["google-300x250.marked"]
    english = compose(labelling(visible_mark=True), locale="en")["google-300x250.marked"]
    own = compose(labelling(visible_mark=True, mark_text="AI-generated"), locale="zh-CN")["google-300x250.marked"]
    assert english.findings[-1].check == "labels"
    assert chinese.sha256 != english.sha256
    assert chinese.rule != own.rule
    boxes = [
        next(finding.box for finding in made.findings if finding.check == "visible-mark")
        for made in (chinese, english, own)
    ]
    assert boxes[1] == boxes[2] != boxes[0]


def test_words_that_the_font_lacks_are_told_before_anything_is_drawn() -> None:
    with pytest.raises(ConfigurationError, match=r"mark_text '龘': .* has no 龘"):
        labelling(visible_mark=True, mark_text="龘")


def test_the_stored_bytes_are_what_the_digest_says() -> None:
    for made in compose(labelling(visible_mark=True)).values():
        data = stored(made)
        assert digest_picture(data) == read_labels(data).picture
        assert np.frombuffer(data, np.uint8).size == made.bytes
