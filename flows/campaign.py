"""The main flow: one campaign from brief to report. Every step only makes the ledger so; doing it again is harmless."""

import itertools
from functools import partial
from typing import Any

from prefect import flow

from flows.rounds import render_and_review
from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_missing
from tasks.drifting import watch_drift
from tasks.ingest import ingest_catalogue
from tasks.publish import publish_run
from tasks.render import next_shard, render_shard
from tasks.runs import new_run_id


@flow(name="produce-campaign", flow_run_name="{run_id}", persist_result=False)
def produce_campaign(brief: CampaignBrief, run_id: str = "") -> dict[str, Any]:
    """Turn a brief into published pictures and return the run's summary. What the ledger calls done is skipped."""
    run_id = run_id or new_run_id()
    ingest_catalogue(run_id, brief)
    if brief.drift != "off":
        watch_drift(run_id, brief)
    render_and_review(run_id, brief, partial(render_here, run_id))
    compose_missing(run_id)
    return publish_run(run_id)


def render_here(run_id: str) -> None:
    """Shard after shard in this process."""
    for number in itertools.count(1):
        shard = next_shard(run_id)
        if not shard:
            break
        render_shard(run_id, shard, number)
