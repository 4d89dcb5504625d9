"""Read a catalogue into products, plan its jobs and enter them into the ledger."""

import itertools
import tempfile

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import bad_rows_key
from tasks.errors import CatalogError
from tasks.planning import BadRowSpool, PlanDigest, plan_batches
from tasks.runs import check_run_id
from tasks.workplace import Workplace, open_workplace


class Ingested(BaseModel, frozen=True):
    """What reading and planning came to. `plan` is the digest of everything the run is to deliver."""

    rows_bad: int
    jobs: int
    new: int
    plan: str


@task(name="ingest-catalogue", persist_result=False, cache_policy=NO_CACHE)
def ingest_catalogue(run_id: str, brief: CampaignBrief) -> Ingested:
    """Enter every job of the brief into the ledger; jobs it knows already are only linked to this run."""
    workplace = open_workplace()
    ledger = workplace.ledger
    check_run_id(run_id)
    ledger.begin_run(run_id, brief.model_dump_json())
    ledger.note(run_id, stage="ingesting")
    with tempfile.TemporaryFile() as spool:
        bad_rows = BadRowSpool(spool)
        digest = PlanDigest(workplace, brief)
        planned = itertools.chain.from_iterable(plan_batches(workplace, brief, bad_rows.add))
        try:
            added = ledger.add_jobs(run_id, digest.noting(planned))
        except CatalogError as error:
            ledger.finish_run(run_id, state="failed", totals={"rows_bad": bad_rows.count})
            # also where every row is bad: that is when people need the list
            raise CatalogError(f"{error} {_list_bad_rows(workplace, run_id, bad_rows)}") from error
        _list_bad_rows(workplace, run_id, bad_rows)
    ledger.revive(run_id)  # what failed in another run gets another chance in this one
    ledger.note(run_id, plan=digest.hexdigest(), rows_bad=bad_rows.count)
    get_run_logger().info("%d jobs, %d of them new; %d bad rows", sum(added), added.new, bad_rows.count)
    return Ingested(rows_bad=bad_rows.count, jobs=sum(added), new=added.new, plan=digest.hexdigest())


def _list_bad_rows(workplace: Workplace, run_id: str, bad_rows: BadRowSpool) -> str:
    """Write bad_rows.csv and say where."""
    key = bad_rows_key(run_id)
    workplace.store.put(key, bad_rows.as_csv(), content_type="text/csv; charset=utf-8")
    return f"{bad_rows.count} bad rows are listed in {workplace.store.uri.rstrip('/')}/{key}."
