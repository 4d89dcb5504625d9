"""Gather a run's report from ledger, store and templates."""

import csv
import datetime as dt
import io
import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from zoneinfo import ZoneInfo

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.acceptance import TakeEntry, counted_causes
from tasks.delivery.keys import bad_rows_key
from tasks.delivery.ledger import JobRecord
from tasks.delivery.manifest import ManifestRendition, manifest_line
from tasks.delivery.report import BadRowEntry, RenditionEntry, ReportData, ReportRow
from tasks.delivery.thumbnails import make_thumbnail
from tasks.errors import StorageError
from tasks.labelling import Labelling
from tasks.rendering.checkpoints.table import licence_note, published_sets
from tasks.rendering.presets import PRESETS, may_change
from tasks.shapes import Size
from tasks.workplace import SLEEPER, Workplace

BAD_ROWS_SHOWN = 500


def gather_report(workplace: Workplace, run_id: str) -> ReportData:
    """Everything the report of a run shows. Thumbnails are made only for the pictures that will be on the page."""
    ledger = workplace.ledger
    run = ledger.run(run_id)
    brief = CampaignBrief.model_validate_json(run.brief)
    zone = ZoneInfo(workplace.settings.timezone)
    labelling = Labelling(workplace, brief)
    counts = ledger.counts(run_id)
    return ReportData(
        run_id=run_id,
        catalog=brief.catalog,
        started=dt.datetime.fromtimestamp(run.started, zone),
        finished=dt.datetime.now(zone),
        rows=(reported_row(workplace, record, labelling.rules_of(record)) for record in ledger.results(run_id)),
        bad_rows=tuple(_bad_rows(workplace, run_id)),
        bad_row_count=run.totals.get("rows_bad"),
        already_done=counts.total - counts.fresh,
        currency=workplace.settings.currency,
        model=brief.model,
        model_note=model_note(workplace, brief.model),
        samplers=dict(may_change(*PRESETS)),
        tunings=may_change(tunings=workplace.model(brief.model).tuning),
        check_titles=workplace.thresholds.check_titles,
        cause_titles=workplace.thresholds.cause_titles,
    )


def reported_row(workplace: Workplace, record: JobRecord, rules: Mapping[str, str]) -> ReportRow:
    """One job as the report shows it; `rules` as in `manifest_line`."""
    line = manifest_line(record, rules=rules)
    scene = workplace.library.scenes.get(record.scene)
    return ReportRow(
        sku=record.sku,
        title=record.facts.get("title", ""),
        scene=record.scene,
        scene_title=scene.title.zh if scene else record.scene,
        status=line.status,
        variant=record.variant,
        take=record.take,
        job_id=record.job_id,
        findings=record.verdict.findings if record.verdict else (),
        prompt=line.prompt,
        negative_prompt=line.negative_prompt,
        thumb=partial(_thumbnail, workplace, record.master.key) if record.master else None,
        size=record.job.size,
        master_key=record.master.key if record.master else "",
        renditions=tuple(_entry(made) for made in line.renditions),
        seconds=record.timings,
        reason=line.reason,
        category=_category(workplace, record),
        notes=record.notes,
        takes=tuple(
            TakeEntry(each.take, each.status, counted_causes(each.findings), each.steering, each.key)
            for each in line.takes
        ),
        sampler=record.job.sampler.preset if record.job.background == "generated" else "",
        fresh=record.fresh,
        cost=record.cost,
    )


def _category(workplace: Workplace, record: JobRecord) -> str:
    found = workplace.library.categories.get(workplace.library.category_id(record.facts.get("category", "")))
    return found.title.zh if found else ""


def _entry(made: ManifestRendition) -> RenditionEntry:
    passed = all(finding.passed or finding.severity == "note" for finding in made.findings)
    return RenditionEntry(made.placement, made.key, Size(made.width, made.height), made.bytes, passed)


def _thumbnail(workplace: Workplace, key: str) -> bytes | None:
    try:
        return make_thumbnail(workplace.store.get(key))
    except (StorageError, OSError):
        return None  # the page says so in the picture's place; the manifest's own check tells what is wrong


def _bad_rows(workplace: Workplace, run_id: str) -> Iterator[BadRowEntry]:
    text = workplace.store.get(bad_rows_key(run_id)).decode("utf-8-sig")
    rows = csv.reader(io.StringIO(text, newline=""))
    for line, column, value, reason in itertools.islice(rows, 1, 1 + BAD_ROWS_SHOWN):
        yield BadRowEntry(int(line), column, value, reason)


def model_note(workplace: Workplace, name: str) -> str:
    """What kind of model drew the pictures, under which licence, and what commercial use of its weights asks for."""
    found = workplace.model(name)
    # a folder with a card of its own holds the same published weights unless it is a draft
    terms = (
        "" if found.draft or SLEEPER.fullmatch(name) else licence_note(published_sets()[found.published or "kolors"])
    )
    parts = [found.note, found.licence, terms]
    return "; ".join(part for part in parts if part)
