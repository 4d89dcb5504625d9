"""Where a crop would cut the product, a master of the wider ratio is rendered: the same product, more of the scene."""

from pathlib import Path

import pytest

from tasks.banners.masters import CONTINUED
from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_stored
from tasks.delivery.ledger import JobRecord
from tasks.settings import PROJECT, Settings, use_settings
from tasks.shapes import Size
from tests.flows.rendering import approve, render_planned

PLACEMENTS = ("taobao-main", "google-300x600")


def render(folder: Path, masters: int) -> list[JobRecord]:
    """The sample's shoe by kolors-nano, in a square and in a tall placement."""
    use_settings(Settings(out=folder / f"out-{masters}"))
    shoe = PROJECT / "catalogs/sample/images/sneaker.jpg"
    (folder / shoe.name).write_bytes(shoe.read_bytes())
    (folder / "goods.csv").write_text(f"sku,title,image,category\nA,跑步鞋,{shoe.name},footwear\n", encoding="utf-8")
    brief = CampaignBrief(
        catalog=str(folder / "goods.csv"), scenes=("concrete-loft",), placements=PLACEMENTS, masters=masters,
        model="kolors-nano",
    )  # fmt: skip
    workplace = render_planned(brief, "run-1")
    for record in workplace.ledger.results("run-1"):
        assert record.verdict is not None
        (kept,) = [each for each in record.verdict.findings if each.check == "paste"]
        assert kept.passed  # the product's own pixels, bit for bit
        approve(workplace.ledger, record)
    sum(compose_stored(workplace, "run-1", brief))
    return list(workplace.ledger.results("run-1"))


def extension_of(records: list[JobRecord], placement: str) -> float:
    (made,) = [made for record in records for made in record.renditions if made.placement == placement]
    (found,) = [each.value for each in made.findings if each.check == "extension"]
    assert found is not None
    return found


@pytest.mark.slow
def test_a_tall_placement_of_a_wide_product_is_rendered_instead_of_continued(tmp_path: Path) -> None:
    one, two = render(tmp_path, 1), render(tmp_path, 2)
    use_settings(None)

    assert [record.job.size for record in one] == [Size(1024, 1024)]
    assert extension_of(one, "google-300x600") > 2 * CONTINUED

    shapes = {record.job.size: record for record in two}
    assert len(shapes) == 2
    tall = shapes[min(shapes, key=lambda size: size.ratio)]
    assert tall.job.size.ratio < 0.6
    assert [made.placement for made in tall.renditions] == ["google-300x600"]
    assert extension_of(two, "google-300x600") <= CONTINUED
