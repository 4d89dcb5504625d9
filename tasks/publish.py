"""Put masters, manifest and report into the store. The manifest comes last: its presence means the run is complete."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key, report_key
from tasks.delivery.manifest import manifest_lines
from tasks.delivery.report import render_report
from tasks.delivery.snapshot import snapshot_key, write_snapshot
from tasks.labelling import Labelling
from tasks.reporting import gather_report
from tasks.workplace import Workplace, open_workplace


@task(name="publish-run", persist_result=False, cache_policy=NO_CACHE)
def publish_run(run_id: str) -> dict[str, Any]:
    """Write report and manifest, read the manifest back, close the run; returns the counts."""
    return publish(open_workplace(), run_id)


def publish(workplace: Workplace, run_id: str) -> dict[str, Any]:
    """What `publish_run` does, for who has no flow around it. It may be done again, after people have decided.

    A run with work left (cancelled, out of budget) gets a report and stays open: no manifest says it is complete.
    """
    ledger, store = workplace.ledger, workplace.store
    ledger.note(run_id, stage="publishing")
    counts = ledger.counts(run_id)
    brief = CampaignBrief.model_validate_json(ledger.run(run_id).brief)
    labelling = Labelling(workplace, brief)
    store.put(report_key(run_id), render_report(gather_report(workplace, run_id)).encode(), content_type="text/html")
    if counts.unfinished:
        ledger.finish_run(run_id, state="stopped", totals=counts.as_dict())
        return counts.as_dict()
    _keep_ledger(workplace, run_id, counts.as_dict())
    with tempfile.NamedTemporaryFile() as sink:
        sink.writelines(manifest_lines(ledger.results(run_id), rules=labelling.rules_of))
        sink.flush()
        store.put_file(manifest_key(run_id), Path(sink.name), content_type="application/x-ndjson")
    ledger.finish_run(run_id, state="done", totals=counts.as_dict())
    return counts.as_dict()


def _keep_ledger(workplace: Workplace, run_id: str, totals: dict[str, int]) -> None:
    """What the ledger knows of the run goes into the store too: the store alone can then bring a lost ledger back."""
    ledger = workplace.ledger
    run = ledger.run(run_id)
    ended = replace(run, state="done", finished=time.time(), totals={**run.totals, **totals})
    with tempfile.NamedTemporaryFile() as sink:
        write_snapshot(sink.file, ended, ledger.results(run_id), ledger.decided(run_id))
        sink.flush()
        workplace.store.put_file(snapshot_key(run_id), Path(sink.name), content_type="application/gzip")
