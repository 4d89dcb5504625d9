"""A finished run whose pictures wait for a person, without rendering."""

from pathlib import Path

import numpy as np

from tasks.banners.master_png import encode_master
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import bad_rows_key, master_key
from tasks.delivery.ledger import JobResult, Master
from tasks.findings import Finding, judge
from tasks.planning import plan_batches
from tasks.shapes import Box
from tasks.workplace import Workplace

RUN = "run-1"
GROWN = Finding(check="growth", value=0.0874, limit=0.03, passed=False, cause="growth", box=Box(600, 300, 760, 520))
SHARP = Finding(check="focus", value=0.5, limit=0.12, passed=True)


def wait_for_a_person(workplace: Workplace, catalogue: Path) -> list[str]:
    """Job ids of a run that is done but for its `review` pictures, in catalogue order."""
    brief = CampaignBrief(
        catalog=str(catalogue),
        scenes=("wood-morning", "festive-red"),
        placements=("taobao-main",),
        model="sleep-1ms",
    )
    ledger, store = workplace.ledger, workplace.store
    ledger.begin_run(RUN, brief.model_dump_json())
    jobs = [job for batch in plan_batches(workplace, brief, lambda row: None) for job in batch]
    ledger.add_jobs(RUN, jobs)
    for lease in ledger.lease([job.job_id for job in jobs], owner="a", seconds=60):
        pixels = np.full((lease.job.height, lease.job.width, 3), (190, 170, 140), np.uint8)
        product = stands(lease.job.width, lease.job.height)
        pixels[product.top : product.bottom, product.left : product.right] = (40, 60, 90)
        key = master_key(lease.sku, lease.job_id, 0)
        stored = store.put(key, encode_master(pixels, recipe="{}"), content_type="image/png")
        result = JobResult(
            take=0,
            verdict=judge((grown(lease.job.width, lease.job.height), SHARP)),
            master=Master(key, stored.sha256, lease.job.width, lease.job.height),
            product_box=product,
        )
        ledger.commit(lease.job_id, owner="a", attempt=lease.attempt, result=result)
    store.put(bad_rows_key(RUN), b"line,column,value,reason\n", content_type="text/csv")
    ledger.finish_run(RUN, state="done")
    return [job.job_id for job in jobs]


def stands(width: int, height: int) -> Box:
    """Where the product is, in a master of that size."""
    return Box(width * 25 // 64, height * 19 // 64, width * 40 // 64, height * 50 // 64)


def grown(width: int, height: int) -> Finding:
    """The finding GROWN, which points into a master of 1024x1024, for a master of that size."""
    box = Box(600 * width // 1024, 300 * height // 1024, 760 * width // 1024, 520 * height // 1024)
    return GROWN.model_copy(update={"box": box})
