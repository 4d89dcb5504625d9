"""What grows without end is cut back: Prefect's runs, old runs' reports, superseded takes, objects of no job."""

import datetime as dt

from prefect import flow, get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter

from tasks.housekeeping import Tidied, tidy_store
from tasks.settings import get_settings
from tasks.workplace import open_workplace

MOST = 5000  # flow runs deleted at a time; the next day takes the rest
PAGE = 200
FINAL = ["COMPLETED", "FAILED", "CANCELLED", "CRASHED"]


@flow(name="housekeeping", persist_result=False)
def tidy_up(dry_run: bool = False, days: int | None = None) -> dict[str, int]:
    """清理 Cut back what is older than SHANGXIN_KEEP_DAYS; returns what went, or would go.

    Args:
        dry_run: 只统计 only count, delete nothing.
        days: 保留天数 empty: SHANGXIN_KEEP_DAYS.
    """
    days = days or get_settings().keep_days
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    with get_client(sync_client=True) as client:
        flow_runs = count_runs(client, before) if dry_run else forget_runs(client, before)
    tidied: Tidied = tidy_store(open_workplace(), days=days, dry_run=dry_run)
    get_run_logger().info("%s flow runs of Prefect, %s", flow_runs, tidied)
    return {"flow_runs": flow_runs, **tidied._asdict()}


def count_runs(client: SyncPrefectClient, before: dt.datetime) -> int:
    """Prefect's finished flow runs that ended before."""
    body = {"flow_runs": _ended(before).model_dump(mode="json", exclude_unset=True)}
    return int(client.request("POST", "/flow_runs/count", json=body).json())


def forget_runs(client: SyncPrefectClient, before: dt.datetime) -> int:
    """Delete them; their task runs, logs and states go with them."""
    deleted = 0
    while deleted < MOST:
        runs = client.read_flow_runs(flow_run_filter=_ended(before), limit=PAGE)
        for run in runs:
            client.delete_flow_run(run.id)
        deleted += len(runs)
        if len(runs) < PAGE:
            break
    return deleted


def _ended(before: dt.datetime) -> FlowRunFilter:
    wanted = {"state": {"type": {"any_": FINAL}}, "end_time": {"before_": before.isoformat()}}
    return FlowRunFilter.model_validate(wanted)
