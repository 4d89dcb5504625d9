"""`make stack` on a machine without PostgreSQL: it says so, and a campaign comes out all the same."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.embedded import free_port
from flows.stack.postgres import find_postgres
from tasks.delivery.ledger import open_ledger
from tasks.settings import PROJECT
from tests.flows.conftest import draw_catalogue
from tests.flows.test_agents import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def stack_command(what: str, folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "flows.stack", what, str(folder), *words]


@pytest.fixture
def environment(tmp_path: Path, small_templates: Path) -> Iterator[dict[str, str]]:
    folder = tmp_path / "catalogs"
    folder.mkdir()
    draw_catalogue(folder)
    yield {
        **os.environ,
        "SHANGXIN_CATALOG_ROOTS": json.dumps([str(folder)]),
        "SHANGXIN_TEMPLATES": str(small_templates),
        "PYTHONPATH": str(PROJECT),
    }
    subprocess.run(
        stack_command("stop", tmp_path / "stack"), check=True, env={**os.environ, "PYTHONPATH": str(PROJECT)}
    )


def test_the_stack_says_that_it_does_without_postgresql_and_works(environment: dict[str, str], tmp_path: Path) -> None:
    words = ["--agents", "1", "--port", str(free_port()), "--sqlite"]
    done = subprocess.run(
        stack_command("start", tmp_path / "stack", *words), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SQLite, which is for trying only" in done.stdout
    assert "PostgreSQL" not in done.stdout.replace("which is for trying only: as asked for", "")
    told: dict[str, Any] = json.loads((tmp_path / "stack" / "stack.json").read_text(encoding="utf-8"))
    assert "SHANGXIN_DATABASE" not in told["environment"]

    with httpx.Client(base_url=f"{told['ui']}/api", trust_env=False, timeout=60) as client:
        deployment = client.get("/deployments/name/produce-campaign/campaign").json()
        brief = {"catalog": "goods.csv", "scenes": ["white-studio"], "placements": ["taobao-main"], "limit": 1}
        order = f"/deployments/{deployment['id']}/create_flow_run"
        answer = client.post(order, json={"parameters": {"brief": brief}})
        assert answer.is_success, answer.text
        made = answer.json()
        wait_until(lambda: client.get(f"/flow_runs/{made['id']}").json()["state_type"] == "COMPLETED", 500)
    ledger = open_ledger(f"sqlite:///{tmp_path}/stack/out/ledger.db")
    counts = ledger.counts(ledger.runs()[0].run_id)
    ledger.close()
    assert (counts.total, counts.unfinished, counts.failed) == (1, 0, 0)


def test_postgresql_is_looked_for_on_the_path_and_where_debian_puts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("flows.stack.postgres.DEBIAN", tmp_path)
    assert find_postgres() is None
    (tmp_path / "15" / "bin").mkdir(parents=True)
    assert find_postgres() == tmp_path / "15" / "bin"
