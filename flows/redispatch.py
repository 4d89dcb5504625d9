"""Take up what crashed or got stuck: the flow that automations start, and the clock as well."""

import datetime as dt
import logging

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Crashed, Failed, Scheduled

from flows.clock import server_now
from tasks.workplace import open_workplace

CONTROLLERS = ("produce-campaign", "nightly", "marketing", "watch-inbox")
MOST_STARTS = 3  # of one controller: a run that crashes each time is not tried for ever
STUCK_SECONDS = 300
WITHIN = dt.timedelta(days=2)

logger = logging.getLogger(__name__)


@flow(name="mend-runs", persist_result=False)
def mend_runs(stuck_seconds: int = STUCK_SECONDS) -> dict[str, int]:
    """接续 Start crashed controllers again and free stuck runs; the counts.

    Args:
        stuck_seconds: 卡住秒数 In Pending for longer than this, a run was claimed by a worker that died.
    """
    open_workplace().ledger.expire()
    with get_client(sync_client=True) as client:
        freed = _free_stuck(client, dt.timedelta(seconds=stuck_seconds))
        again = _start_again(client)
    return {"freed": freed, "started_again": again}


def _start_again(client: SyncPrefectClient) -> int:
    started = 0
    for run in _controllers(client, "CRASHED"):
        if run.deployment_id is None:
            continue  # begun by hand: nobody is there to take it up
        if run.run_count >= MOST_STARTS:
            given_up = f"crashed {run.run_count} times and is left alone; what is done is kept, Retry goes on with it"
            logger.warning("%s %s", run.name, given_up)
            client.set_flow_run_state(run.id, Failed(message=given_up), force=True)
            continue
        again: State[None] = Scheduled(
            name="AwaitingRetry", message="taken up again", scheduled_time=server_now(client)
        )
        client.set_flow_run_state(run.id, again, force=True)
        started += 1
    return started


def _free_stuck(client: SyncPrefectClient, stuck: dt.timedelta) -> int:
    """A worker that dies between claiming a run and starting it leaves it pending for ever."""
    freed, now = 0, server_now(client)
    for run in _runs(client, {"state": {"type": {"any_": ["PENDING"]}}, "tags": {"all_": ["shangxin"]}}):
        if run.state and now - run.state.timestamp > stuck:
            client.set_flow_run_state(run.id, Crashed(message="claimed by a worker that never began it"), force=True)
            freed += 1
    return freed


def _controllers(client: SyncPrefectClient, *states: str) -> list[FlowRun]:
    since = (server_now(client) - WITHIN).isoformat()
    flows = client.request("POST", "/flows/filter", json={"flows": {"name": {"any_": list(CONTROLLERS)}}}).json()
    ids = {each["id"] for each in flows}
    wanted = {"state": {"type": {"any_": list(states)}}, "expected_start_time": {"after_": since}}
    return [run for run in _runs(client, wanted) if str(run.flow_id) in ids]


def _runs(client: SyncPrefectClient, wanted: dict[str, object]) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted), limit=200)
