"""Agents as real processes on a real Prefect server: warm, killed, drained, cancelled, refused."""

import contextvars
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from flows.campaign import produce_campaign
from flows.dispatch import run_tag
from flows.registering import register
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.ledger import Ledger
from tasks.delivery.manifest import comparable, read_manifest
from tasks.selftest import check_renderer, self_test_key
from tasks.settings import PROJECT, Settings, use_settings
from tasks.workplace import Workplace, open_workplace

pytestmark = pytest.mark.timeout(1500)

PRODUCTS = 8
SCENES = ("white-studio", "wood-morning")
JOBS = PRODUCTS * len(SCENES)
MODEL = "sleep-60ms"
PATIENCE_SECONDS = 600.0  # of a machine with other things to do
PACE = {
    "PREFECT_WORKER_QUERY_SECONDS": "0.3",
    "SHANGXIN_SHARD_SIZE": "12",
    "SHANGXIN_LEASE_SECONDS": "20",
    "SHANGXIN_TURN_SECONDS": "1",
}


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("goods")
    picture = np.zeros((200, 160, 4), np.uint8)
    cv2.ellipse(picture, (80, 100), (55, 80), 0, 0, 360, (90, 140, 60, 255), -1)
    cv2.imwrite(str(folder / "cup.png"), picture)
    rows = [f"S-{number},杯{number},cup.png,drinkware" for number in range(PRODUCTS)]
    path = folder / "goods.csv"
    path.write_text("\n".join(["sku,title,image,category", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def registered(prefect_server: str) -> str:
    register()
    return prefect_server


@pytest.fixture
def floor(registered: str, small_templates: Path, tmp_path: Path) -> Iterator["Floor"]:
    """A folder of its own, and whatever agents the test starts in it."""
    use_settings(Settings(out=tmp_path / "out", templates=small_templates, dispatch="agents", shard_size=12))
    place = Floor(registered, tmp_path, small_templates)
    yield place
    place.clear()
    use_settings(None)


class Floor:
    """Agents at work on one ledger, and a campaign in a thread of this process."""

    def __init__(self, server: str, folder: Path, templates: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            **PACE,
            "PREFECT_API_URL": server,
            "PREFECT_HOME": str(folder / "prefect"),
            "SHANGXIN_OUT": str(folder / "out"),
            "SHANGXIN_TEMPLATES": str(templates),
            "SHANGXIN_DEVICE": "cpu",
            "PYTHONPATH": str(PROJECT),
        }
        self._agents: list[subprocess.Popen[bytes]] = []
        self._flow: threading.Thread | None = None
        self.summary: dict[str, Any] = {}

    @property
    def ledger(self) -> Ledger:
        return open_workplace().ledger

    def hire(self) -> psutil.Popen:
        log = (self._folder / f"agent-{len(self._agents)}.log").open("wb")
        command = [sys.executable, "-m", "flows", "agent", "--cards", "1", "--models", MODEL]
        agent = psutil.Popen(
            command, env=self._environment, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        self._agents.append(agent)
        return agent

    def resident(self, agent: psutil.Popen) -> psutil.Process:
        """The agent's render process, once it has reported."""
        wait_until(lambda: bool(agent.children()) and bool(self.ledger.agents()))
        return next(child for child in agent.children() if "flows.resident" in " ".join(child.cmdline()))

    def produce(self, goods: Path, run_id: str) -> None:
        brief = CampaignBrief(catalog=str(goods), scenes=SCENES, placements=("taobao-main",), model=MODEL)

        def work() -> None:
            self.summary = produce_campaign(brief, run_id)

        here = contextvars.copy_context()  # Prefect's settings are the context's, and a thread begins with none
        self._flow = threading.Thread(target=here.run, args=(work,))
        self._flow.start()

    def finish(self) -> dict[str, Any]:
        assert self._flow is not None
        self._flow.join(PATIENCE_SECONDS)
        assert not self._flow.is_alive(), self.logs()
        return self.summary

    def done(self, run_id: str, number: int) -> None:
        wait_until(lambda: self._done(run_id) >= number)

    def _done(self, run_id: str) -> int:
        if not any(run.run_id == run_id for run in self.ledger.runs()):
            return 0
        return self.ledger.counts(run_id).by_state.get("done", 0)

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self._folder.glob("agent-*.log"))

    def clear(self) -> None:
        for agent in self._agents:
            if agent.poll() is None:
                agent.terminate()
        for agent in self._agents:
            agent.wait(PATIENCE_SECONDS)
        if self._flow is not None:
            self._flow.join(PATIENCE_SECONDS)


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def tickets(run_id: str) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(limit=200)
    return [run for run in runs if run_tag(run_id) in run.tags]


def manifest(run_id: str) -> list[dict[str, Any]]:
    data = open_workplace().store.get(manifest_key(run_id))
    return [comparable(line) for line in read_manifest(data)]


@pytest.fixture(scope="module")
def undisturbed(goods: Path, small_templates: Path, prefect_server: str, tmp_path_factory: Any) -> list[dict[str, Any]]:
    """What a run in one process comes to."""
    use_settings(Settings(out=tmp_path_factory.mktemp("undisturbed"), templates=small_templates))
    brief = CampaignBrief(catalog=str(goods), scenes=SCENES, placements=("taobao-main",), model=MODEL)
    produce_campaign(brief, "undisturbed")
    found = manifest("undisturbed")
    use_settings(None)
    assert len(found) == JOBS
    return found


@pytest.mark.slow
def test_two_agents_render_a_campaign_with_models_loaded_once(
    floor: Floor, goods: Path, undisturbed: list[dict[str, Any]]
) -> None:
    floor.hire()
    floor.hire()
    wait_until(lambda: len(floor.ledger.agents()) == 2)
    floor.produce(goods, "warm")

    assert floor.finish()["unfinished"] == 0
    assert manifest("warm") == undisturbed
    shards = [run for run in tickets("warm") if run.state_name == "Completed"]
    assert len(shards) >= 4
    assert len({run.infrastructure_pid for run in shards}) == 2  # one process an agent, whatever the number of shards
    assert {agent.model for agent in floor.ledger.agents()} == {MODEL}


@pytest.mark.slow
def test_a_killed_renderer_crashes_its_run_and_nothing_is_lost_or_made_twice(
    floor: Floor, goods: Path, undisturbed: list[dict[str, Any]]
) -> None:
    agent = floor.hire()
    victim = floor.resident(agent)
    floor.produce(goods, "killed")
    floor.done("killed", 5)
    victim.kill()

    assert floor.finish()["unfinished"] == 0
    assert manifest("killed") == undisturbed
    assert "Crashed" in {run.state_name for run in tickets("killed")}
    assert floor.resident(agent).pid != victim.pid
    records = list(floor.ledger.results("killed"))
    assert 0 < sum(record.failures for record in records) <= 8  # only what it had in hand


@pytest.mark.slow
def test_sigterm_drains_and_another_agent_goes_on(floor: Floor, goods: Path, undisturbed: list[dict[str, Any]]) -> None:
    first = floor.hire()
    floor.produce(goods, "drained")
    floor.done("drained", 3)
    first.send_signal(signal.SIGTERM)

    assert first.wait(PATIENCE_SECONDS) == 0
    assert not floor.ledger.owners()
    assert not any(record.failures for record in floor.ledger.results("drained"))
    floor.hire()
    assert floor.finish()["unfinished"] == 0
    assert manifest("drained") == undisturbed


def test_cancel_stops_within_a_batch_and_leaves_the_rest_ready(floor: Floor, goods: Path) -> None:
    floor.hire()
    floor.produce(goods, "cancelled")
    floor.done("cancelled", 3)
    floor.ledger.cancel("cancelled")
    summary = floor.finish()

    assert 0 < summary["unfinished"] < JOBS
    assert set(floor.ledger.counts("cancelled").by_state) == {"done", "ready"}
    assert floor.ledger.run("cancelled").state == "stopped"


def test_a_renderer_does_not_outlive_its_parent(floor: Floor) -> None:
    agent = floor.hire()
    resident = floor.resident(agent)
    agent.kill()
    assert resident.wait(PATIENCE_SECONDS) is not None or not resident.is_running()


def test_an_agent_whose_self_test_differs_refuses_work(floor: Floor) -> None:
    workplace = open_workplace()
    assert check_renderer(workplace, MODEL) == 0.0
    key = self_test_key(workplace, MODEL)
    wrong = cv2.imdecode(np.frombuffer(workplace.store.get(key), np.uint8), cv2.IMREAD_COLOR)
    wrong[:, :128] = 255 - wrong[:, :128]  # as half of a card's memory gone bad would draw it
    workplace.store.put(key, cv2.imencode(".png", wrong)[1].tobytes(), content_type="image/png")

    agent = floor.hire()
    assert agent.wait(PATIENCE_SECONDS) == 2
    assert "self-test picture" in floor.logs()
    assert not floor.ledger.agents()


def test_the_first_agent_of_a_model_records_the_picture(tmp_path: Path) -> None:
    workplace = Workplace(Settings(out=tmp_path))
    assert check_renderer(workplace, "sleep-0ms") == 0.0
    assert workplace.store.exists(self_test_key(workplace, "sleep-0ms"))
    shutil.rmtree(tmp_path)
