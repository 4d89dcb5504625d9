"""A brief planned and rendered in this process, without a flow around it."""

import pytest

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import JobRecord, Ledger, Rejudged
from tasks.findings import Verdict
from tasks.planning import plan_batches
from tasks.render import ShardRun
from tasks.workplace import Workplace, open_workplace


def render_planned(brief: CampaignBrief, run_id: str) -> Workplace:
    """All jobs of the brief, in one shard; a bad row fails the test."""
    workplace = open_workplace()
    workplace.ledger.begin_run(run_id, brief.model_dump_json())
    jobs = [job for batch in plan_batches(workplace, brief, lambda row: pytest.fail(str(row))) for job in batch]
    workplace.ledger.add_jobs(run_id, jobs)
    ShardRun(workplace, run_id).render([job.job_id for job in jobs])
    return workplace


def approve(ledger: Ledger, record: JobRecord) -> None:
    """Whatever checks think of a draft model's scene."""
    assert record.verdict is not None
    ledger.rejudge([Rejudged(record.job_id, record.take, record.verdict, Verdict(status="approved"))])
