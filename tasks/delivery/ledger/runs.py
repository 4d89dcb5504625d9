"""Runs and their jobs: beginning, planning into the ledger, cancelling, finishing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, get_args

import orjson
from sqlalchemy import Connection, Row, bindparam, false, func, select, text, update

from tasks.delivery.ledger.database import Database
from tasks.delivery.ledger.dialect import among, insert, insert_many, now
from tasks.delivery.ledger.grouping import group_key
from tasks.delivery.ledger.records import Added, Campaign, RunState
from tasks.delivery.ledger.tables import DONE, READY, campaign, campaign_job, job, job_spec
from tasks.errors import LedgerError
from tasks.rendering.job import PlannedJob

T = TypeVar("T")

# What may change under one job_id: where the picture lies, and what people read of the product.
ADDRESS = ("image", "line", "product")
# Columns that planning writes, in the order of the rows it makes.
JOB = (
    "job_id", "sku", "scene", "variant", "group_key", "state",
    "attempt", "failures", "in_hand", "owner", "take", "cost", "reason", "updated",
)  # fmt: skip
UNTOUCHED = (0, 0, False, "", 0, 0.0, "", 0.0)
SPEC = ("job", *ADDRESS, "spec")
LINK = ("run_id", "ordinal", "job", "fresh")
BATCH = 2000
LOOK_UP_BATCH = 10_000


class Runs(Database):
    """Every method makes the ledger so, and may be called again."""

    def begin_run(self, run_id: str, brief: str) -> Campaign:
        """Enter a run, or take up one that began before; its newest brief counts. A cancelled run stays cancelled."""
        with self.write() as connection:
            number = select(func.coalesce(func.max(campaign.c.number), 0) + 1).scalar_subquery()
            statement = insert(campaign, self.dialect).values(
                run_id=run_id, number=number, brief=brief, state="running", cancelled=False, totals="{}", started=now()
            )
            again = {"brief": brief, "state": "running", "finished": None}
            connection.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=again))
            return _campaign(_row(connection, run_id, name=self.name))

    def add_jobs(self, run_id: str, jobs: Iterable[PlannedJob], *, first: int = 0) -> Added:
        """Enter a run's jobs in the order given, in batches; jobs the ledger knows keep their state.

        `first` is the place in the whole plan of the first job given, for who adds a plan in pieces.
        """
        with self.read() as connection:
            _row(connection, run_id, name=self.name)
        total, new = 0, 0
        for batch in _batches(jobs, BATCH):
            with self.write() as connection:
                new += _add_batch(connection, run_id, batch, first=first + total)
            total += len(batch)
        if total >= BATCH:
            self._analyse()
        return Added(new, total - new)

    def find_done(self, job_ids: Iterable[str]) -> set[str]:
        """Those of the given jobs whose master exists: what tonight need not render."""
        found: set[str] = set()
        for batch in _batches(job_ids, LOOK_UP_BATCH):
            with self.read() as connection:
                found.update(_done(connection, batch))
        return found

    def cancel(self, run_id: str) -> None:
        """Ask whoever renders for this run to stop after the batch in hand."""
        self._set(run_id, cancelled=True)

    def resume(self, run_id: str) -> None:
        """Take a cancellation back; the run's unfinished jobs are ready again."""
        self._set(run_id, cancelled=False, state="running", finished=None)

    def is_cancelled(self, run_id: str) -> bool:
        return self.run(run_id).cancelled

    def finish_run(self, run_id: str, *, state: RunState = "done", totals: Mapping[str, Any] | None = None) -> None:
        """Close a run with its figures. `stopped`: cancelled or out of budget, and resumable."""
        if state not in get_args(RunState):
            raise LedgerError(f"run {run_id}: {state!r} is no state of a run; expected {get_args(RunState)}")
        self.note(run_id, **(totals or {}))
        self._set(run_id, state=state, finished=now())

    def note(self, run_id: str, **facts: Any) -> None:
        """Add to what is known of a run: the stage it is in, the digest of its plan, how many rows were bad."""
        with self.write() as connection:
            known = orjson.loads(_row(connection, run_id, name=self.name).totals)
            totals = orjson.dumps({**known, **facts}).decode()
            connection.execute(update(campaign).where(campaign.c.run_id == run_id).values(totals=totals))

    def find_finished(self, *, plan: str, within: int = 200) -> Campaign | None:
        """The newest of the last runs that is done, lost nothing, and had a plan of that digest."""
        for run in self.runs(limit=within):
            if run.state == "done" and run.totals.get("plan") == plan and not run.totals.get("failed"):
                return run
        return None

    def run(self, run_id: str) -> Campaign:
        with self.read() as connection:
            return _campaign(_row(connection, run_id, name=self.name))

    def last_run(self) -> Campaign | None:
        return next(iter(self.runs(limit=1)), None)

    def runs(self, *, limit: int = 50) -> list[Campaign]:
        """The latest runs, newest first."""
        newest = select(campaign).order_by(campaign.c.number.desc(), campaign.c.started.desc()).limit(limit)
        with self.read() as connection:
            return [_campaign(row) for row in connection.execute(newest)]

    def waiting_runs(self, *, priority: str) -> list[Campaign]:
        """Runs under way that were begun with that priority and have jobs which nobody holds."""
        under_way = select(campaign).where(campaign.c.state == "running", campaign.c.cancelled == false())
        ready = select(job.c.number).join(campaign_job, campaign_job.c.job == job.c.number).where(job.c.state == READY)
        with self.read() as connection:
            found = [_campaign(row) for row in connection.execute(under_way)]
            urgent = [run for run in found if run.totals.get("priority") == priority]
            of_run = ready.where(campaign_job.c.run_id == bindparam("wanted")).limit(1)
            return [run for run in urgent if connection.execute(of_run, {"wanted": run.run_id}).first()]

    def _analyse(self) -> None:
        """Tell PostgreSQL at once how large the tables have become; until it knows, each page scans all of them."""
        if self.dialect == "postgresql":
            with self.write() as connection:
                connection.execute(text("ANALYZE job, job_spec, campaign_job"))

    def _set(self, run_id: str, **values: Any) -> None:
        with self.write() as connection:
            _row(connection, run_id, name=self.name)
            connection.execute(update(campaign).where(campaign.c.run_id == run_id).values(**values))


