"""When a run's shards make room for a more urgent run: between two batches, not only at a shard's end."""

import time

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.ledger import Ledger

LOOK_SECONDS = 1.0
# What a shard gets done before it gives way, so that an urgent run whose own shards never come stops nobody for good.
LEAST_SECONDS = 2.0
URGENT = "high"


class Precedence:
    """Asked between batches whether an urgent run of the same model has pictures that nobody has in hand."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self._ledger = ledger
        run = ledger.run(run_id)
        self._model = _model_of(run.brief)
        self._urgent = run.totals.get("priority") == URGENT
        self._look_at = time.monotonic() + LEAST_SECONDS
        self._overtaken = False

    def overtaken(self) -> bool:
        """LedgerError. Looked up once a second at most."""
        if not self._urgent and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            waiting = self._ledger.waiting_runs(priority=URGENT)
            self._overtaken = any(_model_of(run.brief) == self._model for run in waiting)
        return self._overtaken


def _model_of(brief: str) -> str:
    return CampaignBrief.model_validate_json(brief).model
