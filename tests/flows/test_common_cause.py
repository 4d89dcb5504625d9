"""A run of the draft model in which nothing can pass: it says why before anything else."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from flows.campaign import produce_campaign
from flows.run_page import RunPage
from flows.summary import print_summary
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import report_key
from tasks.workplace import open_workplace


@pytest.fixture
def cut_photographs(tmp_path: Path) -> Path:
    """Two products whose photographs end in the middle of them."""
    for number in range(2):
        picture = np.full((300, 240, 3), 246, np.uint8)
        cv2.ellipse(picture, (240, 150), (130, 100 + 20 * number), 0, 0, 360, (40, 60, 150), -1, cv2.LINE_AA)
        cv2.imwrite(str(tmp_path / f"cut{number}.png"), picture)
    path = tmp_path / "cut.csv"
    path.write_text("sku,title,image,category\nA,杯,cut0.png,drinkware\nB,壶,cut1.png,drinkware\n", encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server", "here")
def test_where_every_photograph_is_cut_the_run_says_so_first(cut_photographs: Path) -> None:
    brief = CampaignBrief(catalog=str(cut_photographs), scenes=("wood-morning",), placements=("taobao-main",))
    counts = produce_campaign(brief, "run-1")
    assert (counts["rejected"], counts["total"]) == (2, 2)

    workplace, console = open_workplace(), Console(record=True, width=200)
    print_summary(workplace, "run-1", console)
    said = console.export_text().strip().splitlines()[0]
    assert "The likeliest common cause: 商品原图不完整 Product cut off in its own photo (2/2)" in said
    page = workplace.store.get(report_key("run-1")).decode()
    assert page.index("最可能的共同原因") < page.index('class="figures"')
    sheet = RunPage(workplace, "run-1")._sheet(workplace.ledger.counts("run-1"))
    assert "Product cut off in its own photo" in sheet.splitlines()[0]
