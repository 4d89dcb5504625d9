"""The marketer's path on a whole installation of real processes, in a real browser."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.stack.postgres import find_postgres
from flows.stack.stack import Stack
from tasks.delivery.ledger import Ledger, open_ledger
from tests.flows.test_agents import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_postgres() is None, reason="no PostgreSQL server on this machine"),
]
CHROMIUM = Path("/usr/bin/chromium")
PRODUCTS = "sku,title,image,category\nB-1,白瓷杯,cup.png,drinkware\nB-2,绿瓷杯,cup.png,drinkware\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, small_templates: Path) -> Iterator[Stack]:
    import cv2
    import numpy as np

    folder = tmp_path_factory.mktemp("stack")
    for parent in (folder, *folder.parents[:3]):
        os.chmod(parent, 0o755)  # noqa: PTH101, S103 PostgreSQL is another user
    catalogs = folder / "catalogs"
    catalogs.mkdir()
    picture = np.zeros((400, 320, 4), np.uint8)
    cv2.ellipse(picture, (160, 200), (110, 160), 0, 0, 360, (90, 140, 60, 255), -1, cv2.LINE_AA)
    cv2.imwrite(str(catalogs / "cup.png"), picture)
    (catalogs / "cups.csv").write_text(PRODUCTS, encoding="utf-8")
    settings = {
        "SHANGXIN_CATALOG_ROOTS": json.dumps([str(catalogs), "s3://"]),
        "SHANGXIN_TEMPLATES": str(small_templates),
    }
    with Stack(folder / "stack", settings=settings) as whole:
        yield whole


@pytest.fixture(scope="module")
def ledger(stack: Stack) -> Iterator[Ledger]:
    opened = open_ledger(stack.environment["SHANGXIN_DATABASE"])
    yield opened
    opened.close()


@pytest.fixture
def page(stack: Stack) -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium at /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 1600})
        opened.set_default_timeout(60_000)
        deployment = httpx.get(f"{stack.api}/deployments/name/marketing/marketing", trust_env=False).json()
        opened.goto(f"{stack.ui}/deployments/deployment/{deployment['id']}/run")
        opened.get_by_text("商品目录 Catalogue").first.wait_for()
        yield opened
        browser.close()


def test_a_wrong_entry_is_refused_in_the_form_with_its_reason(page: Any) -> None:
    _number(page, "每景张数 Variants").fill("99")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text(re.compile(r"less than or equal to 16|maximum of 16", re.IGNORECASE)).first.wait_for()


def test_a_campaign_started_in_the_browser_comes_out_approved(
    page: Any, stack: Stack, ledger: Ledger, tmp_path: Path
) -> None:
    _number(page, "商品上限 Products").fill("2")
    page.screenshot(path=str(tmp_path / "form.png"), full_page=True)
    page.get_by_role("button", name="Submit").click()
    wait_until(lambda: bool(ledger.runs()), 300)
    run = ledger.runs()[0]
    wait_until(lambda: ledger.run(run.run_id).state == "done", 600)

    counts = ledger.counts(run.run_id)
    assert counts.total >= 2
    assert (counts.failed, counts.unfinished) == (0, 0)
    assert counts.approved > 0
    kinds = _artifacts(stack, run.totals["flow_run"])
    assert {"progress", "markdown", "table"} <= kinds.keys()
    assert "data:image/webp;base64," in kinds["markdown"]
    assert "审片页 Approval page" in kinds["markdown"]
    assert "已通过 approved" in json.dumps(kinds["table"], ensure_ascii=False)
    page.goto(f"{stack.ui}/runs/flow-run/{run.totals['flow_run']}")
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("总览 Contact sheet").first.wait_for()
    page.screenshot(path=str(tmp_path / "run.png"))


def test_cancel_leaves_a_plan_that_can_be_taken_up(stack: Stack, ledger: Ledger) -> None:
    with httpx.Client(base_url=stack.api, trust_env=False) as client:
        deployment = client.get("/deployments/name/marketing/marketing").json()
        order = {"order": {"variants": 8, "limit": 2}}
        made = client.post(f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": order}).json()
        wait_until(lambda: _led_by(ledger, made["id"]) != "", 300)
        run_id = _led_by(ledger, made["id"])
        wait_until(lambda: ledger.counts(run_id).by_state.get("done", 0) > 0, 300)
        client.post(f"/flow_runs/{made['id']}/set_state", json={"state": {"type": "CANCELLING", "name": "Cancelling"}})
        wait_until(lambda: ledger.run(run_id).cancelled, 120)
        wait_until(lambda: not ledger.counts(run_id).by_state.get("leased", 0), 120)
    counts = ledger.counts(run_id)
    assert counts.by_state.get("ready", 0) > 0
    assert counts.failed == 0


def _led_by(ledger: Ledger, flow_run_id: str) -> str:
    return next((run.run_id for run in ledger.runs() if run.totals.get("flow_run") == flow_run_id), "")


def _artifacts(stack: Stack, flow_run_id: str) -> dict[str, Any]:
    body = {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}}
    found = httpx.post(f"{stack.api}/artifacts/filter", json=body, trust_env=False).json()
    return {each["type"]: each["data"] for each in found}


def _number(page: Any, label: str) -> Any:
    return page.get_by_label(re.compile(label)).first
