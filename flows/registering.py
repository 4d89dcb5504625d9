"""Make a Prefect server so: work pools, queues, deployments, limits, automations. Doing it again changes nothing."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from flows.agent import TYPE, GpuWorker
from flows.automations import register_automations
from flows.deployments import CPU_POOL, GPU_POOL, TIMEZONE, Deployment, present
from flows.notifying import save_notification
from flows.queues import all_queues
from tasks.settings import get_settings

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)  # of the intervals: without one, each deploying would make another schedule
CPU_LIMIT = 4  # flows at once: each is a process of 300 MB

logger = logging.getLogger(__name__)


def register(*, nightly: dict[str, Any] | None = None) -> list[str]:
    """Register everything on the configured server; names of the deployments. `nightly` is its brief, if not the
    sample's."""
    with get_client(sync_client=True) as client:
        _pool(client, GPU_POOL, TYPE, GpuWorker.get_default_base_job_template())
        _pool(client, CPU_POOL, "process", ProcessWorker.get_default_base_job_template(), limit=CPU_LIMIT)
        _queues(client)
    names = [_deploy(each, nightly) for each in present()]
    notify = get_settings().notify_url
    if notify:
        save_notification(notify.get_secret_value())
    with get_client(sync_client=True) as client:
        register_automations(client)
    return names


def _pool(
    client: SyncPrefectClient, name: str, kind: str, template: dict[str, Any], *, limit: int | None = None
) -> None:
    pool = WorkPoolCreate(name=name, type=kind, base_job_template=template, concurrency_limit=limit)
    client.create_work_pool(pool, overwrite=True)


def _queues(client: SyncPrefectClient) -> None:
    for name, priority in sorted(all_queues().items(), key=lambda item: item[1]):
        try:
            found = client.read_work_queue_by_name(name, work_pool_name=GPU_POOL)
        except ObjectNotFound:
            found = client.create_work_queue(name, work_pool_name=GPU_POOL)
        place = {"work_pool_name": GPU_POOL, "name": found.name}
        client.request(
            "PATCH", "/work_pools/{work_pool_name}/queues/{name}", path_params=place, json={"priority": priority}
        )


def _deploy(entry: Deployment, nightly: dict[str, Any] | None) -> str:
    limit = None
    if entry.overlap:
        limit = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy(entry.overlap))
    parameters = {"brief": nightly} if nightly and entry.name == "nightly" else entry.parameters
    made = entry.load().to_deployment(
        entry.name,
        description=entry.title,
        work_pool_name=entry.pool,
        work_queue_name=entry.queue,
        parameters=parameters,
        tags=list(entry.tags),
        schedules=_schedules(entry),
        concurrency_limit=limit,
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
    made.apply()
    return f"{made.flow_name}/{entry.name}"


def _schedules(entry: Deployment) -> list[Any]:
    if entry.needs and not getattr(get_settings(), entry.needs):
        return []
    if entry.cron:
        return [CronSchedule(cron=entry.cron, timezone=TIMEZONE)]
    if not entry.every_minutes:
        return []
    return [IntervalSchedule(interval=timedelta(minutes=entry.every_minutes), anchor_date=ANCHOR)]
