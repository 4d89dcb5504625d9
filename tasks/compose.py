"""Make renditions of masters, one per placement."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.banners.compose import Refused, compose_renditions
from tasks.banners.compose import Rendition as Composed
from tasks.banners.master_png import decode_master
from tasks.banners.placement import Placement
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import rendition_key
from tasks.delivery.ledger import JobRecord, Rendition
from tasks.errors import LedgerError
from tasks.findings import Finding
from tasks.rendering.job import RenderJob
from tasks.rendering.renderer import Alpha, Pixels
from tasks.shapes import Box
from tasks.storage.base import ObjectStore
from tasks.workplace import Workplace, open_workplace

SUFFIXES = {"jpeg": "jpg"}


class Picture(NamedTuple):
    """A master as composing needs it. `alpha` is at hand only while it comes fresh from the renderer."""

    sku: str
    job_id: str
    take: int
    job: RenderJob
    pixels: Pixels
    product_box: Box
    alpha: Alpha | None = None


@task(name="compose-missing", persist_result=False, cache_policy=NO_CACHE)
def compose_missing(run_id: str) -> int:
    """Make the renditions that approved masters of the run still lack, from the store; returns how many were made."""
    workplace = open_workplace()
    brief = CampaignBrief.model_validate_json(workplace.ledger.run(run_id).brief)
    workplace.ledger.note(run_id, stage="composing")
    made = sum(compose_stored(workplace, run_id, workplace.placements(brief.placements)))
    get_run_logger().info("%d renditions made from stored masters", made)
    return made


def compose_stored(workplace: Workplace, run_id: str, placements: tuple[Placement, ...]) -> Iterator[int]:
    """Renditions made per master, for the approved masters of a run that lack some of these placements."""
    digests = {placement.id: placement.digest for placement in placements}
    for record, lacking in workplace.ledger.missing_renditions(run_id, digests):
        wanted = [placement for placement in placements if placement.id in lacking]
        renditions = tuple(compose_master(workplace.store, _stored_picture(workplace, record), wanted))
        workplace.ledger.put_renditions(record.job_id, record.take, renditions)
        yield sum(bool(rendition.key) for rendition in renditions)


def compose_master(store: ObjectStore, picture: Picture, placements: Iterable[Placement]) -> Iterator[Rendition]:
    """Store one rendition per placement. A refusal is an entry without a key, so that it is not tried every night."""
    made = compose_renditions(
        picture.pixels,
        picture.product_box,
        placements,
        background=picture.job.background,
        alpha=picture.alpha,
    )
    for outcome in made:
        broken = () if isinstance(outcome, Refused) else _broken_rules(outcome)
        if isinstance(outcome, Refused):
            yield _refusal(outcome.placement, outcome.reason)
        elif broken:
            yield _refusal(outcome.placement, f"breaks a rule of the platform: {'; '.join(broken)}")
        else:
            yield _store(store, picture, outcome)


def _broken_rules(made: Composed) -> tuple[str, ...]:
    """Rules of the platform's own (grade A) that the file does not meet, with the measured value."""
    failed = (finding for finding in made.findings if not finding.passed and finding.severity == "reject")
    return tuple(f"{finding.check} is {finding.value}, limit {finding.limit}" for finding in failed)


def _stored_picture(workplace: Workplace, record: JobRecord) -> Picture:
    if record.master is None or record.product_box is None:
        raise LedgerError(f"job {record.job_id} is {record.state} but has no master; run the campaign again")
    pixels = decode_master(workplace.store.get(record.master.key))
    return Picture(record.sku, record.job_id, record.take, record.job, pixels, record.product_box)


def _store(store: ObjectStore, picture: Picture, made: Composed) -> Rendition:
    extension = SUFFIXES.get(made.format, made.format)
    key = rendition_key(made.placement.id, picture.sku, picture.job_id, picture.take, extension)
    stored = store.put(key, made.data, content_type=f"image/{made.format}")
    return Rendition(
        placement=made.placement.id,
        rule=made.placement.digest,
        key=key,
        sha256=stored.sha256,
        width=made.width,
        height=made.height,
        bytes=stored.bytes,
        format=made.format,
        findings=made.findings,
    )


def _refusal(placement: Placement, reason: str) -> Rendition:
    why = Finding(check="composable", value=0, limit=1, passed=False, severity="note", detail=reason)
    return Rendition(
        placement=placement.id,
        rule=placement.digest,
        key="",
        sha256="",
        width=0,
        height=0,
        bytes=0,
        format="",
        findings=(why,),
    )
