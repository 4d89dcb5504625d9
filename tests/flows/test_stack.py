"""The marketer's path on a whole installation of real processes, in a real browser."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from flows.stack.postgres import USER, find_postgres
from flows.stack.stack import BUCKET, Stack
from tasks.delivery.ledger import Ledger, open_ledger
from tasks.render import IN_HAND
from tests.flows.test_agents import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
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
        opened.set_default_timeout(90_000)
        yield opened
        browser.close()


@pytest.fixture
def form(page: Any, stack: Stack) -> Any:
    """The run form of the marketing deployment, in the UI that Prefect opens by itself."""
    deployment = httpx.get(f"{stack.api}/deployments/name/marketing/marketing", trust_env=False).json()
    page.goto(f"{stack.ui}/v2/deployments/deployment/{deployment['id']}/run")
    page.get_by_text("商品目录 Catalogue").first.wait_for()
    return page


def test_the_form_explains_itself_and_offers_lists(form: Any, tmp_path: Path) -> None:
    for title in ("场景 Scenes", "版位 Placements", "品牌 Brand", "预算上限 Max cost (USD)", "可见标识 Visible mark"):
        assert form.get_by_text(title).first.is_visible()
    assert form.get_by_text("Several may be chosen; none: all that fit each category.").first.is_visible()
    _choose(form, "场景 Scenes", "festive-red 节日红")
    form.get_by_label("版位 Placements").first.click()
    assert form.get_by_role("option", name="all 63 个版位 placements").is_visible()
    form.keyboard.press("Escape")
    form.screenshot(path=str(tmp_path / "form.png"), full_page=True)


def test_a_wrong_entry_is_refused_in_the_form_with_its_reason(form: Any, stack: Stack) -> None:
    before = _orders(stack)
    number = form.get_by_label("每景张数 Variants").first
    number.fill("99")
    _submit(form)
    assert "less than or equal to 16" in number.evaluate("field => field.validationMessage")
    number.fill("1")
    form.get_by_label("目录地址 Catalogue address").first.fill("file:///etc/passwd")
    _submit(form)
    form.get_by_text("does not match '^(s3://.+/.+)?$'").first.wait_for()
    assert _orders(stack) == before


def test_a_campaign_started_in_the_browser_comes_out_approved(
    form: Any, stack: Stack, ledger: Ledger, tmp_path: Path
) -> None:
    _choose(form, "场景 Scenes", "festive-red 节日红", "white-studio 白底主图")
    form.get_by_label("商品上限 Products at most").first.fill("2")
    _submit(form)
    wait_until(lambda: bool(ledger.runs() and ledger.runs()[0].totals.get("flow_run")), 300)
    run = ledger.runs()[0]
    wait_until(lambda: ledger.run(run.run_id).state == "done", 900)

    counts = ledger.counts(run.run_id)
    assert counts.total == 4
    assert (counts.failed, counts.unfinished) == (0, 0)
    assert counts.approved > 0
    flow_run = run.totals["flow_run"]
    wait_until(lambda: {"progress", "contact-sheet", "verdicts", "report"} <= _artifacts(stack, flow_run).keys(), 60)
    shown = _artifacts(stack, flow_run)
    assert "data:image/webp;base64," in shown["contact-sheet"]["data"]
    assert json.loads(shown["verdicts"]["data"])[0]["结果 outcome"] == "已通过 approved"
    assert shown["progress"]["data"] == 100.0
    assert f"花费 cost {ledger.spent(run.run_id):,.2f} USD" in shown["progress"]["description"]
    form.goto(f"{stack.ui}/v2/runs/flow-run/{flow_run}")
    form.get_by_role("tab", name="Artifacts").click()
    form.get_by_text("总览 Contact sheet").first.wait_for()
    form.screenshot(path=str(tmp_path / "run.png"))
    _follow_the_links(form, stack, shown["contact-sheet"], tmp_path)


def _follow_the_links(page: Any, stack: Stack, sheet: dict[str, Any], folder: Path) -> None:
    """From the contact sheet to the report and to the page where people decide."""
    stack.serve_review()
    page.goto(f"{stack.ui}/v2/artifacts/artifact/{sheet['id']}")
    page.get_by_role("link", name="报告 Report").wait_for()
    page.screenshot(path=str(folder / "sheet.png"), full_page=True)
    report, approval = (
        page.get_by_role("link", name=name).get_attribute("href") for name in ("报告 Report", "审片页 Approval page")
    )
    wait_until(lambda: _is_there(report), 120)
    page.goto(report)
    page.get_by_role("link", name="原图 Master").first.wait_for(state="attached")
    page.screenshot(path=str(folder / "report.png"))
    master = page.get_by_role("link", name="原图 Master").first.evaluate("link => link.href")
    assert httpx.get(master, trust_env=False).headers["content-type"] == "image/png"
    page.goto(approval)
    assert page.locator("main").first.is_visible()


def test_cancel_in_the_ui_stops_within_a_batch_and_leaves_a_plan_that_is_taken_up(
    page: Any, stack: Stack, ledger: Ledger
) -> None:
    with httpx.Client(base_url=stack.api, trust_env=False, timeout=60) as client:
        deployment = client.get("/deployments/name/marketing/marketing").json()
        order = {"order": {"variants": 3, "limit": 2}}
        made = client.post(f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": order}).json()
        wait_until(lambda: _led_by(ledger, made["id"]) != "", 300)
        run_id = _led_by(ledger, made["id"])
        page.goto(f"{stack.ui}/v2/runs/flow-run/{made['id']}")
        menu = page.get_by_role("button", name="Open menu").last
        menu.wait_for()
        wait_until(lambda: _made_now(ledger, run_id) > 0, 300)
        menu.click()
        page.get_by_role("menuitem", name="Cancel", exact=True).click()
        page.get_by_role("alertdialog").get_by_role("button", name="Cancel Flow Run").click()
        wait_until(lambda: ledger.run(run_id).cancelled, 300)
        finished = ledger.counts(run_id).by_state.get("done", 0)
        wait_until(lambda: not ledger.counts(run_id).by_state.get("leased", 0), 400)
        counts = ledger.counts(run_id)
        assert counts.by_state.get("ready", 0) > 0
        assert counts.failed == 0
        assert counts.by_state["done"] - finished <= len(stack.agents) * IN_HAND
        wait_until(lambda: client.get(f"/flow_runs/{made['id']}").json()["state_type"] == "CANCELLED", 300)

        again = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}  # the UI's Retry
        client.post(f"/flow_runs/{made['id']}/set_state", json=again).raise_for_status()
        wait_until(lambda: ledger.run(run_id).state == "done", 900)
    assert ledger.counts(run_id).unfinished == 0
    assert _led_by(ledger, made["id"]) == run_id


def test_no_secret_reaches_a_log_a_parameter_or_an_object(stack: Stack) -> None:
    """What the campaigns above have left: logs of every process, Prefect's tables, ledger, everything in the store."""
    secret = stack.environment["SHANGXIN_S3_SECRET_KEY"].encode()
    looked_at = 0
    for path in stack.folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(stack.folder / "postgres"):
            assert secret not in path.read_bytes(), path
            looked_at += 1
    assert looked_at > 6
    for name in ("prefect", "ledger"):
        dumped = _dump(stack, name)
        assert b"flow_run" in dumped
        assert secret not in dumped, name
    client = boto3.client("s3", endpoint_url=stack.s3_endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        assert secret not in client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read(), entry["Key"]
    client.close()


def _dump(stack: Stack, database: str) -> bytes:
    """Every row of a database, parameters and logs of Prefect's runs among them."""
    assert stack.binaries is not None
    address = stack.environment["SHANGXIN_DATABASE"].rpartition("@")[2].partition("/")[0]
    host, _, port = address.partition(":")
    command = [str(stack.binaries / "pg_dump"), "-h", host, "-p", port, "-U", USER, "--data-only", database]
    return subprocess.run(command, check=True, capture_output=True).stdout


def _choose(form: Any, field: str, *options: str) -> None:
    form.get_by_label(field).first.click()
    for option in options:
        form.get_by_role("option", name=option).click()
    form.keyboard.press("Escape")


def _submit(form: Any) -> None:
    form.get_by_role("button", name="Submit").click()


def _orders(stack: Stack) -> int:
    """Marketing runs that there are."""
    body = {"flows": {"name": {"any_": ["marketing"]}}}
    return int(httpx.post(f"{stack.api}/flow_runs/count", json=body, trust_env=False).json())


def _is_there(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _made_now(ledger: Ledger, run_id: str) -> int:
    """Pictures done that an earlier campaign had not made."""
    return sum(record.fresh and record.state == "done" for record in ledger.results(run_id))


def _led_by(ledger: Ledger, flow_run_id: str) -> str:
    return next((run.run_id for run in ledger.runs() if run.totals.get("flow_run") == flow_run_id), "")


def _artifacts(stack: Stack, flow_run_id: str) -> dict[str, Any]:
    body = {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}}
    found = httpx.post(f"{stack.api}/artifacts/filter", json=body, trust_env=False).json()
    return {each["key"]: each for each in found}
