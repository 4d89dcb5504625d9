"""What follows a decision, beside the page: renditions of approved pictures, then report and manifest of the run."""

import logging
import queue
import threading
from typing import NamedTuple

from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_job, compose_stored
from tasks.errors import ShangxinError
from tasks.publish import publish
from tasks.workplace import Workplace

logger = logging.getLogger(__name__)


class Work(NamedTuple):
    """One job's renditions, or, without a job, the run's report and manifest."""

    run_id: str
    job_id: str = ""


class Standing(NamedTuple):
    """What the page says of publishing: `waiting` decisions not published yet, `busy` pieces of work in hand."""

    busy: int
    waiting: int
    running: bool
    unfinished: int
    trouble: str


class Publisher:
    """One thread. When a run's queue is empty and nothing is left to compose, the run is published by itself."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._work: queue.Queue[Work | None] = queue.Queue()
        self._trouble: dict[str, str] = {}
        self._thread = threading.Thread(target=self._serve, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in hand; what is left is found again by the next start's first publishing."""
        self._work.put(None)
        self._thread.join(timeout=30)

    def decided(self, run_id: str, job_id: str) -> None:
        self._work.put(Work(run_id, job_id))

    def publish(self, run_id: str) -> None:
        self._work.put(Work(run_id))

    def wait(self) -> None:
        """Until all work handed over so far is done."""
        self._work.join()

    def standing(self, run_id: str) -> Standing:
        ledger = self._workplace.ledger
        run = ledger.run(run_id)
        return Standing(
            busy=self._work.unfinished_tasks,
            waiting=ledger.decided_since(run_id, run.finished or 0.0),
            running=run.state == "running",
            unfinished=ledger.counts(run_id).unfinished,
            trouble=self._trouble.get(run_id, ""),
        )

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                self._do(work)
            except (ShangxinError, OSError, ValueError) as error:
                logger.warning("%s: %s", work, error)
                self._trouble[work.run_id] = str(error)
            finally:
                self._work.task_done()
        self._work.task_done()

    def _do(self, work: Work) -> None:
        if not work.job_id:
            self._publish(work.run_id)
            return
        compose_job(self._workplace, work.run_id, work.job_id)
        if self._work.empty() and not self._workplace.ledger.counts(work.run_id).review:
            self._publish(work.run_id)

    def _publish(self, run_id: str) -> None:
        """Nothing while the run still renders: its own end publishes, with all that was decided until then."""
        ledger = self._workplace.ledger
        run = ledger.run(run_id)
        if run.state == "running":
            return
        brief = CampaignBrief.model_validate_json(run.brief)
        for _ in compose_stored(self._workplace, run_id, brief):
            pass
        last = -1
        while (newest := ledger.newest_decision()) != last:  # somebody decided meanwhile: once more
            publish(self._workplace, run_id)
            last = newest
        self._trouble.pop(run_id, None)
