from pathlib import Path

import pytest

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.brief import CampaignBrief
from tasks.planning import plan_batches
from tasks.settings import Settings
from tasks.workplace import Workplace

IMAGES = Path(__file__).parents[2] / "catalogs" / "sample" / "images"


def planned(tmp_path: Path, rows: list[str]) -> tuple[set[str], list[BadRow]]:
    """SKUs that would be rendered, and the rows that would not."""
    (tmp_path / "mug.jpg").write_bytes(next(IMAGES.glob("*.jpg")).read_bytes())
    catalog = tmp_path / "products.csv"
    catalog.write_text("\n".join(["sku,title,image,category,copy", *rows]), encoding="utf-8")
    bad: list[BadRow] = []
    brief = CampaignBrief(catalog=str(catalog), scenes=("wood-morning",))
    jobs = [job for batch in plan_batches(Workplace(Settings(out=tmp_path)), brief, bad.append) for job in batch]
    return {job.sku for job in jobs}, bad


def test_forbidden_words_in_copy_fail_before_rendering_and_leave_the_others_alone(tmp_path: Path) -> None:
    skus, bad = planned(
        tmp_path,
        [
            "A,马克杯,mug.jpg,drinkware,手感温润",
            "B,马克杯,mug.jpg,drinkware,全网第一的杯子",
            "C,国家级马克杯,mug.jpg,drinkware,",
        ],
    )

    assert skus == {"A"}
    assert [(row.line, row.column) for row in bad] == [(3, "copy"), (4, "title")]
    assert bad[1].value == "国家级"
    assert "广告法" in bad[1].reason


@pytest.mark.parametrize("copy", ["最近流行的杯子", "第一次用就喜欢"])
def test_harmless_words_around_a_forbidden_one_pass(tmp_path: Path, copy: str) -> None:
    assert planned(tmp_path, [f"A,马克杯,mug.jpg,drinkware,{copy}"]) == ({"A"}, [])
