"""What may happen to an installation in the night, done to real processes."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import httpx
import psutil
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException

from flows.dispatch import SHARDS, run_tag
from flows.stack.processes import Service
from flows.stack.stack import Stack
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import open_ledger
from tasks.errors import LedgerError
from tests.chaos.faulty_s3 import Mood
from tests.chaos.installation import LEASE_SECONDS, Installation

FROZEN_SECONDS = LEASE_SECONDS + 3.0
TROUBLE_SECONDS, LONGEST_TROUBLE_SECONDS, LEAST_SPOILED = 4.0, 20.0, 4
AWAY_SECONDS = 900.0
SKEW_SECONDS = 7200
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


class Night(NamedTuple):
    """What a harm is done to, and the dice it is done with. `outage` is how long the server stays away, in seconds;
    0: a few.

    Harms overlap; `hand` is held by whoever ends and starts a process.
    """

    installation: Installation
    run_id: str
    brief: CampaignBrief
    dice: Random
    outage: float
    hand: threading.Lock

    @property
    def stack(self) -> Stack:
        return self.installation.stack


def kill_renderer(night: Night) -> str:
    """kill -9 in the middle of a batch."""
    renderer = _some_renderer(night)
    if renderer is None:
        return "no renderer was there to kill"
    renderer.kill()
    return f"renderer {renderer.pid} killed"


def kill_agent(night: Night) -> str:
    """The parent dies; its renderer must follow, and a new agent comes."""
    agent = night.dice.choice(night.stack.agents)
    with night.hand:
        agent.kill()
        agent.start()
    return f"{agent.name} killed and started again"


def drain_agent(night: Night) -> str:
    """A rollout: SIGTERM, then a new one."""
    agent = night.dice.choice(night.stack.agents)
    with night.hand:
        code = agent.stop()
        agent.start()
    return f"{agent.name} drained (code {code}) and started again"


def freeze_renderer(night: Night) -> str:
    """A process that is silent for longer than its leases, and then thaws."""
    renderer = _some_renderer(night)
    if renderer is None:
        return "no renderer was there to freeze"
    renderer.suspend()
    time.sleep(FROZEN_SECONDS)
    with contextlib.suppress(psutil.NoSuchProcess):
        renderer.resume()
    return f"renderer {renderer.pid} frozen for {FROZEN_SECONDS:.0f} s"


def kill_leader(night: Night) -> str:
    """The flow that leads the campaign dies."""
    leaders = _children(night.stack.cpu)
    for leader in leaders:
        leader.kill()
    return f"{len(leaders)} leading flows killed"


def restart_server(night: Night) -> str:
    """Prefect's server dies and comes back after a while."""
    away = night.outage or night.dice.uniform(2, 8)
    night.stack.server.kill()
    time.sleep(away)
    night.stack.server.start()
    night.stack.await_server()
    return f"Prefect server away for {away:.0f} s"


def restart_database(night: Night) -> str:
    """The database under the ledger and under Prefect restarts."""
    if night.stack.postgres is None:
        return "no PostgreSQL here"
    night.stack.postgres.stop()
    time.sleep(night.dice.uniform(0.2, 3))
    night.stack.postgres.start()
    night.stack.await_postgres()
    return "PostgreSQL restarted"


def store_errors(night: Night) -> str:
    """Every other request is answered with a 500."""
    return _spoil(night, "errors")


def store_slow(night: Night) -> str:
    """Every other request waits for seconds."""
    return _spoil(night, "slow")


def store_cut(night: Night) -> str:
    """Every other connection is cut."""
    return _spoil(night, "cut")


def double_shard(night: Night) -> str:
    """Two agents given the same shard: a ticket sent twice more without the key that tells them apart."""

    def send() -> None:
        with get_client(sync_client=True) as client:
            client.create_flow_run_from_deployment(
                client.read_deployment_by_name(SHARDS).id,
                parameters={"run_id": night.run_id, "number": 1},
                tags=[run_tag(night.run_id)],
            )

    for _ in range(2):
        _until_it_answers(send)
    return "two more tickets for one shard"


