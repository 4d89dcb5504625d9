"""Agents as real processes on a real Prefect server: warm, killed, drained, cancelled, refused."""

import contextvars
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import cv2
import numpy as np
import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.utilities.services import critical_service_loop

from flows.agent import GpuWorker
from flows.campaign import produce_campaign
from flows.dispatch import SHARDS, run_tag
from flows.queues import queue_of
from flows.registering import register
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.ledger import Ledger
from tasks.delivery.manifest import comparable, read_manifest
from tasks.runs import owner_name
from tasks.selftest import check_renderer, self_test_key
from tasks.settings import PROJECT, Settings, use_settings
from tasks.workplace import Workplace, open_workplace
from tests.flows.wire import Wire

pytestmark = pytest.mark.timeout(1500)

PRODUCTS = 6
SCENES = ("white-studio", "wood-morning")
JOBS = PRODUCTS * len(SCENES)
MODEL = "sleep-60ms"
SHARD = 4
PATIENCE_SECONDS = 600.0  # of a machine with other things to do
LOOKS_OF_PREFECTS = 12  # in vain, after which Prefect's own worker ends: three, four times over
PACE = {
    "PREFECT_WORKER_QUERY_SECONDS": "0.3",
    "SHANGXIN_SHARD_SIZE": str(SHARD),
    "SHANGXIN_LEASE_SECONDS": "20",
    "SHANGXIN_TURN_SECONDS": "0.5",
}


