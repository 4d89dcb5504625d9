"""Looking after a ledger: runs of other runs' pictures, what was kept elsewhere entered again, old runs forgotten."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Update, bindparam, delete, func, or_, select, update

from tasks.delivery.ledger.database import Database
from tasks.delivery.ledger.dialect import among, insert, insert_many, now, upsert
from tasks.delivery.ledger.records import Campaign, JobResult, Rendition
from tasks.delivery.ledger.runs import LINK, _add_batch
from tasks.delivery.ledger.tables import (
    DONE,
    READY,
    campaign,
    campaign_job,
    decision,
    job,
    master,
    rendition,
    take_order,
)
from tasks.delivery.ledger.takes import master_row, rendition_row
from tasks.rendering.job import PlannedJob
from tasks.steering import PLAIN

RESTORED = "restored"


class Entry(Protocol):
    """A job with what it came to, as `tasks.delivery.snapshot.KeptJob` has it."""

    @property
    def planned(self) -> PlannedJob: ...
    @property
    def result(self) -> JobResult | None: ...
    @property
    def renditions(self) -> tuple[Rendition, ...]: ...
    @property
    def others(self) -> tuple[JobResult, ...]: ...
    @property
    def cost(self) -> float: ...
    @property
    def decided(self) -> bool: ...


class Upkeep(Database):
    """What housekeeping, restoring and recomposing need; nothing here is on the way of a picture."""

    def adopt(self, run_id: str, source: str, *, limit: int | None = None) -> int:
        """Link the approved jobs of another run to this one, in their order; returns how many were linked."""
        approved = (
            select(campaign_job.c.ordinal, campaign_job.c.job)
            .join(job, job.c.number == campaign_job.c.job)
            .where(campaign_job.c.run_id == source, job.c.state == DONE, job.c.verdict == "approved")
            .order_by(campaign_job.c.ordinal)
            .limit(limit)
        )
        with self.write() as connection:
            links = [(run_id, row.ordinal, row.job, False) for row in connection.execute(approved)]
            return insert_many(connection, campaign_job, LINK, links)

    def states(self) -> dict[str, int]:
        """How many jobs are ready, leased, done and dead, over all runs."""
        counted = select(job.c.state, func.count()).group_by(job.c.state)
        with self.read() as connection:
            return {state: int(number) for state, number in connection.execute(counted)}

    def verdicts(self) -> dict[str, int]:
        """How many finished jobs were approved, rejected, or wait for a person, over all runs."""
        counted = select(job.c.verdict, func.count()).where(job.c.state == DONE).group_by(job.c.verdict)
        with self.read() as connection:
            return {verdict or "": int(number) for verdict, number in connection.execute(counted)}

    def enter_run(self, run: Campaign) -> None:
        """Enter a run as it was kept elsewhere, in place of what the ledger knows of it."""
        number = select(func.coalesce(func.max(campaign.c.number), 0) + 1).scalar_subquery()
        values = {**vars(run), "totals": orjson.dumps(dict(run.totals)).decode()}
        with self.write() as connection:
            statement = insert(campaign, self.dialect).values(**values, number=number)
            again = {name: value for name, value in values.items() if name != "run_id"}
            connection.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=again))

    def enter_jobs(self, run_id: str, jobs: Sequence[Entry], *, first: int) -> None:
        """Enter jobs of a run with what they came to; `first` is the place of the first of them."""
        with self.write() as connection:
            _add_batch(connection, run_id, [entry.planned for entry in jobs], first=first)
            _enter_results(connection, [(entry, entry.result) for entry in jobs if entry.result is not None])

    def forget_runs(self, run_ids: Sequence[str]) -> int:
        """Forget runs and which jobs they had; the jobs and their pictures stay known. Returns how many runs went."""
        with self.write() as connection:
            connection.execute(delete(campaign_job).where(among(campaign_job.c.run_id, run_ids)))
            return connection.execute(delete(campaign).where(among(campaign.c.run_id, run_ids))).rowcount

    def runs_before(self, seconds_since_1970: float, *, keep: int) -> list[str]:
        """Runs that ended before a moment, without the `keep` newest and without those that may still go on."""
        newest = select(campaign.c.run_id).order_by(campaign.c.number.desc()).limit(keep)
        old = select(campaign.c.run_id).where(campaign.c.finished < seconds_since_1970, campaign.c.state != "running")
        with self.read() as connection:
            return list(connection.execute(old.where(campaign.c.run_id.not_in(newest))).scalars())

    def current_keys(self, keys: Iterable[str]) -> set[str]:
        """Those of the store's keys that are the delivered take's of their job, or a later take's."""
        asked = list(keys)
        of_take = (rendition.c.job_id == job.c.job_id) & (rendition.c.take >= job.c.take)
        made = select(rendition.c.key).join(job, of_take).where(among(rendition.c.key, asked))
        of_master = (master.c.job_id == job.c.job_id) & (master.c.take >= job.c.take)
        drawn = select(master.c.key).join(job, of_master).where(among(master.c.key, asked))
        with self.read() as connection:
            masters = connection.execute(drawn).scalars().all()
            return {*masters, *connection.execute(made).scalars()}

    def unsettled(self, job_ids: Iterable[str]) -> set[str]:
        """Those of the jobs that are known and not done: what is stored of them may be about to be committed."""
        known = select(job.c.job_id).where(among(job.c.job_id, list(job_ids)), job.c.state != DONE)
        with self.read() as connection:
            return set(connection.execute(known).scalars())

    def forget_old_takes(self) -> int:
        """Forget renditions of takes that a later one has replaced; returns how many."""
        current = select(job.c.take).where(job.c.job_id == rendition.c.job_id, job.c.state == DONE).scalar_subquery()
        with self.write() as connection:
            return connection.execute(delete(rendition).where(rendition.c.take < current)).rowcount


