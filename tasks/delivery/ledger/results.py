"""What a run has come to: counts, records in catalogue order, renditions, verdicts by people."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, select, true, tuple_, update

from tasks.delivery.ledger.claims import SUSPECT_FAILURES
from tasks.delivery.ledger.database import Database
from tasks.delivery.ledger.dialect import among
from tasks.delivery.ledger.records import (
    Counts,
    JobRecord,
    Master,
    MissingRenditions,
    Rejudged,
    Rendition,
    Rules,
    Shard,
    Take,
    rules_for,
)
from tasks.delivery.ledger.tables import (
    DELIVERED,
    DONE,
    LEASED,
    READY,
    campaign_job,
    job,
    job_spec,
    master,
    rendition,
    take_order,
)
from tasks.delivery.ledger.takes import enter_renditions, takes_of
from tasks.findings import Verdict, findings_text, read_findings
from tasks.shapes import Box

PAGE = 500
SHARD_PAGE = 5000
NUMBER_MOST = 2**63 - 1  # no job's number is larger

RECORD = (
    select(
        *(campaign_job.c[name] for name in ("ordinal", "job", "fresh")),
        *(job.c[name] for name in ("job_id", "sku", "scene", "variant", "state", "attempt", "failures", "take")),
        *(job.c[name] for name in ("reason", "cost", "verdict")),
        *(job_spec.c[name] for name in ("spec", "image", "line", "product")),
        *(
            master.c[name]
            for name in ("key", "sha256", "width", "height", "product_box", "findings", "timings", "notes")
        ),
        func.coalesce(master.c.signature, "").label("signature"),
        func.coalesce(take_order.c.steering, "").label("order"),
        func.coalesce(master.c.cost, 0.0).label("take_cost"),
    )
    .join(job, job.c.number == campaign_job.c.job)
    .join(job_spec, job_spec.c.job == job.c.number)
    .outerjoin(master, DELIVERED)
    .outerjoin(take_order, and_(take_order.c.job_id == job.c.job_id, take_order.c.take == job.c.take))
)


class Results(Database):
    """Long listings come page by page in transactions of their own: nobody is held up, and memory stays flat."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # by run: no job before this place was unfinished when last looked, by this process
        self._unfinished_from: dict[str, int] = {}

    def counts(self, run_id: str) -> Counts:
        grouped = (
            select(job.c.state, job.c.verdict, campaign_job.c.fresh, func.count())
            .join(campaign_job, campaign_job.c.job == job.c.number)
            .where(campaign_job.c.run_id == run_id)
            .group_by(job.c.state, job.c.verdict, campaign_job.c.fresh)
        )
        states: dict[str, int] = defaultdict(int)
        verdicts: dict[str, int] = defaultdict(int)
        fresh_jobs = 0
        with self.read() as connection:
            for state, verdict, fresh, count in connection.execute(grouped):
                states[state] += count
                fresh_jobs += count if fresh else 0
                if state == DONE:
                    verdicts[verdict] += count
        return Counts(dict(states), dict(verdicts), fresh_jobs)

    def size(self) -> int:
        """How many jobs the ledger knows."""
        with self.read() as connection:
            return int(connection.execute(select(func.count()).select_from(job)).scalar_one())

    def mean_cost(self, model: str, *, last: int = 200) -> float | None:
        """What one of a model's latest masters cost, in the currency of the settings; None before the first."""
        latest = (
            select(job.c.cost)
            .where(job.c.state == DONE, job.c.group_key.startswith(f"{model}@", autoescape=True))
            .order_by(job.c.updated.desc())
            .limit(last)
            .subquery()
        )
        with self.read() as connection:
            mean = connection.execute(select(func.avg(latest.c.cost))).scalar_one_or_none()
        return None if mean is None else float(mean)

    def spent(self, run_id: str) -> float:
        """Cost of the jobs that this run found undone, in the currency of the settings."""
        cost = select(func.coalesce(func.sum(job.c.cost), 0.0)).join(campaign_job, campaign_job.c.job == job.c.number)
        with self.read() as connection:
            mine = cost.where(campaign_job.c.run_id == run_id, campaign_job.c.fresh == true())
            return float(connection.execute(mine).scalar_one())

    def next_shards(self, run_id: str, size: int, *, limit: int | None = None) -> list[Shard]:
        """The run's ready jobs in shards of at most `size`, first come first; at most `limit` shards.

        A few of them cost the same at the end of a long run as at its beginning.
        """
        if limit is None:
            return list(_cut(run_id, self._ready(run_id), size))
        shards = self._first_shards(run_id, size, limit, start=self._skip_finished(run_id))
        # nothing after the place that was kept: another process may have given jobs before it another chance
        return shards or self._first_shards(run_id, size, limit, start=0)

    def _first_shards(self, run_id: str, size: int, limit: int, *, start: int) -> list[Shard]:
        page = min(SHARD_PAGE, max(4 * size * limit, PAGE))
        return list(islice(_cut(run_id, self._ready(run_id, start=start, page=page), size), limit))

    def _skip_finished(self, run_id: str) -> int:
        """The place of the run's first job that is neither done nor dead, looked for from where it last was."""
        unfinished = (
            select(campaign_job.c.ordinal)
            .join(job, job.c.number == campaign_job.c.job)
            .where(campaign_job.c.run_id == run_id, job.c.state.in_((READY, LEASED)))
            .order_by(campaign_job.c.ordinal, campaign_job.c.job)
            .limit(1)
        )
        with self.read() as connection:
            known = self._unfinished_from.get(run_id, 0)
            place = connection.execute(unfinished.where(campaign_job.c.ordinal >= known)).scalar()
        if place is not None:
            self._unfinished_from[run_id] = place
        return known if place is None else place

    def ready_jobs(self, run_id: str) -> Iterator[str]:
        """Ids of the run's ready jobs in catalogue order."""
        return (row.job_id for row in self._ready(run_id))

    def results(self, run_id: str) -> Iterator[JobRecord]:
        """All of a run's jobs in catalogue order, each with its renditions of the delivered take."""
        for records in self._pages(run_id, RECORD):
            yield from records

    def missing_renditions(
        self, run_id: str, rules: Rules, *, verdicts: Collection[str] = ("approved",)
    ) -> Iterator[MissingRenditions]:
        """Judged jobs that lack a rendition for a placement by its present rules."""
        wanted = RECORD.where(job.c.state == DONE, job.c.verdict.in_(sorted(verdicts)))
        for records in self._pages(run_id, wanted):
            for record in records:
                have = {(each.placement, each.rule) for each in record.renditions}
                lacking = tuple(name for name, rule in rules_for(rules, record).items() if (name, rule) not in have)
                if lacking:
                    yield MissingRenditions(record, lacking)

    def put_renditions(self, job_id: str, take: int, renditions: Sequence[Rendition]) -> None:
        """Record renditions of one take; one for the same placement replaces the earlier."""
        with self.write() as connection:
            enter_renditions(connection, job_id, take, renditions)

    def judged(self, run_id: str) -> Iterator[list[JobRecord]]:
        """The run's judged jobs page by page in catalogue order; their renditions are left out."""
        for rows in self._row_pages(run_id, RECORD.where(job.c.state == DONE), page=PAGE):
            with self.read() as connection:
                earlier = takes_of(connection, [row.job_id for row in rows], but_delivered=True)
            yield [_with_takes(_record(row), earlier.get(row.job_id, ())) for row in rows]

    def rejudge(self, changes: Sequence[Rejudged]) -> set[str]:
        """Give pictures the verdict of a later look, all at once; the ids of those that have it now.

        Passed over is what is no longer as that look saw it: rendered anew, or decided on by a person.
        """
        current = select(job.c.job_id, job.c.take, master.c.findings).join(master, DELIVERED)
        current = current.where(among(job.c.job_id, [each.job_id for each in changes]), job.c.state == DONE)
        with self.write() as connection:
            rows = connection.execute(current.with_for_update(of=job)).all() if changes else []
            held = {(row.job_id, row.take): row.findings for row in rows}
            same = [
                each for each in changes if held.get((each.job_id, each.take)) == findings_text(each.before.findings)
            ]
            if same:
                _replace_verdicts(connection, same)
        return {each.job_id for each in same}

    def _ready(self, run_id: str, *, start: int = 0, page: int = SHARD_PAGE) -> Iterator[Row[Any]]:
        columns = select(campaign_job.c.ordinal, campaign_job.c.job, job.c.job_id, job.c.group_key, job.c.failures)
        ready = columns.join(job, job.c.number == campaign_job.c.job).where(job.c.state == READY)
        for rows in self._row_pages(run_id, ready, page=page, start=start):
            yield from rows

    def _pages(self, run_id: str, query: Select[Any]) -> Iterator[list[JobRecord]]:
        for rows in self._row_pages(run_id, query, page=PAGE):
            with self.read() as connection:
                renditions = _renditions(connection, rows)
                earlier = takes_of(connection, [row.job_id for row in rows if row.state == DONE], but_delivered=True)
            records = (replace(_record(row), renditions=tuple(renditions[row.job_id, row.take])) for row in rows)
            yield [_with_takes(record, earlier.get(record.job_id, ())) for record in records]

    def _row_pages(self, run_id: str, query: Select[Any], *, page: int, start: int = 0) -> Iterator[Sequence[Row[Any]]]:
        """Pages by key, not by offset: each is as cheap as the first."""
        place = tuple_(campaign_job.c.ordinal, campaign_job.c.job)
        ordered = query.where(campaign_job.c.run_id == run_id).order_by(*place.clauses).limit(page)
        after = (start - 1, NUMBER_MOST)
        while True:
            with self.read() as connection:
                rows = connection.execute(ordered.where(place > after)).all()
            if rows:
                yield rows
            if len(rows) < page:
                return
            after = (rows[-1].ordinal, rows[-1].job)


