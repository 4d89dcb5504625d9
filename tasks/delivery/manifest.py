"""The manifest: one JSON line a job, saying what was made, from what, and how it was judged. Written last."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from tasks.delivery.ledger.records import JobRecord, Rendition, Rules, Take, rules_for
from tasks.errors import LedgerError
from tasks.findings import Finding, Status, Verdict
from tasks.rendering.job import ModelRef, take_seed
from tasks.shapes import Size

NOT_COMPARED = frozenset({"timings", "cost"})


class Frozen(BaseModel, frozen=True):
    """Fields may be added to a manifest, so a reader ignores those it does not know; it never misses one."""


class ManifestMaster(Frozen):
    """The full-size render, as the store verified it."""

    key: str
    sha256: str
    width: int
    height: int


class ManifestRendition(Frozen):
    """One derivative for one placement, as the store verified it."""

    placement: str
    key: str
    sha256: str
    width: int
    height: int
    bytes: int
    format: str
    findings: tuple[Finding, ...] = ()


class Refusal(Frozen):
    """A placement that this master cannot serve, and why."""

    placement: str
    reason: str


class ManifestTake(Frozen):
    """One attempt at the job: what set it apart (empty: only its seed) and what was found. `key` is its master."""

    take: int
    status: Status
    findings: tuple[Finding, ...]
    steering: Mapping[str, Any]
    key: str
    cost: float = 0.0


class ManifestLine(Frozen):
    """One job of a run. `seed` is the delivered take's; `size` is (width, height) of the master in pixels.

    A failed job has `reason` and no verdict, master or renditions. `takes` are all that were judged, `take` is the one
    that counts. `timings` are seconds by stage, `cost` is in the currency of the settings and of all takes together;
    time and money alone may differ between a disturbed and an undisturbed run.
    """

    sku: str
    scene: str
    variant: int
    take: int
    job_id: str
    status: Literal["approved", "review", "rejected", "failed"]
    verdict: Verdict | None
    prompt: str
    negative_prompt: str
    seed: int
    size: Size
    model: ModelRef
    master: ManifestMaster | None
    renditions: tuple[ManifestRendition, ...]
    refused: tuple[Refusal, ...] = ()
    takes: tuple[ManifestTake, ...] = ()
    timings: Mapping[str, float] = Field(default_factory=dict)
    cost: float = 0.0
    reason: str = ""
    notes: tuple[str, ...] = ()


def manifest_line(record: JobRecord, *, rules: Mapping[str, str] | None = None) -> ManifestLine:
    """What the manifest says of one job; a job that is not finished counts as failed, with the reason.

    Only approved pictures are delivered, so only they list renditions: those of the placements in `rules` (placement ->
    digest of its rules), or all where none are given.
    """
    job, finished = record.job, record.verdict is not None and record.master is not None
    approved = record.verdict is not None and record.verdict.status == "approved"
    made = [
        each for each in record.renditions if approved and (rules is None or rules.get(each.placement) == each.rule)
    ]
    return ManifestLine(
        sku=record.sku,
        scene=record.scene,
        variant=record.variant,
        take=record.take,
        job_id=record.job_id,
        status=record.verdict.status if record.verdict and finished else "failed",
        verdict=record.verdict,
        prompt=job.prompt,
        negative_prompt=job.negative_prompt,
        seed=take_seed(job.seed, _seed_take(record)),
        size=job.size,
        model=job.model,
        master=ManifestMaster(**vars(record.master)) if record.master else None,
        renditions=tuple(_rendition(each) for each in made if each.key),
        refused=tuple(_refusal(each) for each in made if not each.key),
        takes=tuple(map(_take, record.takes)),
        timings=dict(record.timings),
        cost=record.cost,
        reason="" if finished else record.reason or "not rendered: the run ended before its turn",
        notes=record.notes,
    )


def manifest_lines(records: Iterable[JobRecord], *, rules: Rules | None = None) -> Iterator[bytes]:
    """The manifest as JSON Lines in UTF-8, one line at a time, each with its line end."""
    for record in records:
        own = None if rules is None else rules_for(rules, record)
        yield manifest_line(record, rules=own).model_dump_json().encode() + b"\n"


def read_manifest(data: bytes | Iterable[bytes]) -> Iterator[ManifestLine]:
    """The lines of a manifest, from its bytes or line by line from an open file. LedgerError names a bad line."""
    lines = data.split(b"\n") if isinstance(data, bytes) else data
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parsed(line, number)


def comparable(line: ManifestLine) -> dict[str, Any]:
    """What must be equal however often a run was killed and resumed: everything but time and money."""
    excluded: dict[str, Any] = {**dict.fromkeys(NOT_COMPARED, True), "takes": {"__all__": {"cost"}}}
    return line.model_dump(mode="json", exclude=excluded)


def _parsed(line: bytes, number: int) -> ManifestLine:
    try:
        return ManifestLine.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise LedgerError(f"manifest line {number}: {where}: {first['msg']}. Write the manifest again.") from None


def _seed_take(record: JobRecord) -> int:
    seed_of = record.steering.seed_of
    return record.take if seed_of is None else seed_of


def _take(take: Take) -> ManifestTake:
    return ManifestTake(
        take=take.take,
        status=take.verdict.status,
        findings=take.verdict.findings,
        steering=take.steering.model_dump(mode="json", exclude_defaults=True),
        key=take.key,
        cost=take.cost,
    )


def _refusal(refused: Rendition) -> Refusal:
    return Refusal(placement=refused.placement, reason=" ".join(finding.detail for finding in refused.findings))


def _rendition(made: Rendition) -> ManifestRendition:
    return ManifestRendition(**{name: value for name, value in vars(made).items() if name != "rule"})
