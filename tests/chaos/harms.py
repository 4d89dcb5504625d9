"""What may happen to an installation in the night, done to real processes."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

import psutil
from prefect.client.orchestration import get_client

from flows.dispatch import SHARDS, run_tag
from flows.stack.processes import Service
from flows.stack.stack import Stack
from tests.chaos.faulty_s3 import FaultyS3, Mood

FROZEN_SECONDS = 14.0  # longer than a lease of LEASE_SECONDS
LEASE_SECONDS = 10
TROUBLE_SECONDS = 6.0


class Night(NamedTuple):
    """What a harm is done to."""

    stack: Stack
    store: FaultyS3
    run_id: str
    brief: dict[str, object]


def kill_renderer(night: Night) -> str:
    """kill -9 in the middle of a batch."""
    renderer = random.choice(_renderers(night.stack) or [None])
    if renderer is None:
        return "no renderer was there to kill"
    renderer.kill()
    return f"renderer {renderer.pid} killed"


def kill_agent(night: Night) -> str:
    """The parent dies; its renderer must follow, and a new agent comes."""
    agent = random.choice(night.stack.agents)
    agent.kill()
    agent.start()
    return f"{agent.name} killed and started again"


def drain_agent(night: Night) -> str:
    """A rollout: SIGTERM, then a new one."""
    agent = random.choice(night.stack.agents)
    code = agent.stop()
    agent.start()
    return f"{agent.name} drained (code {code}) and started again"


def freeze_renderer(night: Night) -> str:
    """A process that is silent for longer than its leases, and then thaws."""
    renderer = random.choice(_renderers(night.stack) or [None])
    if renderer is None:
        return "no renderer was there to freeze"
    renderer.suspend()
    time.sleep(FROZEN_SECONDS)
    with contextlib.suppress(psutil.NoSuchProcess):
        renderer.resume()
    return f"renderer {renderer.pid} frozen for {FROZEN_SECONDS:.0f} s"


def kill_controller(night: Night) -> str:
    """The flow that leads the campaign dies."""
    killed = 0
    for child in _children(night.stack.cpu):
        child.kill()
        killed += 1
    return f"{killed} flow processes killed"


def restart_server(night: Night) -> str:
    """Prefect's server dies and comes back."""
    night.stack.server.kill()
    time.sleep(random.uniform(1, TROUBLE_SECONDS))
    night.stack.server.start()
    night.stack.await_server()
    return "Prefect server killed and started again"


def restart_database(night: Night) -> str:
    """The database under the ledger and under Prefect restarts."""
    if night.stack.postgres is None:
        return "no PostgreSQL here"
    night.stack.postgres.stop()
    time.sleep(random.uniform(0.2, 3))
    night.stack.postgres.start()
    night.stack.await_postgres()
    return "PostgreSQL restarted"


def spoil_store(night: Night) -> str:
    """500s, long waits or cut connections for a while."""
    moods: tuple[Mood, ...] = ("errors", "slow", "cut")
    night.store.mood = random.choice(moods)
    before = night.store.spoiled
    time.sleep(TROUBLE_SECONDS)
    told = f"store {night.store.mood}: {night.store.spoiled - before} requests spoiled"
    night.store.mood = "well"
    return told


def double_shard(night: Night) -> str:
    """Two agents given the same shard: a ticket sent twice more without the key that tells them apart."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(SHARDS)
        for _ in range(2):
            client.create_flow_run_from_deployment(
                deployment.id, parameters={"run_id": night.run_id, "number": 1}, tags=[run_tag(night.run_id)]
            )
    return "two more tickets for one shard"


def double_controller(night: Night) -> str:
    """The campaign started twice."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("produce-campaign/campaign")
        parameters = {"brief": night.brief, "run_id": night.run_id}
        client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
    return "the campaign started once more"


Harm = Callable[[Night], str]
HARMS: tuple[Harm, ...] = (
    kill_renderer,
    kill_renderer,
    kill_agent,
    drain_agent,
    freeze_renderer,
    kill_controller,
    restart_server,
    restart_database,
    spoil_store,
    double_shard,
    double_controller,
)
NAMED = {harm.__name__: harm for harm in HARMS}


def poison(night: Night, owner: str) -> None:
    """Kill the process that holds the job, as a picture would that crashes the driver."""
    with contextlib.suppress(ProcessLookupError, ValueError, IndexError):
        os.kill(int(owner.split(":")[1]), signal.SIGKILL)


def _renderers(stack: Stack) -> list[psutil.Process]:
    return [child for agent in stack.agents for child in _children(agent) if "flows.resident" in _command(child)]


def _children(service: Service) -> list[psutil.Process]:
    try:
        return psutil.Process(service.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return " ".join(process.cmdline())
    return ""
