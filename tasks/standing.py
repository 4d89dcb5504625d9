"""Is there anything to do? Tonight's plan against the ledger, without starting anything."""

from collections import deque
from typing import NamedTuple

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.errors import CatalogError
from tasks.planning import PlanDigest, plan_batches
from tasks.workplace import Workplace


class Twin(NamedTuple):
    """A finished run that delivered exactly this plan."""

    run_id: str
    total: int


def find_finished_twin(workplace: Workplace, brief: CampaignBrief) -> Twin | None:
    """The last run of this very plan where it is complete and its manifest is in the store, else None.

    Stops reading at the first job that is not done, so asking costs little on a night with work to do.
    """
    digest, total = PlanDigest(workplace, brief), 0
    last_bad: deque[BadRow] = deque(maxlen=1)
    try:
        for batch in plan_batches(workplace, brief, last_bad.append):
            if len(workplace.ledger.find_done([job.job_id for job in batch])) < len(batch):
                return None
            digest.note(batch)
            total += len(batch)
    except CatalogError:
        if last_bad:
            return None  # every row is bad: a run has to list them
        raise
    run = workplace.ledger.find_finished(plan=digest.hexdigest())
    return Twin(run.run_id, total) if run and workplace.store.exists(manifest_key(run.run_id)) else None