def _with_takes(record: JobRecord, others: tuple[Take, ...]) -> JobRecord:
    if record.verdict is None or record.master is None:
        return record
    master, verdict = record.master, record.verdict
    delivered = Take(record.take, verdict, record.steering, record.take_cost, master.key, master.sha256)
    return replace(record, takes=tuple(sorted((*others, delivered), key=lambda each: each.take)))


def _replace_verdicts(connection: Connection, changes: Sequence[Rejudged]) -> None:
    """Of delivered takes, in their job and in their master."""
    rows = [
        {
            "judged_id": each.job_id,
            "judged_take": each.take,
            "now_status": each.after.status,
            "now_findings": findings_text(each.after.findings),
        }
        for each in changes
    ]
    verdict = update(job).where(job.c.job_id == bindparam("judged_id")).values(verdict=bindparam("now_status"))
    of_one = (master.c.job_id == bindparam("judged_id"), master.c.take == bindparam("judged_take"))
    values: dict[str, Any] = {"status": bindparam("now_status"), "findings": bindparam("now_findings")}
    connection.execute(verdict, rows)
    connection.execute(update(master).where(*of_one).values(values), rows)


def of_take(job_id: str, take: int) -> tuple[ColumnElement[bool], ...]:
    return master.c.job_id == job_id, master.c.take == take


