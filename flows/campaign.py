"""The main flow: one campaign from brief to report. Every step only makes the ledger so; doing it again is harmless."""

import datetime as dt
import itertools
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import httpx
from prefect import flow, runtime
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from flows.queues import Priority
from flows.rounds import render_and_review
from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_missing
from tasks.confinement import confined, roots_of
from tasks.drifting import watch_drift
from tasks.errors import LedgerUnavailable, StorageUnavailable
from tasks.ingest import ingest_catalogue
from tasks.publish import publish_run
from tasks.render import next_shard, render_shard
from tasks.runs import new_run_id, run_id_of
from tasks.settings import get_settings
from tasks.workplace import open_workplace

R = TypeVar("R")
LATEST = 200  # runs looked through
PAUSES = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0)  # seconds between tries
PASSING = (StorageUnavailable, LedgerUnavailable, httpx.TransportError)

logger = logging.getLogger(__name__)


def cancel_in_ledger(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's hook: agents read the flag between batches; the plan stays, and can be taken up again."""
    ledger = open_workplace().ledger
    run_id = run_led_by(str(flow_run.id))
    if run_id:
        ledger.cancel(run_id)
        ledger.finish_run(run_id, state="stopped")


def name_in_prefect() -> str:
    """The ledger's run where it is named; else as Prefect has named the flow run."""
    return str(runtime.flow_run.parameters.get("run_id") or runtime.flow_run.name)


@flow(name="produce-campaign", flow_run_name=name_in_prefect, persist_result=False, on_cancellation=[cancel_in_ledger])
def produce_campaign(brief: CampaignBrief, run_id: str = "", priority: Priority = "normal") -> dict[str, Any]:
    """Turn a brief into published pictures and return the run's summary. What the ledger calls done is skipped."""
    if runtime.deployment.id:
        brief = confined(brief, roots_of(get_settings(), deployed=True))
        run_id = run_id or this_run()
    return produce(brief, run_id or new_run_id(), priority)


def produce(brief: CampaignBrief, run_id: str, priority: Priority) -> dict[str, Any]:
    """The steps of a campaign, inside whichever flow asks for one."""
    begin(brief, run_id)
    if get_settings().dispatch == "agents":
        return produce_by_agents(brief, run_id, priority)
    ingest_catalogue(run_id, brief)
    if brief.drift != "off":
        watch_drift(run_id, brief)
    render_and_review(run_id, brief, partial(render_here, run_id))
    compose_missing(run_id)
    return publish_run(run_id)


def produce_by_agents(brief: CampaignBrief, run_id: str, priority: Priority) -> dict[str, Any]:
    """The same steps with the work pool's agents and a page in Prefect; each survives stores and databases that fail
    for a while."""
    from flows.dispatch import Dispatcher
    from flows.run_page import RunPage

    workplace = open_workplace()
    page = RunPage(workplace, run_id)
    patiently(lambda: ingest_catalogue(run_id, brief))
    if brief.drift != "off":
        watch_drift(run_id, brief)
    workplace.ledger.note(run_id, stage="rendering", priority=priority)
    dispatcher = Dispatcher(workplace, run_id, priority)
    patiently(lambda: render_and_review(run_id, brief, lambda: dispatcher.work_off(page.show_progress)))
    patiently(lambda: compose_missing(run_id))
    summary = patiently(lambda: publish_run(run_id))
    page.show_result()
    return summary


def patiently(step: Callable[[], R]) -> R:
    """The step's result; done again where a store, a database or Prefect's server did not answer."""
    for pause in PAUSES:
        try:
            return step()
        except PASSING as error:
            logger.warning("%s; once more in %g s", error, pause)
            time.sleep(pause)
    return step()


def begin(brief: CampaignBrief, run_id: str) -> None:
    """Enter the run with the flow run that leads it, which is how a cancellation finds it.

    Whoever starts a deployment's cancelled run again means it.
    """
    ledger = open_workplace().ledger
    if ledger.begin_run(run_id, brief.model_dump_json()).cancelled and runtime.deployment.id:
        ledger.resume(run_id)
    ledger.note(run_id, flow_run=str(runtime.flow_run.id or ""))


def this_run() -> str:
    """The ledger's run of the present flow run: started again, it goes on with the same."""
    flow_run_id = str(runtime.flow_run.id)
    return run_led_by(flow_run_id) or run_id_of(dt.datetime.now(dt.UTC), flow_run_id)


def run_led_by(flow_run_id: str) -> str:
    """The ledger's run that a flow run leads; empty where there is none among the latest."""
    runs = open_workplace().ledger.runs(limit=LATEST)
    return next((run.run_id for run in runs if run.totals.get("flow_run") == flow_run_id), "")


def render_here(run_id: str) -> None:
    """Shard after shard in this process."""
    for number in itertools.count(1):
        shard = next_shard(run_id)
        if not shard:
            break
        render_shard(run_id, shard, number)
