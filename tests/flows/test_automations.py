"""What `deploy` installs fires by itself: real server, real worker, kill -9. The redispatch deployment's own clock is
stopped, so that only the automations can have done it."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Failed, Pending, Scheduled

from flows.automations import Patience, register_automations
from flows.embedded import connected
from flows.notifying import save_notification
from flows.redispatch import MOST_STARTS
from flows.stack.stack import Stack
from tests.flows.robot import Robot
from tests.flows.test_agents import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
MODEL = "sleep-20ms"
SILENT = dt.timedelta(seconds=75)  # Prefect's shortest heartbeat is 30 s
STUCK = dt.timedelta(seconds=20)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, small_templates: Path) -> Iterator[Stack]:
    """No agent yet: campaigns that begin wait for one, and can be killed at leisure."""
    folder = tmp_path_factory.mktemp("automations")
    for parent in (folder, *folder.parents[:3]):
        os.chmod(parent, 0o755)  # noqa: PTH101, S103 PostgreSQL is another user
    picture = np.zeros((400, 320, 4), np.uint8)
    cv2.ellipse(picture, (160, 200), (110, 160), 0, 0, 360, (90, 140, 60, 255), -1, cv2.LINE_AA)
    cv2.imwrite(str(folder / "cup.png"), picture)
    (folder / "cups.csv").write_text("sku,title,image,category\nB-1,白瓷杯,cup.png,drinkware\n", encoding="utf-8")
    settings = {"SHANGXIN_CATALOG_ROOTS": f'["{folder}"]', "SHANGXIN_TEMPLATES": str(small_templates)}
    with Stack(folder / "stack", agents=0, models=MODEL, settings=settings) as whole, connected(whole.api):
        with get_client(sync_client=True) as client:
            redispatch = client.read_deployment_by_name("mend-runs/redispatch")
            client.pause_deployment(redispatch.id)
            register_automations(client, Patience(zombie=SILENT, stuck=STUCK))
        yield whole


@pytest.fixture
def client(stack: Stack) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def worker(stack: Stack) -> Iterator[Any]:
    """The CPU worker, there again after a test that killed it."""
    yield stack.cpu
    if not stack.cpu.alive:
        stack.cpu.start()


def begin(client: SyncPrefectClient, after: dt.timedelta = dt.timedelta(0), *, catalog: str = "cups.csv") -> FlowRun:
    campaign = client.read_deployment_by_name("produce-campaign/campaign")
    brief = {"catalog": catalog, "scenes": ["white-studio"], "placements": ["taobao-main"], "model": MODEL}
    state = Scheduled(scheduled_time=dt.datetime.now(dt.UTC) + after)
    return client.create_flow_run_from_deployment(campaign.id, parameters={"brief": brief}, state=state)


def process_of(stack: Stack, run: FlowRun) -> psutil.Process | None:
    """The process that runs it: the worker tells it its flow run by environment."""
    for child in psutil.Process(stack.cpu.pid).children(recursive=True):
        try:
            if str(run.id) in child.environ().get("PREFECT__FLOW_RUN_ID", ""):
                return child
        except psutil.Error:
            continue
    return None


def state_of(client: SyncPrefectClient, run: FlowRun) -> str:
    state = client.read_flow_run(run.id).state
    return state.name if state else ""


def is_running(client: SyncPrefectClient, run: FlowRun, count: int) -> bool:
    found = client.read_flow_run(run.id)
    return found.run_count == count and bool(found.state and found.state.is_running())


def mends(client: SyncPrefectClient) -> list[FlowRun]:
    """The redispatch runs, each of which must have been started by an automation: its clock stands still."""
    redispatch = client.read_deployment_by_name("mend-runs/redispatch")
    found = [run for run in client.read_flow_runs(limit=200) if run.deployment_id == redispatch.id]
    assert not any(run.auto_scheduled and run.state and run.state.is_final() for run in found)
    return [run for run in found if not run.auto_scheduled]


def test_a_killed_controller_is_taken_up_again_and_only_so_often(stack: Stack, client: SyncPrefectClient) -> None:
    run = begin(client)
    for count in range(1, MOST_STARTS + 1):
        wait_until(lambda count=count: is_running(client, run, count), 300)  # type: ignore[misc]
        before = len(mends(client))
        process = process_of(stack, run)
        assert process is not None
        process.kill()
        wait_until(lambda: state_of(client, run) != "Running", 120)
        wait_until(lambda before=before: len(mends(client)) > before, 180)  # type: ignore[misc]
    latest = max(mends(client), key=lambda each: each.created or dt.datetime.min.replace(tzinfo=dt.UTC))
    wait_until(lambda: state_of(client, latest) == "Completed", 180)
    assert state_of(client, run) == "Failed"  # which people are told
    assert client.read_flow_run(run.id).run_count == MOST_STARTS


def test_a_failed_campaign_is_told_once_and_a_failed_shard_is_not(
    stack: Stack, client: SyncPrefectClient, worker: Any, robot: Robot
) -> None:
    save_notification(robot.url)
    register_automations(client, Patience(zombie=SILENT, stuck=STUCK))
    shards = client.read_deployment_by_name("render-shard/gpu")
    shard = client.create_flow_run_from_deployment(shards.id, parameters={"run_id": "none"})
    client.set_flow_run_state(shard.id, Failed(message="the store is away"), force=True)
    campaign = begin(client, catalog="no-such.csv")
    wait_until(lambda: state_of(client, campaign) == "Failed", 180)
    wait_until(lambda: bool(robot.heard), 60)
    (told,) = robot.heard
    assert campaign.name in told["text"]
    assert "no-such.csv" in told["text"]


def test_a_run_without_heartbeats_crashes_and_another_worker_finishes_it(
    stack: Stack, client: SyncPrefectClient, worker: Any
) -> None:
    """Worker and run die together, as when a host is lost: nobody is left to report it."""
    run = begin(client)
    wait_until(lambda: is_running(client, run, 1), 300)
    process = process_of(stack, run)
    assert process is not None
    worker.kill()
    process.kill()
    assert state_of(client, run) == "Running"
    wait_until(lambda: state_of(client, run) == "Crashed", 400)
    message = (client.read_flow_run(run.id).state or Pending()).message
    assert message == "no heartbeat"

    worker.start()
    agent = stack.new_agent("late")
    agent.start()
    wait_until(lambda: state_of(client, run) == "Completed", 400)
    assert client.read_flow_run(run.id).run_count == 2
    agent.stop()


def test_a_run_that_was_claimed_and_never_began_is_freed_and_begins(stack: Stack, client: SyncPrefectClient) -> None:
    """Pending, and nobody there: as a worker leaves it that dies between claiming and starting."""
    agent = stack.new_agent("later")
    agent.start()
    run = begin(client, after=dt.timedelta(hours=1))
    client.set_flow_run_state(run.id, Pending(), force=True)
    wait_until(lambda: state_of(client, run) == "Completed", 400)
    states = [state.name for state in client.read_flow_run_states(run.id)]
    assert states[:3] == ["Scheduled", "Pending", "Crashed"]
    assert "AwaitingRetry" in states
    agent.stop()
