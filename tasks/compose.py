"""Make renditions of masters, one per placement."""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.banners.compose import Refused, compose_renditions
from tasks.banners.compose import Rendition as Composed
from tasks.banners.master_png import decode_master
from tasks.banners.placement import Placement
from tasks.catalog.bad_rows import write_bad_rows
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import bad_rows_key, rendition_key
from tasks.delivery.labels import Origin
from tasks.delivery.ledger import JobRecord, Rendition
from tasks.errors import ConfigurationError, LedgerError
from tasks.findings import Finding
from tasks.labelling import Labelling, origin_of
from tasks.rendering.renderer import Alpha, Pixels
from tasks.shapes import Box
from tasks.storage.base import ObjectStore
from tasks.workplace import Workplace, open_workplace

SUFFIXES = {"jpeg": "jpg"}
NOTHING: Mapping[str, Any] = MappingProxyType({})
COMPOSERS = 2  # threads: scaling and encoding let go of the interpreter


class Picture(NamedTuple):
    """A master as composing needs it. `alpha` is at hand only while it comes fresh from the renderer.

    `facts` is what people read of the product, as `tasks.prompts.row.product_facts` wrote it.
    """

    origin: Origin
    facts: Mapping[str, Any]
    pixels: Pixels
    product_box: Box
    alpha: Alpha | None = None


class Composition(NamedTuple):
    """What came of one master; entries without a key could not be made."""

    sku: str
    renditions: tuple[Rendition, ...]

    @property
    def made(self) -> int:
        return sum(bool(each.key) for each in self.renditions)


@task(name="compose-missing", persist_result=False, cache_policy=NO_CACHE)
def compose_missing(run_id: str, rendered: CampaignBrief | None = None) -> int:
    """Make the renditions that approved masters of the run still lack, from the store; returns how many were made.

    `rendered` is the brief that the masters were rendered by, where it is not the run's own.
    """
    workplace = open_workplace()
    brief = CampaignBrief.model_validate_json(workplace.ledger.run(run_id).brief)
    workplace.ledger.note(run_id, stage="composing")
    made = sum(compose_stored(workplace, run_id, brief, rendered=rendered))
    get_run_logger().info("%d renditions made from stored masters", made)
    return made


@task(name="adopt-masters", persist_result=False, cache_policy=NO_CACHE)
def adopt_masters(run_id: str, source: str, brief: CampaignBrief, limit: int | None) -> int:
    """Begin a run of another run's approved pictures; returns how many."""
    workplace = open_workplace()
    workplace.ledger.begin_run(run_id, brief.model_dump_json())
    with io.StringIO(newline="") as text:
        write_bad_rows((), text)
        workplace.store.put(bad_rows_key(run_id), text.getvalue().encode(), content_type="text/csv; charset=utf-8")
    return workplace.ledger.adopt(run_id, source, limit=limit)


class Source(NamedTuple):
    """A run whose masters are at hand: the brief by which to compose them, and the one they were rendered by."""

    run_id: str
    brief: CampaignBrief
    rendered: CampaignBrief


def find_masters(
    source: str, placements: tuple[str, ...], *, visible_mark: bool | None, dress: Mapping[str, Any] = NOTHING
) -> Source:
    """A run (empty: the latest) and its brief with other placements. ConfigurationError where there is no run.

    No placements: those the run had. `visible_mark` None: as the run's brief had it. `dress` are the brief's fields for
    copy, as far as they change.
    """
    workplace = open_workplace()
    workplace.placements(placements)  # a name that does not exist is told before anything is made
    run = workplace.ledger.run(source) if source else workplace.ledger.last_run()
    if run is None:
        raise ConfigurationError(f"{workplace.ledger.name} knows no run yet. Render first: shangxin run CATALOGUE.")
    last = CampaignBrief.model_validate_json(run.brief)
    marked = last.visible_mark if visible_mark is None else visible_mark
    asked = {"placements": placements or last.placements, "visible_mark": marked}
    changes = {name: value for name, value in dress.items() if value}
    return Source(run.run_id, last.model_copy(update={**asked, **changes}), last)


