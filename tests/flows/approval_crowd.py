"""A run with very many pictures that wait for a person: in the ledger alone, no pixels behind them."""

from sqlalchemy import insert, select, update

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import Ledger
from tasks.delivery.ledger.tables import DONE, campaign_job, job, master
from tests.delivery.small_jobs import plan
from tests.flows.approval_run import RUN, grown

CAUSES = ("growth", "text", "second-product")


def crowd(ledger: Ledger, catalogue: str, number: int) -> None:
    """`number` pictures of the run RUN in review, for one of three causes each."""
    ledger.begin_run(RUN, CampaignBrief(catalog=catalogue).model_dump_json())
    ledger.add_jobs(RUN, plan(number))
    finding = grown(512, 512)
    texts = [f"[{finding.model_copy(update={'cause': cause}).model_dump_json()}]" for cause in CAUSES]
    with ledger.write() as connection:
        listed = select(job.c.job_id).join(campaign_job, campaign_job.c.job == job.c.number)
        ids = connection.execute(listed.order_by(campaign_job.c.ordinal)).scalars().all()
        connection.execute(update(job).values(state=DONE, verdict="review"))
        connection.execute(insert(master), [_row(job_id, texts[n % 3]) for n, job_id in enumerate(ids)])
    ledger.finish_run(RUN, state="done")


def _row(job_id: str, findings: str) -> dict[str, object]:
    return {
        "job_id": job_id,
        "take": 0,
        "status": "review",
        "cost": 0.01,
        "key": f"masters/x/{job_id}-0.png",
        "sha256": job_id.ljust(64, "0"),
        "width": 512,
        "height": 512,
        "product_box": "[100,100,300,400]",
        "findings": findings,
        "timings": "{}",
        "notes": "[]",
        "signature": "",
    }