def _row(connection: Connection, run_id: str, *, name: str) -> Row[Any]:
    row = connection.execute(select(campaign).where(campaign.c.run_id == run_id)).first()
    if row is None:
        raise LedgerError(f"{name}: there is no run {run_id!r}. `begin_run` enters one.")
    return row


def _campaign(row: Row[Any]) -> Campaign:
    return Campaign(
        run_id=row.run_id,
        brief=row.brief,
        state=row.state,
        cancelled=bool(row.cancelled),
        totals=orjson.loads(row.totals),
        started=row.started,
        finished=row.finished,
    )


def _done(connection: Connection, job_ids: Sequence[str]) -> Iterable[str]:
    done = select(job.c.job_id).where(among(job.c.job_id, job_ids), job.c.state == DONE)
    return connection.execute(done).scalars()


def _add_batch(connection: Connection, run_id: str, batch: Sequence[PlannedJob], *, first: int) -> int:
    """Jobs go in sorted, so that two planners of one catalogue cannot block each other crosswise."""
    known = _known(connection, [planned.job_id for planned in batch])
    unknown = sorted({planned.job_id: planned for planned in batch if planned.job_id not in known}.values())
    new = insert_many(connection, job, JOB, map(_job_row, unknown))
    numbers = _numbers(connection, [planned.job_id for planned in unknown])
    insert_many(connection, job_spec, SPEC, ((numbers[each.job_id], *_address(each), each.spec) for each in unknown))
    _move(connection, [planned for planned in batch if planned.job_id in known], known)
    numbers |= {job_id: row.number for job_id, row in known.items()}
    done = {job_id for job_id, row in known.items() if row.state == DONE}
    links = (
        (run_id, first + place, numbers[planned.job_id], planned.job_id not in done)
        for place, planned in enumerate(batch)
    )
    insert_many(connection, campaign_job, LINK, links)
    return new


def _known(connection: Connection, job_ids: Sequence[str]) -> dict[str, Row[Any]]:
    columns = select(job.c.number, job.c.job_id, job.c.state, *(job_spec.c[name] for name in ADDRESS))
    found = columns.join(job_spec, job_spec.c.job == job.c.number).where(among(job.c.job_id, job_ids))
    return {row.job_id: row for row in connection.execute(found)}


def _numbers(connection: Connection, job_ids: Sequence[str]) -> dict[str, int]:
    """The numbers that the database gave the jobs, to this planner or to one that was quicker."""
    if not job_ids:
        return {}
    found = connection.execute(select(job.c.job_id, job.c.number).where(among(job.c.job_id, job_ids)))
    return dict(found.tuples().all())


def _move(connection: Connection, batch: Sequence[PlannedJob], known: Mapping[str, Row[Any]]) -> None:
    """The wording never changes under one job_id; where its picture lies may, and what people read of the product."""
    moved = sorted(each for each in batch if _address(each) != _address(known[each.job_id]))
    statement = update(job_spec).where(job_spec.c.job == bindparam("moved"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in ADDRESS})
    if moved:
        rows = [
            {
                "moved": known[each.job_id].number,
                "new_image": each.image,
                "new_line": each.line,
                "new_product": each.product,
            }
            for each in moved
        ]
        connection.execute(statement, rows)


def _address(job: PlannedJob | Row[Any]) -> tuple[str, int, bytes]:
    return job.image, job.line, job.product


def _job_row(planned: PlannedJob) -> tuple[Any, ...]:
    return planned.job_id, planned.sku, planned.scene, planned.variant, group_key(planned.spec), READY, *UNTOUCHED


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