def compose_stored(
    workplace: Workplace,
    run_id: str,
    brief: CampaignBrief,
    *,
    rendered: CampaignBrief | None = None,
    limit: int | None = None,
    refused: Callable[[str, Rendition], None] = lambda sku, rendition: None,
) -> Iterator[int]:
    """Renditions made per master, for the approved masters of a run that lack some of the brief's placements.

    `rendered` is the brief of the run where this one is another: its masters are those at hand. Two threads compose,
    with a handful of masters in memory, however many there are. `refused` is told the SKU and the entry of what
    could not be made.
    """
    labelling = Labelling(workplace, brief, rendered=rendered)
    lacking = islice(_lacking(workplace, run_id, labelling), limit)
    with ThreadPoolExecutor(COMPOSERS, thread_name_prefix="compose") as pool:
        waiting: deque[Future[Composition]] = deque()
        try:
            for record, wanted in lacking:
                waiting.append(pool.submit(_compose_record, workplace, record, wanted, labelling))
                if len(waiting) > 2 * COMPOSERS:
                    yield _count(waiting.popleft().result(), refused)
            while waiting:
                yield _count(waiting.popleft().result(), refused)
        finally:
            for future in waiting:
                future.cancel()


def _count(composed: Composition, refused: Callable[[str, Rendition], None]) -> int:
    for rendition in composed.renditions:
        if not rendition.key:
            refused(composed.sku, rendition)
    return composed.made


def _lacking(workplace: Workplace, run_id: str, labelling: Labelling) -> Iterator[tuple[JobRecord, list[Placement]]]:
    for record, names in workplace.ledger.missing_renditions(run_id, labelling.rules_of):
        wanted = [placement for placement in labelling.served_by(record) if placement.id in names]
        if wanted:
            yield record, wanted


def compose_job(workplace: Workplace, run_id: str, job_id: str) -> int:
    """Make what one approved picture of a run still lacks, from its stored master; 0 where it is not approved."""
    record = workplace.ledger.record(run_id, job_id)
    if record is None or record.verdict is None or record.verdict.status != "approved":
        return 0
    labelling = Labelling(workplace, CampaignBrief.model_validate_json(workplace.ledger.run(run_id).brief))
    have = {(made.placement, made.rule) for made in record.renditions}
    wanted = [each for each in labelling.served_by(record) if (each.id, each.digest) not in have]
    return _compose_record(workplace, record, wanted, labelling).made if wanted else 0


def _compose_record(
    workplace: Workplace, record: JobRecord, wanted: Iterable[Placement], labelling: Labelling
) -> Composition:
    renditions = tuple(compose_master(workplace.store, _stored_picture(workplace, record), wanted, labelling))
    workplace.ledger.put_renditions(record.job_id, record.take, renditions)
    return Composition(record.sku, renditions)


def compose_master(
    store: ObjectStore, picture: Picture, placements: Iterable[Placement], labelling: Labelling
) -> Iterator[Rendition]:
    """Store one labelled rendition per placement; a refusal is an entry without a key: it is not tried every night."""
    made = compose_renditions(
        picture.pixels,
        picture.product_box,
        placements,
        background=picture.origin.job.background,
        alpha=picture.alpha,
        dresser=labelling.dresser(picture.origin, picture.facts),
        finisher=labelling.labeller(picture.origin, picture.facts),
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
    return Picture(origin_of(record), record.facts, pixels, record.product_box)


def _store(store: ObjectStore, picture: Picture, made: Composed) -> Rendition:
    extension = SUFFIXES.get(made.format, made.format)
    origin = picture.origin
    key = rendition_key(made.placement.id, origin.sku, origin.job_id, origin.take, extension)
    stored = store.put(key, made.data, content_type=f"image/{made.format}")
    findings = made.findings
    if made.layers:
        beside = rendition_key(made.placement.id, origin.sku, origin.job_id, origin.take, "svg")
        store.put(beside, made.layers, content_type="image/svg+xml")
        findings += (Finding(check="layers", value=len(made.layers), limit=None, passed=True, detail=beside),)
    return Rendition(
        placement=made.placement.id,
        rule=made.placement.digest,
        key=key,
        sha256=stored.sha256,
        width=made.width,
        height=made.height,
        bytes=stored.bytes,
        format=made.format,
        findings=findings,
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
