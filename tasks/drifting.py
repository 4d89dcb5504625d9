"""The drift watch: render the golden set, compare it with the last accepted night, and stop before one is wasted."""

import datetime as dt
import platform
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import orjson
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.banners.master_png import encode_master
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.acceptance import common_part
from tasks.delivery.keys import golden_key
from tasks.delivery.ledger import LeasedJob
from tasks.errors import ConfigurationError, DriftError, StorageError
from tasks.findings import Finding
from tasks.planning import plan_batches
from tasks.quality.drift import GoldenPicture, GoldenSet, Night, compare_nights, load_golden
from tasks.quality.duplicates import sign
from tasks.rendering.job import PlannedJob
from tasks.rendering.renderer import Failed, Rendered, RenderRequest
from tasks.review import review_master
from tasks.workplace import Workplace, open_workplace

ACCEPTED = "accepted"


class Watched(NamedTuple):
    """Tonight's golden set, the night it was compared with (None: the first), and what was found."""

    night: Night
    accepted: Night | None
    findings: tuple[Finding, ...]

    @property
    def jumps(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if not each.passed and each.severity == "reject")

    def __str__(self) -> str:
        jumps = ", ".join(
            f"{each.check.removeprefix('drift_')} {each.value:g} (limit {each.limit:g})" for each in self.jumps
        )
        since = f" since {self.accepted.run_id}" if self.accepted else ""
        weights = self.accepted and self.accepted.revision != self.night.revision
        changed = f"; the weights were {self.accepted.revision} then" if self.accepted and weights else ""
        reasons = Counter(each.reason for each in self.night.pictures.values() if each.reason).most_common(1)
        failed = "".join(f"; {count} failed: {reason}" for reason, count in reasons)
        return f"{self.night.model}: {jumps or 'no jump'}{since}{changed}{failed}"


@task(name="watch-drift", persist_result=False, cache_policy=NO_CACHE)
def watch_drift(run_id: str, brief: CampaignBrief) -> str:
    """Render the golden set before a run; DriftError where it jumped and the brief says stop. The run stays open."""
    workplace = open_workplace()
    ledger = workplace.ledger
    ledger.note(run_id, stage="watching")
    watched = watch(workplace, brief.model, run_id)
    get_run_logger().info("golden set: %s", watched)
    if watched.jumps:
        ledger.note(run_id, drift=str(watched))
    if watched.jumps and brief.drift == "stop":
        ledger.finish_run(run_id, state="stopped", totals=ledger.counts(run_id).as_dict())
        raise DriftError(
            f"the golden set came out differently: {watched}. Nothing was rendered. Look at what changed (weights, "
            "scheduler, driver, templates); if it is meant, accept it: shangxin drift --accept"
        )
    return str(watched)


def watch(workplace: Workplace, model: str, run_id: str, *, accept: bool = False) -> Watched:
    """Render the golden set and compare; a night without a jump, the first one too, becomes the accepted one."""
    golden = load_golden(workplace.settings.templates / "quality" / "golden.yaml")
    accepted = last_accepted(workplace, model)
    night = render_golden(workplace, golden, model, run_id)
    common = accepted is not None and not night.pictures.keys().isdisjoint(accepted.pictures)
    findings = compare_nights(night, accepted, golden.limits) if accepted and common else ()
    watched = Watched(night, accepted, findings)
    _keep(workplace, night, run_id)
    if accept or not watched.jumps:
        _keep(workplace, night, ACCEPTED)
    return watched


def last_accepted(workplace: Workplace, model: str) -> Night | None:
    key = golden_key(model, ACCEPTED)
    if not workplace.store.exists(key):
        return None
    try:
        return Night.model_validate_json(workplace.store.get(key))
    except ValueError as error:
        raise StorageError(f"{key}: not a night of the golden set ({error}). Remove it to begin anew.") from None


def render_golden(workplace: Workplace, golden: GoldenSet, model: str, run_id: str) -> Night:
    """The golden set rendered and judged here and now, whatever the ledger calls done."""
    jobs = {f"{job.sku} {job.scene} {job.variant}": job for job in _golden_jobs(workplace, golden, model)}
    ref = workplace.model(model).ref
    names = {(job.job.job_id): name for name, job in jobs.items()}
    pictures = {}
    for outcome in workplace.renderer(model).render(_requests(workplace, golden, list(jobs.values()))):
        name = names[outcome.request.job.job_id]
        pictures[name] = _judged(workplace, jobs[name], outcome)
    return Night(
        run_id=run_id,
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        model=model,
        revision=f"{ref.revision} {ref.precision}",
        machine=f"{platform.node()} {workplace.settings.device}",
        pictures={name: pictures[name] for name in jobs},
    )


def _golden_jobs(workplace: Workplace, golden: GoldenSet, model: str) -> list[PlannedJob]:
    brief = CampaignBrief(catalog=golden.catalog, scenes=golden.scenes, variants=golden.variants, model=model)
    wanted = set(golden.skus)
    planned = [job for batch in plan_batches(workplace, brief, lambda row: None) for job in batch]
    jobs = [job for job in planned if job.sku in wanted]
    missing = wanted - {job.sku for job in jobs}
    if missing:
        raise ConfigurationError(
            f"golden.yaml: {golden.catalog} has no usable row for {', '.join(sorted(missing))} in its scenes; "
            "name products that stay"
        )
    return jobs


def _requests(workplace: Workplace, golden: GoldenSet, jobs: list[PlannedJob]) -> list[RenderRequest]:
    images = workplace.images(golden.catalog)
    references = workplace.reference_pictures
    return [
        RenderRequest(job.job, 0, {job.job.product_image: images.read(job.image), **references(job.job)})
        for job in jobs
    ]


def _judged(workplace: Workplace, planned: PlannedJob, outcome: Rendered | Failed) -> GoldenPicture:
    if isinstance(outcome, Failed):
        return GoldenPicture(status="failed", reason=common_part(outcome.reason))
    encoded = encode_master(outcome.pixels, recipe="{}")
    verdict = review_master(workplace, _lease(planned), outcome, encoded=encoded)
    seconds = sum(outcome.seconds.values())
    return GoldenPicture(status=verdict.status, signature=str(sign(outcome.pixels)), seconds=round(seconds, 4))


def _lease(planned: PlannedJob) -> LeasedJob:
    """The job as judging knows it; nobody holds it."""
    known = {name: getattr(planned, name) for name in ("job_id", "sku", "scene", "variant", "spec", "image", "line")}
    return LeasedJob(**known, product=planned.product, attempt=0, failures=0, take=0)


def _keep(workplace: Workplace, night: Night, name: str) -> None:
    data = orjson.dumps(night.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    workplace.store.put(golden_key(night.model, name), data, content_type="application/json")


def drift_rows(watched: Watched) -> Iterator[tuple[str, str, str, bool | None]]:
    """Check, value and limit as text, and whether it passed (None: not measured), for people."""
    for each in watched.findings:
        value = each.detail if each.value is None else f"{each.value:g}"
        yield each.check.removeprefix("drift_"), value, f"{each.limit:g}", None if each.value is None else each.passed
