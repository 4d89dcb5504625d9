"""Judge masters by their findings."""

from collections.abc import Collection
from typing import NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.delivery.ledger import JobRecord, LeasedJob, Rejudged
from tasks.findings import Finding, Verdict, judge
from tasks.quality.checks import check_master
from tasks.quality.duplicates import DuplicateIndex, Signature, check_duplicate
from tasks.quality.evidence import Evidence
from tasks.quality.models import check_with_models
from tasks.quality.repair import Tried, next_steering
from tasks.quality.thresholds import Thresholds
from tasks.rendering.renderer import Rendered
from tasks.workplace import Workplace, open_workplace


def review_master(
    workplace: Workplace,
    lease: LeasedJob,
    rendered: Rendered,
    *,
    encoded: bytes,
    strict: bool = False,
    placements: Collection[str] = (),
) -> Verdict:
    """The verdict on one finished master, with every finding, under the limits of its category, scene and placements.

    `strict`: a check that could not run sends the picture to a person.
    """
    evidence, limits = evidence_of(rendered, encoded=encoded), _limits(workplace, lease, placements)
    limits = limits.strict if strict else limits
    found = check_master(evidence, limits)
    if judge(found).status != "rejected":  # what is rejected anyway needs no slow second opinion
        found += check_with_models(evidence, limits, workplace.quality_models)
    return judge(found)


def evidence_of(rendered: Rendered, *, encoded: bytes) -> Evidence:
    """What the checks look at, from what a renderer hands over and the master's file."""
    job = rendered.request.job
    return Evidence(
        pixels=rendered.pixels,
        raw=rendered.raw if job.background == "generated" else None,
        expected=rendered.expected,
        alpha=rendered.alpha,
        product_box=rendered.product_box,
        background=job.background,
        encoded=encoded,
        light=job.shadow.direction if job.shadow else None,
        prompt=job.prompt,
        cut=rendered.cut,
    )


@task(name="review-run", persist_result=False, cache_policy=NO_CACHE)
def review_run(run_id: str, *, repair: bool = True) -> int:
    """Keep back pictures that look like an earlier one of the run; returns how many get another take for it.

    In catalogue order over the whole run, so that neither the order of rendering nor a crash in between matters: a run
    with work left (its budget is spent) orders nothing, nor does it where `repair` is off. What no take can mend, or
    has not, goes to a person.
    """
    workplace = open_workplace()
    workplace.ledger.note(run_id, stage="reviewing")
    index, ordered = DuplicateIndex(), 0
    decided = workplace.ledger.decided(run_id)
    may_order = repair and not workplace.ledger.counts(run_id).unfinished
    for page in workplace.ledger.judged(run_id):
        looks = [_look(workplace, index, record) for record in page if record.signature and record.verdict]
        # where a person has looked no check overrules that
        looks = [each for each in looks if (each.record.job_id, each.record.take) not in decided]
        changed = [each.change for each in looks if each.change.before != each.change.after]
        touched = {each.job_id for each in changed} - workplace.ledger.rejudge(changed)
        if may_order:
            alike = (each for each in looks if not each.finding.passed and each.record.job_id not in touched)
            ordered += sum(_order_repair(workplace, each.record, each.change.after) for each in alike)
    return ordered


class _Look(NamedTuple):
    """What comparing one picture with the run's earlier ones has found."""

    record: JobRecord
    finding: Finding
    change: Rejudged


def _order_repair(workplace: Workplace, record: JobRecord, verdict: Verdict) -> bool:
    """Whether another take was ordered; one that no model draws comes out the same each time."""
    takes = [Tried(each.take, each.verdict, each.steering) for each in record.takes if each.take != record.take]
    takes.append(Tried(record.take, verdict, record.steering))
    takes.sort(key=lambda each: each.take)
    order = next_steering(workplace.repairs, takes) if record.job.background == "generated" else None
    if order is None or order.seed_of is not None:
        return False
    return workplace.ledger.order_repair(record.job_id, take=record.take, order=order)


def _look(workplace: Workplace, index: DuplicateIndex, record: JobRecord) -> _Look:
    """Compare a picture with the earlier ones, and judge it anew with that finding in place of an older one."""
    signature, before = Signature.parse(record.signature), record.verdict or judge(())
    finding = check_duplicate(index, signature, _limits(workplace, record), job_id=record.job_id)
    index.add(signature, job_id=record.job_id, sku=record.sku)
    others = (known for known in before.findings if known.check != finding.check)
    return _Look(record, finding, Rejudged(record.job_id, record.take, before, judge((*others, finding))))


def _limits(workplace: Workplace, entry: LeasedJob | JobRecord, placements: Collection[str] = ()) -> Thresholds:
    category = entry.facts.get("category", "")
    names = {category, workplace.library.category_id(category)}
    limits = workplace.thresholds.choose(names, entry.scene, placements=placements)
    scene = workplace.library.scenes.get(entry.scene)
    return limits.without("text") if scene and scene.lettering else limits