def _cut(run_id: str, rows: Iterator[Row[Any]], size: int) -> Iterator[Shard]:
    """Fill one shard a group in one pass; full ones come out at once, the rest at the end, suspects last and alone.

    Last, because what kills its renderer each time must not keep the others from being made.
    """
    filling: dict[str, list[str]] = {}
    suspects: list[Shard] = []
    for row in rows:
        if row.failures >= SUSPECT_FAILURES:
            suspects.append(Shard(run_id, row.group_key, (row.job_id,)))
            continue
        jobs = filling.setdefault(row.group_key, [])
        jobs.append(row.job_id)
        if len(jobs) == size:
            yield Shard(run_id, row.group_key, tuple(filling.pop(row.group_key)))
    for group, jobs in filling.items():
        yield Shard(run_id, group, tuple(jobs))
    yield from suspects


def _renditions(connection: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[str, int], list[Rendition]]:
    done = [row.job_id for row in rows if row.state == DONE]
    found: dict[tuple[str, int], list[Rendition]] = defaultdict(list)
    if done:
        query = select(rendition).where(among(rendition.c.job_id, done)).order_by(rendition.c.placement)
        for row in connection.execute(query):
            values = dict(row._mapping)
            key = (values.pop("job_id"), values.pop("take"))
            found[key].append(Rendition(**{**values, "findings": read_findings(row.findings)}))
    return found


def _record(row: Row[Any]) -> JobRecord:
    values = dict(row._mapping)
    del values["job"]  # the number that places a page
    of_master = {name: values.pop(name) for name in ("key", "sha256", "width", "height", "product_box")}
    findings, timings, notes, status = (values.pop(name) for name in ("findings", "timings", "notes", "verdict"))
    record = JobRecord(**{**values, "fresh": bool(row.fresh), "spec": bytes(row.spec), "product": bytes(row.product)})
    if record.state != DONE:
        return record
    box = Box(*orjson.loads(of_master.pop("product_box")))
    return replace(
        record,
        verdict=Verdict(status=status, findings=read_findings(findings)),
        master=Master(**of_master),
        product_box=box,
        timings=orjson.loads(timings),
        notes=tuple(orjson.loads(notes)),
    )
