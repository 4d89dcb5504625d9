"""What grows without end is cut back: Prefect's runs, superseded takes. What nobody knows of is only reported."""

import datetime as dt
import logging
import re
from collections.abc import Iterator

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter

from tasks.settings import get_settings
from tasks.workplace import Workplace, open_workplace

MOST = 5000  # runs deleted at a time; the next day takes the rest
TAKE = re.compile(r"/(?P<job>[0-9a-f]{8,64})-(?P<take>\d+)\.[a-z0-9]+$")
PREFIXES = ("masters/", "renditions/")
LOOK_UP = 500
FINAL = ["COMPLETED", "FAILED", "CANCELLED", "CRASHED"]

logger = logging.getLogger(__name__)


@flow(name="housekeeping", persist_result=False)
def tidy_up() -> dict[str, int]:
    """清理 Delete finished Prefect runs and objects of superseded takes older than SHANGXIN_KEEP_DAYS; the counts."""
    workplace, days = open_workplace(), get_settings().keep_days
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    with get_client(sync_client=True) as client:
        runs = forget_runs(client, before)
    takes, orphans = sweep_objects(workplace, before=before.timestamp())
    return {"runs": runs, "takes": takes, "orphans": orphans}


def forget_runs(client: SyncPrefectClient, before: dt.datetime) -> int:
    """Delete Prefect's finished flow runs that ended before; task runs, logs and states go with them."""
    wanted = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": FINAL}}, "end_time": {"before_": before.isoformat()}}
    )
    deleted = 0
    while deleted < MOST:
        runs = client.read_flow_runs(flow_run_filter=wanted, limit=200)
        for run in runs:
            client.delete_flow_run(run.id)
        deleted += len(runs)
        if len(runs) < 200:
            break
    return deleted


def sweep_objects(workplace: Workplace, *, before: float) -> tuple[int, int]:
    """Delete takes that a later one replaced and that nothing has touched since `before`; how many, and how many
    objects belong to no job of the ledger. Those stay: a ledger that was lost must not empty the store."""
    takes = orphans = 0
    for prefix in PREFIXES:
        for keys in _pages(workplace.store.keys(prefix)):
            found = [(key, match["job"], int(match["take"])) for key in keys if (match := TAKE.search(key))]
            orphans += len(keys) - len(found)
            current = workplace.ledger.current_takes([job for _, job, _ in found], touched_before=before)
            for key, job, take in found:
                delivered = current.get(job)
                if job not in current:
                    orphans += 1
                elif delivered is not None and take < delivered:
                    workplace.store.delete(key)
                    takes += 1
    if orphans:
        logger.warning("%d objects under %s belong to no job of the ledger; they were left", orphans, PREFIXES)
    return takes, orphans


def _pages(keys: Iterator[str]) -> Iterator[list[str]]:
    page: list[str] = []
    for key in keys:
        page.append(key)
        if len(page) == LOOK_UP:
            yield page
            page = []
    if page:
        yield page
