"""Who works on what: leases by the database's clock, and commits that compare owner and attempt."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    select,
    true,
    update,
)

from tasks.delivery.ledger.database import Database
from tasks.delivery.ledger.dialect import among, now, upsert
from tasks.delivery.ledger.records import Expired, JobResult, LeasedJob, Rendition, Settled, Take
from tasks.delivery.ledger.tables import (
    DEAD,
    DONE,
    IS_LEASED,
    READY,
    campaign,
    campaign_job,
    job,
    job_spec,
    take_order,
)
from tasks.delivery.ledger.takes import enter_renditions, enter_takes, takes_of
from tasks.errors import LedgerError, StaleLease
from tasks.steering import Steering

SUSPECT_FAILURES = 2  # after this many a job is leased alone, so that it takes no neighbour with it

NOBODY: dict[str, Any] = {"owner": "", "lease_until": None, "in_hand": false()}


class Claims(Database):
    """A job is ready, leased, done or dead.

    A lease that runs out with the job in hand counts as a failure; so does `fail`. Giving a job back does not. The
    job whose failures reach `max_attempts` is dead, with its reason. `attempt` rises with every lease and never falls,
    so a frozen owner that thaws is told apart from the present one even if both have the same name.
    """

    max_attempts = 4

    def lease(self, job_ids: Sequence[str], *, owner: str, seconds: float, in_hand: bool = True) -> list[LeasedJob]:
        """Those of the jobs that were free (or whose owner fell silent), now `owner`'s, in the order asked for.

        `in_hand=False` reserves them: their owner's death is then not held against them until `start`.
        """
        _check_owner(owner)
        with self.write() as connection:
            self._expire(connection, among(job.c.job_id, job_ids))
            free = select(job.c.job_id).where(among(job.c.job_id, job_ids), job.c.state == READY)
            picked = connection.execute(free.with_for_update(skip_locked=True)).scalars().all()
            _take(connection, picked, owner=owner, seconds=seconds, in_hand=in_hand)
            place = {job_id: number for number, job_id in enumerate(job_ids)}
            return sorted(_leased(connection, picked), key=lambda leased: place[leased.job_id])

    def lease_from(
        self, run_id: str, limit: int, *, owner: str, seconds: float, in_hand: bool = True
    ) -> list[LeasedJob]:
        """The run's next free jobs that batch together, in catalogue order; none once it is cancelled."""
        _check_owner(owner)
        with self.write() as connection:
            self._expire(connection, true())
            picked = _next_batch(connection.execute(_free_of_run(run_id, limit)).all())
            _take(connection, picked, owner=owner, seconds=seconds, in_hand=in_hand)
            place = {job_id: number for number, job_id in enumerate(picked)}
            return sorted(_leased(connection, picked), key=lambda leased: place[leased.job_id])

    def start(self, job_ids: Sequence[str], *, owner: str) -> set[str]:
        """Mark reserved jobs as being worked on; returns those that are still `owner`'s."""
        mine = (among(job.c.job_id, job_ids), job.c.owner == owner, job.c.state == IS_LEASED)
        with self.write() as connection:
            return set(
                connection.execute(update(job).where(*mine).values(in_hand=true()).returning(job.c.job_id)).scalars()
            )

    def renew(self, owner: str, seconds: float) -> int:
        """Extend all leases of `owner` to `seconds` from now; returns how many it still holds."""
        mine = (job.c.owner == owner, job.c.state == IS_LEASED)
        with self.write() as connection:
            return connection.execute(update(job).where(*mine).values(lease_until=now() + seconds)).rowcount

    def release(self, owner: str) -> int:
        """Give back whatever `owner` holds, without blame; returns how many jobs."""
        mine = (job.c.owner == owner, job.c.state == IS_LEASED)
        with self.write() as connection:
            return connection.execute(update(job).where(*mine).values(state=READY, updated=now(), **NOBODY)).rowcount

    def owners(self) -> list[str]:
        """Who holds leases at present."""
        held = select(job.c.owner).where(job.c.state == IS_LEASED).distinct().order_by(job.c.owner)
        with self.read() as connection:
            return list(connection.execute(held).scalars())

    def holder(self, job_id: str) -> str:
        """Who works on a job right now; empty where nobody does."""
        held = select(job.c.owner).where(job.c.job_id == job_id, job.c.state == IS_LEASED, job.c.in_hand == true())
        with self.read() as connection:
            return connection.execute(held).scalar() or ""

    def bury(self, owner: str) -> Expired:
        """Take back at once what an owner known to be dead held, as if its leases had run out."""
        with self.write() as connection:
            mine = (job.c.owner == owner, job.c.state == IS_LEASED)
            connection.execute(update(job).where(*mine).values(lease_until=now() - 1))
            return self._expire(connection, job.c.owner == owner)

    def expire(self) -> Expired:
        """Take back the jobs of owners that fell silent."""
        with self.write() as connection:
            return self._expire(connection, true())

    def commit(
        self,
        job_id: str,
        *,
        owner: str,
        attempt: int,
        result: JobResult,
        renditions: Sequence[Rendition] = (),
        earlier: Sequence[JobResult] = (),
        settled: Settled | None = None,
    ) -> None:
        """Record a job's master and renditions, once and together. Saying the same again is harmless; StaleLease where
        the job is another's now.

        `earlier` are takes of the same lease before `result`; `settled` the take to deliver where that is another.
        """
        take, status = settled or (result.take, result.verdict.status)
        made = [*earlier, result]
        values = {"state": DONE, "take": take, "verdict": status, "reason": ""}
        with self.write() as connection:
            if self._close_with(connection, job_id, made, owner=owner, attempt=attempt, values=values):
                enter_renditions(connection, job_id, take, renditions)

    def pass_on(self, job_id: str, *, owner: str, attempt: int, made: Sequence[JobResult], order: Steering) -> None:
        """Record takes that are not to be the last, and give the job back for the next one, steered as ordered."""
        last = made[-1].take
        values = {"state": READY, "take": last + 1, "failures": 0, "reason": ""}
        with self.write() as connection:
            if self._close_with(connection, job_id, made, owner=owner, attempt=attempt, values=values):
                row = {"job_id": job_id, "take": last + 1, "steering": order.as_text()}
                connection.execute(upsert(take_order, self.dialect), row)

    def settle(self, job_id: str, *, owner: str, attempt: int, settled: Settled) -> None:
        """Deliver an earlier take: the one in hand could not be made."""
        values = {"state": DONE, "take": settled.take, "verdict": settled.status, "reason": ""}
        with self.write() as connection:
            self._close_with(connection, job_id, (), owner=owner, attempt=attempt, values=values)

    def takes(self, job_id: str) -> tuple[Take, ...]:
        """Every judged take of a job, oldest first."""
        with self.read() as connection:
            return takes_of(connection, [job_id]).get(job_id, ())

    def _close_with(
        self,
        connection: Connection,
        job_id: str,
        made: Sequence[JobResult],
        *,
        owner: str,
        attempt: int,
        values: dict[str, Any],
    ) -> bool:
        """End a lease with the takes it made; False where this very lease was settled so already."""
        cost = job.c.cost + sum(each.cost for each in made)
        closed = {**values, "cost": cost, "updated": now(), "lease_until": None, "in_hand": false()}
        if not _close(connection, job_id, owner=owner, attempt=attempt, values=closed):
            self._refuse_stale(connection, job_id, owner=owner, attempt=attempt, unless={values["state"]})
            return False
        enter_takes(connection, job_id, made)
        return True

    def fail(
        self, job_id: str, *, owner: str, attempt: int, reason: str, final: bool = False, cost: float = 0.0
    ) -> None:
        """Give a job back with the reason it could not be made; `final` or one time too many sets it aside as dead."""
        with self.write() as connection:
            hopeless = true() if final else job.c.failures + 1 >= self.max_attempts
            values = {
                "state": case((hopeless, DEAD), else_=READY),
                "failures": job.c.failures + 1,
                "cost": job.c.cost + cost,
                "reason": reason,
                "updated": now(),
                "lease_until": None,
                "in_hand": false(),
            }
            if not _close(connection, job_id, owner=owner, attempt=attempt, values=values):
                self._refuse_stale(connection, job_id, owner=owner, attempt=attempt, unless={DEAD, READY})

    def revive(self, run_id: str) -> int:
        """Give a run's dead jobs another chance, those that killed their renderer as suspects; returns how many."""
        with self.write() as connection:
            dead = update(job).where(_of_run(run_id), job.c.state == DEAD)
            left = case((job.c.failures >= SUSPECT_FAILURES, SUSPECT_FAILURES), else_=0)
            values = {"state": READY, "failures": left, "reason": "", "updated": now(), **NOBODY}
            return connection.execute(dead.values(**values)).rowcount

    def _expire(self, connection: Connection, where: ColumnElement[bool]) -> Expired:
        silent = select(job.c.job_id).where(where, job.c.state == IS_LEASED, job.c.lease_until < now())
        gone = connection.execute(silent.with_for_update(skip_locked=True)).scalars().all()
        if not gone:
            return Expired(0, 0)
        failures = job.c.failures + cast(job.c.in_hand, Integer)
        hopeless = failures >= self.max_attempts
        killed = literal("killed its renderer ", Text) + cast(failures, Text) + literal(" times", Text)
        values = {
            "state": case((hopeless, DEAD), else_=READY),
            "reason": case((hopeless, killed), else_=job.c.reason),
            "failures": failures,
            "updated": now(),
            **NOBODY,
        }
        states = connection.execute(update(job).where(among(job.c.job_id, gone)).values(values).returning(job.c.state))
        dead = sum(state == DEAD for state in states.scalars())
        return Expired(len(gone) - dead, dead)

    def _refuse_stale(self, connection: Connection, job_id: str, *, owner: str, attempt: int, unless: set[str]) -> None:
        """Silent where this very lease was already settled so: an answer was lost, and the caller asks again."""
        held = connection.execute(select(job.c.state, job.c.owner, job.c.attempt).where(job.c.job_id == job_id)).first()
        if held is None:
            raise LedgerError(f"{self.name}: there is no job {job_id!r}")
        if (held.owner, held.attempt) == (owner, attempt) and held.state in unless:
            return
        raise StaleLease(
            f"job {job_id}: attempt {attempt} of {owner} is over; it is {held.state} at attempt {held.attempt}"
            f"{' of ' + held.owner if held.owner else ''}. Drop the work."
        )


