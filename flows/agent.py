"""The GPU worker type: a light parent that talks to Prefect, and one resident renderer a card."""

import asyncio
import logging
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
import anyio.to_thread
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import PrefectException
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.crew import Resident, ResidentDied, match
from tasks.errors import ConfigurationError, LedgerError
from tasks.runs import died_here
from tasks.settings import get_settings
from tasks.workplace import open_workplace

TYPE = "shangxin-gpu"
LAST_STATES_SECONDS = 10.0
LONGEST_PAUSE = 15.0  # between two looks at a server that is away
SERVER_ERRORS = 500
TROUBLES = (httpx.HTTPError, PrefectException)
ANY_TIME_SECONDS = 7 * 86400
DRAIN_SECONDS = 600.0  # a batch in hand on a slow card, and then some

logger = logging.getLogger(__name__)


class GpuJobConfiguration(BaseJobConfiguration):
    """Nothing to configure: the renderer is there already."""


class GpuResult(BaseWorkerResult):
    """How a shard ended; `identifier` is the host and the process that rendered."""


class GpuWorker(BaseWorker[GpuJobConfiguration, BaseVariables, GpuResult]):
    """Takes one shard a card, of a set that fits it. A renderer that dies makes its shard's run Crashed at once."""

    type = TYPE
    job_configuration = GpuJobConfiguration
    _description = "Renders shards on the cards of one host with models kept warm."

    def __init__(self, *, pool: str, queues: Sequence[str], name: str, devices: Sequence[str], models: Sequence[str]):
        super().__init__(
            work_pool_name=pool,
            work_queues=list(queues),
            name=name,
            limit=len(devices),
            prefetch_seconds=ANY_TIME_SECONDS,  # a ticket that waits is for now, whatever this host's clock says
            create_pool_if_not_found=True,
        )
        self.residents = [Resident(device, models, self._look_soon) for device in devices]
        self.draining = False
        self._away = 0  # looks in a row that Prefect did not answer
        self._looking = asyncio.Lock()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: GpuJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> GpuResult:
        """Hand the run to a free renderer and wait for its end."""
        suitable = (each for each in self.residents if each.free and each.takes_from(flow_run.work_queue_name))
        resident = min(suitable, key=lambda each: len(each.holds), default=None)
        if resident is None:
            raise ConfigurationError("no renderer is free on this host; another agent will take the shard")
        resident.take(str(flow_run.id))
        place: Any = f"{socket.gethostname()}:{resident.pid}"
        if task_status:
            task_status.started(place)
        try:
            trouble = await resident.render(str(flow_run.id))
        except (ResidentDied, ConnectionError) as death:
            code = death.code if isinstance(death, ResidentDied) else 1
            return GpuResult(identifier=place, status_code=code or 1)
        if trouble:
            logger.warning("flow run %s: %s", flow_run.id, trouble)
        return GpuResult(identifier=place, status_code=0)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """As any worker's, but one at a time: it also looks whenever a renderer becomes free."""
        async with self._looking:
            try:
                found = await super().get_and_submit_flow_runs()
            except httpx.HTTPError as error:
                await self._bear(error)
                return []
            self._away = 0
            return found

    async def sync_with_backend(self) -> None:
        """As any worker's, but that a server which is away ends no agent with its model warm."""
        try:
            await super().sync_with_backend()
        except httpx.HTTPError as error:
            if not self.is_setup:
                raise
            await self._bear(error)

    async def _bear(self, error: httpx.HTTPError) -> None:
        """Prefect's own worker gives up after some minutes without its server. Raises what no waiting mends."""
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code < SERVER_ERRORS:
            raise error
        self._away += 1
        logger.warning("Prefect does not answer (%s); looking again", error)
        await anyio.sleep(min(2.0**self._away, LONGEST_PAUSE))

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        taken = len(self._submitting_flow_run_ids)  # on their way to a renderer
        room = sum(resident.free for resident in self.residents) - taken
        unlike = len({each.holds for each in self.residents if each.free}) > 1
        if self.draining or room <= 0 or (unlike and taken):
            return []
        waiting = await super()._get_scheduled_flow_runs()
        return [waiting[at] for at in match(self.residents, [each.flow_run.work_queue_name for each in waiting])][:room]

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """As any worker's, but that a server which stumbles over a claim costs that claim, not the worker."""
        try:
            await super()._submit_run(flow_run)
        except TROUBLES as error:
            logger.warning("flow run %s: not begun: %s", flow_run.id, error)
            self._submitting_flow_run_ids.discard(flow_run.id)
            self._release_limit_slot(flow_run.id)

    async def _submit_run_and_capture_errors(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[int | Exception] | None = None
    ) -> BaseWorkerResult | Exception:
        """As any worker's; where the end of a shard cannot be told to Prefect, the ledger knows it all the same."""
        try:
            return await super()._submit_run_and_capture_errors(flow_run, task_status)
        except TROUBLES as error:
            logger.warning("flow run %s: its end is not told: %s", flow_run.id, error)
            return error

    def _look_soon(self) -> None:
        if self.is_setup and not self.draining and self._runs_task_group:
            self._runs_task_group.start_soon(self._look)

    async def _look(self) -> None:
        await asyncio.sleep(0.05)  # the slot of the shard that just ended is given back by then
        with suppress(Exception):  # the regular look, a second later, tells what is wrong
            await self.get_and_submit_flow_runs()

    async def _cancel_run(self, flow_run_id: UUID) -> None:
        """A shard that is cancelled while it renders ends after the batch in hand and gives back the rest."""
        for resident in self.residents:
            if resident.busy_with == str(flow_run_id):
                await resident.drain()
        await super()._cancel_run(flow_run_id)

    async def drain(self) -> None:
        """Take nothing new, finish the batches in hand, give back the rest, end the renderers."""
        self.draining = True
        for resident in self.residents:
            await resident.drain()
        with anyio.move_on_after(DRAIN_SECONDS):
            await self._all_given_back()
        for resident in self.residents:
            await resident.end()

    async def _all_given_back(self) -> None:
        """Until no renderer is at work; one that holds nothing any more may tell Prefect so for a while yet."""
        empty_since = math.inf
        while any(resident.busy_with for resident in self.residents):
            mine = {resident.owner for resident in self.residents}
            empty = not await anyio.to_thread.run_sync(_hold_work, mine)
            empty_since = min(empty_since, time.monotonic()) if empty else math.inf
            if time.monotonic() - empty_since > LAST_STATES_SECONDS:
                return
            await anyio.sleep(0.2)


