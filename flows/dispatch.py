"""Shards for the agents: as many tickets on the work pool as there is work and as there are hands, again and again.

A ticket is a flow run of `render-shard` that names a run; which jobs it means is decided in the ledger when an agent
begins it. So a ticket lost, doubled or late costs nothing, and nothing here needs to be remembered.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectException
from prefect.states import Cancelled, Crashed, Scheduled

from flows.clock import server_now
from flows.queues import Priority, queue_of
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import Counts
from tasks.errors import LedgerUnavailable, OrchestrationError
from tasks.render import IN_HAND, renderers, should_stop
from tasks.workplace import Workplace

SHARDS = "render-shard/gpu"  # the deployment of flows/shard.py
LOOK_SECONDS = 1.0
WAIT_FACTOR = 20  # between two looks, of the time that a look takes
LEAST_AHEAD = 4  # tickets that wait even where no agent is known
STUCK_SECONDS = 120  # a ticket claimed by a worker that never began it
PATIENCE = 20  # tickets in a row that failed while nothing was finished: the fault is not theirs
LONGEST_BETWEEN = 3.0
LONGEST_PAUSE = 60.0  # where server or database do not answer
UNREACHABLE = (httpx.HTTPError, PrefectException, LedgerUnavailable)

logger = logging.getLogger(__name__)


def run_tag(run_id: str) -> str:
    """By which the tickets of a run are found."""
    return f"run:{run_id}"


class Dispatcher:
    """Keeps a run's tickets in step with the ledger until nothing is left to do."""

    def __init__(self, workplace: Workplace, run_id: str, priority: Priority) -> None:
        brief = CampaignBrief.model_validate_json(workplace.ledger.run(run_id).brief)
        self._ledger, self._settings, self._run_id = workplace.ledger, workplace.settings, run_id
        self._model, self._urgent = brief.model, priority == "high"
        self._queue = queue_of(priority, brief.model)
        self._trouble = 0
        self._finished = -1
        self._failed_before = 0

    def work_off(self, on_look: Callable[[Counts], None] = lambda _: None) -> None:
        """Return when nothing of the run is left, it is cancelled or its budget is spent. Neither a server nor a
        database that is away for a while ends it; OrchestrationError where the shards fail one after another."""
        while True:
            started = time.monotonic()
            try:
                if self._look(on_look):
                    return
                self._trouble = 0
            except UNREACHABLE as error:
                self._trouble += 1
                logger.warning("run %s: cannot dispatch for now: %s", self._run_id, error)
            time.sleep(self._pause(time.monotonic() - started))

    def _pause(self, seconds: float) -> float:
        """Until the next look, after one that took so long."""
        if self._trouble:
            return min(LOOK_SECONDS * 2.0 ** min(self._trouble, 6), LONGEST_PAUSE)
        return min(max(LOOK_SECONDS, WAIT_FACTOR * seconds), LONGEST_BETWEEN)

    def _look(self, on_look: Callable[[Counts], None]) -> bool:
        self._ledger.expire()
        counts = self._ledger.counts(self._run_id)
        on_look(counts)
        with get_client(sync_client=True) as client:
            if should_stop(self._ledger, self._run_id):
                self._withdraw(client)
                return not counts.by_state.get("leased", 0)
            if not counts.unfinished:
                self._withdraw(client)
                return True
            self._give_up_where_hopeless(client, counts)
            waiting = self._waiting(client)
            for _ in range(self._wanted(counts.by_state.get("ready", 0)) - len(waiting)):
                self._send(client)
        return False

    def _wanted(self, ready: int) -> int:
        """How many tickets should wait: one for every renderer, and never more than there are shards."""
        hands, size = renderers(self._ledger, self._model), self._settings.shard_size
        if ready > size:
            return min(max(LEAST_AHEAD, hands), math.ceil(ready / size))
        # the last shard is shared out; who works already goes on with what is left, unless it is another run's work
        idle = hands if self._urgent else max(1, hands - len(self._ledger.owners()))
        return min(idle, math.ceil(ready / IN_HAND))

    def _waiting(self, client: SyncPrefectClient) -> list[FlowRun]:
        """Tickets that no renderer has begun; those that were claimed and forgotten are told so."""
        waiting, now = [], server_now(client)
        for ticket in self._tickets(client, "SCHEDULED", "PENDING"):
            since = ticket.state.timestamp if ticket.state else now
            if ticket.state_type == "PENDING" and (now - since).total_seconds() > STUCK_SECONDS:
                client.set_flow_run_state(ticket.id, Crashed(message="claimed by an agent that never began it"))
            else:
                waiting.append(ticket)
        return waiting

    def _send(self, client: SyncPrefectClient) -> None:
        """One more ticket. Two dispatchers that count alike make one of it, not two."""
        number = self._count(client) + 1
        deployment = client.read_deployment_by_name(SHARDS)
        for attempt in range(3):  # a number may belong to a ticket that housekeeping has since uncounted
            ticket = client.create_flow_run_from_deployment(
                deployment.id,
                state=Scheduled(scheduled_time=server_now(client)),
                parameters={"run_id": self._run_id, "number": number + attempt},
                name=f"{self._run_id}-{number + attempt}",
                tags=[run_tag(self._run_id)],
                idempotency_key=f"{self._run_id}:{number + attempt}",
                work_queue_name=self._queue,
            )
            if ticket.state is None or not ticket.state.is_final():
                return

    def _withdraw(self, client: SyncPrefectClient) -> None:
        for ticket in self._tickets(client, "SCHEDULED", "PENDING"):
            client.set_flow_run_state(ticket.id, Cancelled(message="nothing is left to render"), force=True)

    def _give_up_where_hopeless(self, client: SyncPrefectClient, counts: Counts) -> None:
        """A store or a model set that is broken fails every shard at once: do not go on for ever."""
        finished, failed = counts.total - counts.unfinished, len(self._tickets(client, "FAILED"))
        if finished != self._finished:
            self._finished, self._failed_before = finished, failed
        if failed - self._failed_before >= PATIENCE:
            raise OrchestrationError(
                f"run {self._run_id}: {PATIENCE} shards failed one after another while nothing was finished. "
                "Look at the last of them; what is done is kept, and the same run goes on from here."
            )

    def _tickets(self, client: SyncPrefectClient, *states: str) -> list[FlowRun]:
        return client.read_flow_runs(flow_run_filter=_of_run(self._run_id, states), limit=200)

    def _count(self, client: SyncPrefectClient) -> int:
        body = {"flow_runs": _of_run(self._run_id, ()).model_dump(mode="json", exclude_unset=True)}
        return int(client.request("POST", "/flow_runs/count", json=body).json())


def _of_run(run_id: str, states: tuple[str, ...]) -> FlowRunFilter:
    wanted: dict[str, Any] = {"tags": {"all_": [run_tag(run_id)]}}
    if states:
        wanted["state"] = {"type": {"any_": list(states)}}
    return FlowRunFilter.model_validate(wanted)
