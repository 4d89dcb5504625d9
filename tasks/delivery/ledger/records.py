"""What goes into the ledger and what comes out of it: plain frozen values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import orjson

from tasks.findings import Finding, Status, Verdict
from tasks.rendering.job import RenderJob
from tasks.rendering.steering import steer
from tasks.shapes import Box
from tasks.steering import PLAIN, Steering

JobState = Literal["ready", "leased", "done", "dead"]
RunState = Literal["running", "done", "stopped", "failed"]


class Added(NamedTuple):
    """How many of the jobs handed in the ledger had never seen, and how many it knew."""

    new: int
    known: int


class Expired(NamedTuple):
    """How many jobs of silent owners went back to ready, and how many were set aside for good."""

    returned: int
    dead: int


@dataclass(frozen=True)
class Campaign:
    """One run of a brief. `started` and `finished` are seconds since 1970."""

    run_id: str
    brief: str
    state: RunState
    cancelled: bool
    totals: Mapping[str, Any]
    started: float
    finished: float | None


@dataclass(frozen=True)
class Shard:
    """Jobs that batch well together, in catalogue order; a job that has failed twice travels alone."""

    run_id: str
    group_key: str
    job_ids: tuple[str, ...]


@dataclass(frozen=True)
class LeasedJob:
    """A job in somebody's hands. `attempt` must come back with the result: it tells this lease from a later one."""

    job_id: str
    sku: str
    scene: str
    variant: int
    attempt: int
    failures: int
    take: int
    spec: bytes
    image: str
    line: int
    product: bytes = b"{}"
    order: str = ""  # Steering.as_text() of this take

    @property
    def steering(self) -> Steering:
        return Steering.parse(self.order)

    @property
    def job(self) -> RenderJob:
        """What this take is to be: the job as planned, steered by its order."""
        return steer(RenderJob.model_validate_json(self.spec), self.steering)

    def next(self, steering: Steering) -> "LeasedJob":
        """The same lease at the next take."""
        return replace(self, take=self.take + 1, order=steering.as_text())

    @property
    def facts(self) -> dict[str, Any]:
        """What people read of the product, as `tasks.prompts.row.product_facts` wrote it."""
        facts: dict[str, Any] = orjson.loads(self.product)
        return facts


@dataclass(frozen=True)
class Master:
    """A full-size render as the store verified it."""

    key: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Take:
    """One judged attempt at a job: what set it apart, what was found, and its master."""

    take: int
    verdict: Verdict
    steering: Steering
    cost: float
    key: str
    sha256: str


class Settled(NamedTuple):
    """The take that a job is delivered with, and its verdict."""

    take: int
    status: Status


@dataclass(frozen=True)
class JobResult:
    """What rendering and judging one take came to. `cost` is what this take spent."""

    take: int
    verdict: Verdict
    master: Master
    product_box: Box
    timings: Mapping[str, float] = field(default_factory=dict)
    cost: float = 0.0
    notes: tuple[str, ...] = ()
    signature: str = ""
    steering: Steering = PLAIN

    def timed(self, seconds: Mapping[str, float]) -> "JobResult":
        """The same with its timings."""
        return replace(self, timings=dict(seconds))


@dataclass(frozen=True)
class Rendition:
    """One derivative of a master as the store verified it; `rule` is the digest of the placement's rules."""

    placement: str
    rule: str
    key: str
    sha256: str
    width: int
    height: int
    bytes: int
    format: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class JobRecord:
    """Everything the ledger knows of one job in one run."""

    ordinal: int
    job_id: str
    sku: str
    scene: str
    variant: int
    state: JobState
    attempt: int
    failures: int
    take: int
    reason: str
    cost: float
    fresh: bool
    spec: bytes
    image: str
    line: int
    product: bytes = b"{}"
    order: str = ""  # Steering.as_text() of the delivered take
    take_cost: float = 0.0  # of the delivered take alone
    signature: str = ""
    verdict: Verdict | None = None
    master: Master | None = None
    product_box: Box | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    takes: tuple[Take, ...] = ()  # all that were judged, the delivered one among them, oldest first

    @property
    def steering(self) -> Steering:
        return Steering.parse(self.order)

    @property
    def job(self) -> RenderJob:
        """What this take was to be: the job as planned, steered by its order."""
        return steer(RenderJob.model_validate_json(self.spec), self.steering)

    @property
    def facts(self) -> dict[str, Any]:
        """What people read of the product, as `tasks.prompts.row.product_facts` wrote it."""
        facts: dict[str, Any] = orjson.loads(self.product)
        return facts


# Placement -> digest of what shapes its renditions: the same for all jobs, or each job's own.
Rules = Mapping[str, str] | Callable[[JobRecord], Mapping[str, str]]


def rules_for(rules: Rules, record: JobRecord) -> Mapping[str, str]:
    """The rules that this job's renditions are made by."""
    return rules(record) if callable(rules) else rules


class Rejudged(NamedTuple):
    """A take whose verdict a later look changes; `before` as that look saw it."""

    job_id: str
    take: int
    before: Verdict
    after: Verdict


class MissingRenditions(NamedTuple):
    """A judged job and the placements for which it has no rendition by today's rules."""

    record: JobRecord
    placements: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """Where a run stands; `fresh` is how many of its jobs were not done when it planned them."""

    by_state: Mapping[str, int]
    by_verdict: Mapping[str, int]
    fresh: int

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def unfinished(self) -> int:
        return self.by_state.get("ready", 0) + self.by_state.get("leased", 0)

    @property
    def approved(self) -> int:
        return self.by_verdict.get("approved", 0)

    @property
    def review(self) -> int:
        return self.by_verdict.get("review", 0)

    @property
    def rejected(self) -> int:
        return self.by_verdict.get("rejected", 0)

    @property
    def failed(self) -> int:
        return self.by_state.get("dead", 0)

    def as_dict(self) -> dict[str, int]:
        """The figures of a summary."""
        names = ("total", "approved", "review", "rejected", "failed", "unfinished", "fresh")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Agent:
    """A renderer that reports for work. `memory` is the device's, in MiB; `last_seen` is the database's clock."""

    id: str
    host: str
    device: str
    model: str
    memory: int
    last_seen: float = 0.0