def _check_owner(owner: str) -> None:
    if not owner:
        raise LedgerError("a lease needs an owner; give a name no other process has, such as host:pid:start")


def _of_run(run_id: str) -> ColumnElement[bool]:
    return job.c.number.in_(select(campaign_job.c.job).where(campaign_job.c.run_id == run_id))


def _free_of_run(run_id: str, limit: int) -> Select[Any]:
    return (
        select(job.c.job_id, job.c.failures, job.c.group_key)
        .join(campaign_job, campaign_job.c.job == job.c.number)
        .join(campaign, campaign.c.run_id == campaign_job.c.run_id)
        .where(campaign_job.c.run_id == run_id, campaign.c.cancelled == false(), job.c.state == READY)
        .order_by(campaign_job.c.ordinal)
        .limit(limit)
        .with_for_update(skip_locked=True, of=job)
    )


def _next_batch(rows: Sequence[Row[Any]]) -> list[str]:
    if not rows or rows[0].failures >= SUSPECT_FAILURES:
        return [row.job_id for row in rows[:1]]
    return [row.job_id for row in rows if row.failures < SUSPECT_FAILURES and row.group_key == rows[0].group_key]


def _take(connection: Connection, picked: Sequence[str], *, owner: str, seconds: float, in_hand: bool) -> None:
    values = {
        "state": IS_LEASED,
        "owner": owner,
        "attempt": job.c.attempt + 1,
        "lease_until": now() + seconds,
        "in_hand": true() if in_hand else false(),
        "updated": now(),
    }
    if picked:
        connection.execute(update(job).where(among(job.c.job_id, picked)).values(values))


def _leased(connection: Connection, picked: Sequence[str]) -> list[LeasedJob]:
    columns = [job.c[name] for name in ("job_id", "sku", "scene", "variant", "attempt", "failures", "take")]
    words = [job_spec.c[name] for name in ("spec", "image", "line", "product")]
    order = func.coalesce(take_order.c.steering, "").label("order")
    found = select(*columns, *words, order).join(job_spec, job_spec.c.job == job.c.number)
    found = found.outerjoin(take_order, and_(take_order.c.job_id == job.c.job_id, take_order.c.take == job.c.take))
    rows = connection.execute(found.where(among(job.c.job_id, picked))) if picked else ()
    return [LeasedJob(**{**row._mapping, "spec": bytes(row.spec), "product": bytes(row.product)}) for row in rows]


def _close(connection: Connection, job_id: str, *, owner: str, attempt: int, values: dict[str, Any]) -> bool:
    held = (job.c.job_id == job_id, job.c.owner == owner, job.c.attempt == attempt, job.c.state == IS_LEASED)
    return connection.execute(update(job).where(*held).values(values)).rowcount == 1