def double_leader(night: Night) -> str:
    """The campaign started twice."""
    _until_it_answers(lambda: night.installation.start(night.brief, night.run_id))
    return "the campaign started once more"


def skew_clock(night: Night) -> str:
    """A host whose clock is hours off, either way: an agent's, or that of the flow that leads the campaign.

    Not the CPU worker's: it is Prefect's own and goes by its host's clock, which needs NTP, as the runbook says.
    """
    offset = f"{night.dice.choice('+-')}{SKEW_SECONDS}"
    service = night.dice.choice([*night.stack.agents, None])
    if service is None:
        killed = kill_leader(night)
        _until_it_answers(lambda: night.installation.start(night.brief, night.run_id, environment=_clock(offset)))
        return f"{killed}, another one started with its clock {offset} s off"
    with night.hand:
        service.stop()
        service.start(_clock(offset))
    return f"{service.name} started again with its clock {offset} s off"


Harm = Callable[[Night], str]
KILLERS: tuple[Harm, ...] = (kill_renderer, kill_agent, freeze_renderer)
HARMS: tuple[Harm, ...] = (
    *KILLERS,
    drain_agent,
    kill_leader,
    restart_server,
    restart_database,
    store_errors,
    store_slow,
    store_cut,
    double_shard,
    double_leader,
    *((skew_clock,) if FAKETIME else ()),
)
NAMED = {harm.__name__: harm for harm in HARMS}


def choose(dice: Random, number: int, *, poisoned: bool) -> list[Harm]:
    """So many different harms. Only what is not held against a job beside a poisoned one, and two killers at most:
    three deaths set a job aside, and then rightly so."""
    fit = [harm for harm in HARMS if not (poisoned and harm in KILLERS)]
    while True:
        chosen = dice.sample(fit, min(number, len(fit)))
        if sum(harm in KILLERS for harm in chosen) < 3:
            return chosen


@contextmanager
def poisoning(night: Night, job_id: str) -> Iterator[None]:
    """Whoever has the job in hand dies, again and again, as by a picture that crashes the driver."""
    over = threading.Event()

    def watch() -> None:
        ledger = open_ledger(night.stack.environment["SHANGXIN_DATABASE"])
        while not over.wait(0.01):
            with contextlib.suppress(LedgerError, ProcessLookupError, ValueError, IndexError):
                os.kill(int(ledger.holder(job_id).split(":")[1]), signal.SIGKILL)
        ledger.close()

    watcher = threading.Thread(target=watch, daemon=True)
    if job_id:
        watcher.start()
    try:
        yield
    finally:
        over.set()


def right_clocks(stack: Stack) -> None:
    """Nothing of a night's wrong clocks is left to the next: an agent that has one starts again."""
    for service in stack.agents:
        if _has_wrong_clock(service):
            service.stop()
            service.start()


def _clock(offset: str) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _has_wrong_clock(service: Service) -> bool:
    try:
        return "FAKETIME" in psutil.Process(service.pid).environ()
    except psutil.Error:
        return False


def _spoil(night: Night, mood: Mood) -> str:
    """For some seconds, and until a few requests met it: a small run may be between two of them."""
    store, started = night.installation.store, time.monotonic()
    before, store.mood = store.spoiled, mood
    while time.monotonic() - started < TROUBLE_SECONDS or store.spoiled - before < LEAST_SPOILED:
        time.sleep(0.1)
        if time.monotonic() - started > LONGEST_TROUBLE_SECONDS:
            break
    store.mood = "well"
    return f"store {mood}: {store.spoiled - before} requests spoiled in {time.monotonic() - started:.0f} s"


def _until_it_answers(act: Callable[[], None]) -> None:
    """Another harm may have taken Prefect's server or its database away."""
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return act()
        except (httpx.HTTPError, PrefectException):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _some_renderer(night: Night) -> psutil.Process | None:
    found = [child for agent in night.stack.agents for child in _children(agent) if "flows.resident" in _command(child)]
    return night.dice.choice(found) if found else None


def _children(service: Service) -> list[psutil.Process]:
    try:
        return psutil.Process(service.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return " ".join(process.cmdline())
    return ""