@pytest.fixture(scope="module")
def floor(prefect_server: str, small_templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Floor"]:
    """One ledger and its agents for all tests here: an agent's start costs more than most of them."""
    register()
    place = Floor(prefect_server, tmp_path_factory.mktemp("floor"), small_templates)
    yield place
    place.clear()
    use_settings(None)


class Floor:
    """Agents at work on one ledger, and a campaign in a thread of this process."""

    def __init__(self, server: str, folder: Path, templates: Path) -> None:
        self._folder, self._templates = folder, templates
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
        self._agents: list[psutil.Popen] = []
        self._flow: threading.Thread | None = None
        self.summary: dict[str, Any] = {}
        self.open()

    def open(self) -> None:
        """Put this place's settings in force."""
        out = self._folder / "out"
        use_settings(Settings(out=out, templates=self._templates, dispatch="agents", shard_size=SHARD))

    @property
    def ledger(self) -> Ledger:
        return open_workplace().ledger

    def goods(self, name: str) -> Path:
        """A catalogue of a test's own: what the ledger knows is not rendered again."""
        picture = np.zeros((200, 160, 4), np.uint8)
        cv2.ellipse(picture, (80, 100), (55, 80), 0, 0, 360, (90, 140, 60, 255), -1)
        cv2.imwrite(str(self._folder / "cup.png"), picture)
        rows = [f"{name}-{number},杯{number},cup.png,drinkware" for number in range(PRODUCTS)]
        path = self._folder / f"{name}.csv"
        path.write_text("\n".join(["sku,title,image,category", *rows]) + "\n", encoding="utf-8")
        return path

    def undisturbed(self, name: str) -> list[dict[str, Any]]:
        """What a run of those goods in one process comes to."""
        use_settings(Settings(out=self._folder / f"{name}-undisturbed", templates=self._templates))
        produce_campaign(self._brief(name), name)
        found = manifest(name)
        self.open()
        assert len(found) == JOBS
        return found

    def crew(self, size: int) -> list[psutil.Popen]:
        """So many agents whose renderers have reported."""
        alive = [agent for agent in self._agents if agent.poll() is None]
        alive += [self.hire() for _ in range(size - len(alive))]
        for agent in alive:
            self.resident(agent)
        return alive

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

        def found() -> psutil.Process | None:
            known = {reported.id for reported in self.ledger.agents()}
            return next((child for child in agent.children() if owner_name(child.pid) in known), None)

        wait_until(lambda: found() is not None)
        resident = found()
        assert resident is not None
        return resident

    def produce(self, name: str) -> None:
        def work() -> None:
            self.summary = produce_campaign(self._brief(name), name)

        here = contextvars.copy_context()  # Prefect's settings are the context's, and a thread begins with none
        self._flow = threading.Thread(target=here.run, args=(work,))
        self._flow.start()

    def at_work(self, pairs: list[tuple[psutil.Popen, psutil.Process]]) -> tuple[psutil.Popen, psutil.Process]:
        """The first of agents and renderers that holds a lease."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            owners = self.ledger.owners()
            for agent, resident in pairs:
                if owner_name(resident.pid) in owners:
                    return agent, resident
        raise AssertionError("nobody took anything")

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

    def _brief(self, name: str) -> CampaignBrief:
        return CampaignBrief(catalog=str(self.goods(name)), scenes=SCENES, placements=("taobao-main",), model=MODEL)

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


@pytest.mark.slow
def test_two_agents_render_a_campaign_with_models_loaded_once_and_leave_what_their_cards_do_not_hold(
    floor: Floor,
) -> None:
    undisturbed = floor.undisturbed("warm")
    floor.crew(2)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(SHARDS)
        large = client.create_flow_run_from_deployment(
            deployment.id, parameters={"run_id": "large"}, work_queue_name=queue_of("high", "kolors")
        )
    floor.produce("warm")

    assert floor.finish()["unfinished"] == 0
    assert manifest("warm") == undisturbed
    turns = [run for run in tickets("warm") if run.state_name == "Completed"]
    assert len(turns) >= 3
    assert len({run.infrastructure_pid for run in turns}) <= 2  # one process an agent, whatever the number of turns
    assert {agent.model for agent in floor.ledger.agents()} == {MODEL}
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(large.id).state
        client.delete_flow_run(large.id)
    assert state is not None
    assert state.is_scheduled()


@pytest.mark.slow
def test_a_killed_renderer_crashes_its_run_and_nothing_is_lost_or_made_twice(floor: Floor) -> None:
    undisturbed = floor.undisturbed("killed")
    pairs = [(agent, floor.resident(agent)) for agent in floor.crew(2)]
    floor.produce("killed")
    floor.done("killed", 2)
    agent, victim = floor.at_work(pairs)
    victim.kill()

    assert floor.finish()["unfinished"] == 0
    assert manifest("killed") == undisturbed
    assert "Crashed" in {run.state_name for run in tickets("killed")}
    assert floor.resident(agent).pid != victim.pid
    assert sum(record.failures for record in floor.ledger.results("killed")) <= 8  # only what it had in hand


@pytest.mark.slow
def test_sigterm_drains_and_another_agent_goes_on(floor: Floor) -> None:
    undisturbed = floor.undisturbed("drained")
    first, _ = floor.crew(2)[:2]
    owner = owner_name(floor.resident(first).pid)
    floor.produce("drained")
    wait_until(lambda: owner in floor.ledger.owners())
    first.send_signal(signal.SIGTERM)

    assert first.wait(PATIENCE_SECONDS) == 0
    assert owner not in floor.ledger.owners()
    assert floor.finish()["unfinished"] == 0
    assert not any(record.failures for record in floor.ledger.results("drained"))
    assert manifest("drained") == undisturbed


@pytest.mark.slow
def test_cancel_stops_within_a_batch_and_leaves_the_rest_ready(floor: Floor) -> None:
    floor.crew(1)
    floor.produce("cancelled")
    floor.done("cancelled", 1)
    floor.ledger.cancel("cancelled")
    summary = floor.finish()

    assert 0 < summary["unfinished"] < JOBS
    assert set(floor.ledger.counts("cancelled").by_state) == {"done", "ready"}
    assert floor.ledger.run("cancelled").state == "stopped"


def test_a_renderer_does_not_outlive_its_parent(floor: Floor) -> None:
    agent = floor.crew(1)[0]
    resident = floor.resident(agent)
    agent.kill()
    assert resident.wait(PATIENCE_SECONDS) is not None or not resident.is_running()


@pytest.mark.slow
def test_an_agent_outlasts_a_server_that_is_away(
    floor: Floor, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.agent.LONGEST_PAUSE", 0.01)
    wire = Wire(int(prefect_server.rpartition(":")[2].removesuffix("/api")))
    looks: dict[str, int] = Counter()

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(SHARDS)
        ticket = client.create_flow_run_from_deployment(
            deployment.id, parameters={"run_id": "none"}, work_queue_name=queue_of("high", "kolors")
        )

    async def look_in_vain() -> None:
        worker = GpuWorker(pool="gpu", queues=["normal"], name="patient", devices=["cpu"], models=[MODEL])
        async with worker:
            wire.cut()
            await worker._submit_run(ticket)  # as when the server goes between a look and the claim
            assert worker.residents[0].busy_with == ""
            for look in (worker.get_and_submit_flow_runs, worker.sync_with_backend):
                with anyio.CancelScope() as enough:

                    async def once(
                        look: Callable[[], Awaitable[Any]] = look, enough: anyio.CancelScope = enough
                    ) -> None:
                        await look()
                        looks[look.__name__] += 1
                        if looks[look.__name__] > LOOKS_OF_PREFECTS:
                            enough.cancel()

                    await critical_service_loop(once, interval=0.01, backoff=4)

    own = {PREFECT_API_URL: f"http://127.0.0.1:{wire.port}/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(own):
        anyio.run(look_in_vain)
    assert min(looks.values()) > LOOKS_OF_PREFECTS
    with get_client(sync_client=True) as client:
        client.delete_flow_run(ticket.id)


def test_an_agent_whose_self_test_differs_refuses_work(floor: Floor) -> None:
    workplace = open_workplace()
    known = {agent.id for agent in floor.ledger.agents()}
    assert check_renderer(workplace, MODEL) == 0.0
    key = self_test_key(workplace, MODEL)
    wrong = cv2.imdecode(np.frombuffer(workplace.store.get(key), np.uint8), cv2.IMREAD_COLOR)
    wrong[:, :128] = 255 - wrong[:, :128]  # as half of a card's memory gone bad would draw it
    workplace.store.put(key, cv2.imencode(".png", wrong)[1].tobytes(), content_type="image/png")

    agent = floor.hire()
    assert agent.wait(PATIENCE_SECONDS) == 2
    assert "self-test picture" in floor.logs()
    assert {agent.id for agent in floor.ledger.agents()} == known


def test_the_first_agent_of_a_model_records_the_picture(tmp_path: Path) -> None:
    workplace = Workplace(Settings(out=tmp_path))
    assert check_renderer(workplace, "sleep-0ms") == 0.0
    assert workplace.store.exists(self_test_key(workplace, "sleep-0ms"))
    shutil.rmtree(tmp_path)
