"""Runs and their jobs: beginning, planning into the ledger, cancelling, finishing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, get_args

import orjson
from sqlalchemy import Connection, Row, bindparam, func, select, text, update

from tasks.delivery.ledger.database import Database
from tasks.delivery.ledger.dialect import among, insert, now
from tasks.delivery.ledger.grouping import group_key
from tasks.delivery.ledger.records import Added, Campaign, RunState
from tasks.delivery.ledger.tables import DONE, READY, campaign, campaign_job, job, job_spec
from tasks.errors import LedgerError
from tasks.rendering.job import PlannedJob

T = TypeVar("T")

# What may change under one job_id: where the picture lies, and what people read of the product.
ADDRESS = ("image", "line", "product")
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
    return connection.execute(select(job.c.job_id).where(among(job.c.job_id, job_ids), job.c.state == DONE)).scalars()


def _add_batch(connection: Connection, run_id: str, batch: Sequence[PlannedJob], *, first: int) -> int:
    """Jobs go in sorted, so that two planners of one catalogue cannot block each other crosswise."""
    known = _known(connection, [planned.job_id for planned in batch])
    unknown = sorted(planned for planned in batch if planned.job_id not in known)
    new = _insert(connection, job, [_job_row(planned) for planned in unknown])
    _insert(connection, job_spec, [_spec_row(planned) for planned in unknown])
    _move(connection, [planned for planned in batch if planned.job_id in known], known)
    links = [
        {
            "run_id": run_id,
            "ordinal": first + place,
            "job_id": planned.job_id,
            "fresh": planned.job_id not in known or known[planned.job_id].state != DONE,
        }
        for place, planned in enumerate(batch)
    ]
    _insert(connection, campaign_job, links)
    return new


def _known(connection: Connection, job_ids: Sequence[str]) -> dict[str, Row[Any]]:
    columns = select(job.c.job_id, job.c.state, *(job_spec.c[name] for name in ADDRESS))
    found = columns.join(job_spec, job_spec.c.job_id == job.c.job_id).where(among(job.c.job_id, job_ids))
    return {row.job_id: row for row in connection.execute(found)}


def _move(connection: Connection, batch: Sequence[PlannedJob], known: Mapping[str, Row[Any]]) -> None:
    """The wording never changes under one job_id; where its picture lies may, and what people read of the product."""
    moved = [
        each for each in batch if list(_address(each).values()) != [*map(known[each.job_id]._mapping.get, ADDRESS)]
    ]
    statement = update(job_spec).where(job_spec.c.job_id == bindparam("moved_id"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in ADDRESS})
    if moved:
        rows = [
            {"moved_id": each.job_id, **{f"new_{name}": value for name, value in _address(each).items()}}
            for each in sorted(moved)
        ]
        connection.execute(statement, rows)


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> int:
    """How many rows were not there yet."""
    if not rows:
        return 0
    statement = insert(table, connection.dialect.name).on_conflict_do_nothing()
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def _spec_row(planned: PlannedJob) -> dict[str, Any]:
    return {"job_id": planned.job_id, "spec": planned.spec, **_address(planned)}


def _address(planned: PlannedJob) -> dict[str, Any]:
    return {name: getattr(planned, name) for name in ADDRESS}


def _job_row(planned: PlannedJob) -> dict[str, Any]:
    return {
        "job_id": planned.job_id,
        "sku": planned.sku,
        "scene": planned.scene,
        "variant": planned.variant,
        "group_key": group_key(planned.spec),
        "state": READY,
    }


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