def _enter_results(connection: Connection, made: Sequence[tuple[Entry, JobResult]]) -> None:
    """Many at a time: one statement for each table."""
    takes = [(entry.planned.job_id, each) for entry, result in made for each in (*entry.others, result)]
    rows: dict[Any, list[dict[str, Any]]] = {
        upsert(master, connection.dialect.name): [master_row(job_id, each) for job_id, each in takes],
        upsert(take_order, connection.dialect.name): [
            {"job_id": job_id, "take": each.take, "steering": each.steering.as_text()}
            for job_id, each in takes
            if each.steering != PLAIN
        ],
        upsert(rendition, connection.dialect.name): [
            rendition_row(entry.planned.job_id, result.take, each)
            for entry, result in made
            for each in entry.renditions
        ],
        _finished(): [
            {
                "entered": entry.planned.job_id,
                "taken": result.take,
                "judged": result.verdict.status,
                "costs": entry.cost,
            }
            for entry, result in made
        ],
    }
    for statement, values in rows.items():
        if values:
            connection.execute(statement, values)
    for entry, result in made:
        if entry.decided:
            _enter_decision(connection, entry.planned.job_id, result)


def _finished() -> Update:
    """A job that nobody works on becomes done."""
    free = update(job).where(job.c.job_id == bindparam("entered"), or_(job.c.state == READY, job.c.state == DONE))
    values: dict[str, Any] = {"take": bindparam("taken"), "verdict": bindparam("judged"), "cost": bindparam("costs")}
    return free.values(state=DONE, updated=now(), **values)


def _enter_decision(connection: Connection, job_id: str, result: JobResult) -> None:
    row: dict[str, Any] = {
        "job_id": job_id,
        "take": result.take,
        "decision": "approve" if result.verdict.status == "approved" else "reject",
        "cause": "",
        "words": RESTORED,
        "who": RESTORED,
        "at": now(),
        "request": f"{RESTORED}-{result.take}",
        "before": result.verdict.model_dump_json(),
    }
    connection.execute(insert(decision, connection.dialect.name).values(row).on_conflict_do_nothing())