def serve_agent(*, pool: str, queues: Sequence[str], name: str, cards: int | None, models: Sequence[str]) -> int:
    """Work until SIGTERM or Ctrl-C, then end this process; 2 where no renderer of this host may work."""
    _bury_the_dead()
    devices = choose_devices(cards)
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    worker = GpuWorker(pool=pool, queues=queues, name=name, devices=devices, models=models)
    return asyncio.run(_serve(worker))


def choose_devices(cards: int | None) -> list[str]:
    """One entry a renderer: every card of the host, or `cards` of them; on a CPU so many processes."""
    wish = get_settings().device
    if wish not in ("auto", "cuda"):
        return [wish] * (cards or 1)
    found = _count_cards()
    if not found:
        return ["cpu"] * (cards or 1)
    if cards and cards > found:
        raise ConfigurationError(f"--cards {cards}: this host has {found}. Leave --cards out to use all.")
    return [f"cuda:{number}" for number in range(cards or found)]


def _count_cards() -> int:
    """Asked of the driver's own tool: this process stays free of torch."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    told = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, check=False)  # noqa: S603
    return sum(line.startswith("GPU ") for line in told.stdout.splitlines())


def _bury_the_dead() -> None:
    with suppress(LedgerError):
        ledger = open_workplace().ledger
        for owner in ledger.owners():
            if died_here(owner):
                ledger.bury(owner)


def _hold_work(owners: set[str]) -> bool:
    """Whether one of them does; True where the ledger does not answer."""
    try:
        return bool(owners & set(open_workplace().ledger.owners()))
    except LedgerError:
        return True


async def _serve(worker: GpuWorker) -> int:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    keeping = [loop.create_task(_keep(resident, worker, told)) for resident in worker.residents]
    working = loop.create_task(worker.start(printer=logger.info))
    working.add_done_callback(lambda _: told.set())
    await told.wait()
    await worker.drain()
    await asyncio.wait(keeping, timeout=LAST_STATES_SECONDS)
    refusals = [resident.refusal for resident in worker.residents if resident.refusal]
    if len(refusals) == len(worker.residents):
        return _leave(2, refusals[0])
    if working.done() and working.exception():
        return _leave(1, f"Prefect's worker ended: {working.exception()}")
    await asyncio.sleep(1)  # the last states are on their way
    return _leave(0)


def _leave(code: int, reason: str = "") -> int:
    """At once: Prefect's worker, cancelled in the middle of a look, may hang or stumble over its own scopes."""
    if reason:
        sys.stderr.write(f"error: {reason}\n")
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _keep(resident: Resident, worker: GpuWorker, told: asyncio.Event) -> None:
    await resident.keep_alive()
    if all(each.refusal for each in worker.residents):
        told.set()
