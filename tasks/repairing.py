"""The takes of one job under lease: each is judged and stored, then repaired, passed on or settled."""

from dataclasses import replace
from typing import NamedTuple

from tasks.delivery.ledger import JobResult, LeasedJob, Settled
from tasks.quality.repair import Tried, best_of, next_steering
from tasks.rendering.renderer import Failed, Rendered, RenderRequest
from tasks.steering import Steering
from tasks.workplace import Workplace


class TakesOfJob:
    """What was tried with a job so far, in this lease and before it, and what follows from that."""

    def __init__(self, workplace: Workplace, lease: LeasedJob, *, candidates: int) -> None:
        self._table = workplace.repairs
        # a cut-out on white is drawn by no model: every take of it is the same
        drawn = lease.job.background == "generated"
        self._candidates = candidates if drawn else 1
        earlier = workplace.ledger.takes(lease.job_id) if lease.take else ()
        self._tried = [Tried(each.take, each.verdict, each.steering) for each in earlier if each.take < lease.take]
        self.made: list[JobResult] = []

    def add(self, result: JobResult) -> Steering | None:
        """Take note of a judged take; how the next one is to differ, None where this was the last."""
        self.made.append(result)
        self._tried.append(Tried(result.take, result.verdict, result.steering))
        return next_steering(self._table, self._tried, candidates=self._candidates)

    @property
    def settled(self) -> Settled | None:
        """The take to deliver; None where there is none yet."""
        if not self._tried:
            return None
        best = best_of(self._tried)
        return Settled(best.take, best.verdict.status)


class Again(NamedTuple):
    """The next take of a job, made of the same decode."""

    lease: LeasedJob
    rendered: Rendered


def rework(lease: LeasedJob, rendered: Rendered, steering: Steering) -> Again | None:
    """The next take, where the model would draw it as it drew this one; None where it has to draw."""
    if rendered.rework is None or not steering.drawn_as(lease.steering, take=lease.take):
        return None
    later = lease.next(steering)
    made = rendered.rework(RenderRequest(later.job, later.take, rendered.request.images, steering))
    return None if isinstance(made, Failed) else Again(later, replace(made, notes=rendered.notes))
