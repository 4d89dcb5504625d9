"""What people decide about pictures: approve, reject, ask for another take, undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update

from tasks.delivery.ledger.dialect import among, now, upsert
from tasks.delivery.ledger.listing import Filter, Listed, Place, list_judged
from tasks.delivery.ledger.records import JobRecord, Master, Rendition
from tasks.delivery.ledger.results import RECORD, Results, of_take
from tasks.delivery.ledger.tables import (
    DELIVERED,
    DONE,
    READY,
    campaign_job,
    decision,
    job,
    master,
    rendition,
    take_order,
)
from tasks.errors import LedgerError, StaleDecision
from tasks.findings import Finding, Status, Verdict, findings_text, read_findings
from tasks.steering import Steering

Choice = Literal["approve", "reject", "new_take", "undo"]
PERSON = "person"  # the finding that a person's decision is
BULK = 1000


@dataclass(frozen=True)
class Decision:
    """One line of the record. `at` is the database's clock; `undoes` the decision that an undo took back."""

    id: int
    job_id: str
    take: int
    decision: Choice
    cause: str
    words: str
    who: str
    at: float
    undoes: int | None = None


class Wish(NamedTuple):
    """What a person wants for a picture as they saw it. `request` is the form's own key: sent twice, it counts once."""

    job_id: str
    decision: Choice
    version: str  # as `Decisions.version` gave it when the picture was shown
    who: str
    request: str
    cause: str = ""
    words: str = ""


class Decisions(Results):
    """A decision and the verdict it leads to are one transaction: a cut connection leaves either state, never half."""

    def record(self, run_id: str, job_id: str) -> JobRecord | None:
        """One job of a run with everything known of it, or None where the run has no such job."""
        found = [each for page in self._pages(run_id, RECORD.where(job.c.job_id == job_id)) for each in page]
        return found[0] if found else None

    def version(self, job_id: str) -> str:
        """What changes whenever the picture is rendered anew or decided upon."""
        with self.read() as connection:
            row = connection.execute(select(job.c.take).where(job.c.job_id == job_id)).first()
            if row is None:
                raise LedgerError(f"there is no job {job_id!r}")
            return _version(row.take, _last_id(connection, job_id))

    def decisions(self, job_id: str) -> list[Decision]:
        """All that was decided about a job, oldest first."""
        query = select(decision).where(decision.c.job_id == job_id).order_by(decision.c.id)
        with self.read() as connection:
            return [_decision(row) for row in connection.execute(query)]

    def decided(self, run_id: str) -> set[tuple[str, int]]:
        """Job and take of the run's pictures whose present verdict a person gave: no later check overrules it."""
        with self.read() as connection:
            query = select(decision).join(job, job.c.job_id == decision.c.job_id)
            query = query.join(campaign_job, campaign_job.c.job == job.c.number)
            rows = connection.execute(query.where(campaign_job.c.run_id == run_id)).all()
        undone = {row.undoes for row in rows if row.undoes is not None}
        return {
            (row.job_id, row.take) for row in rows if row.decision in ("approve", "reject") and row.id not in undone
        }

    def decided_since(self, run_id: str, at: float) -> int:
        """How many decisions about a run's pictures are younger than that moment of the database's clock."""
        query = select(func.count()).select_from(decision).join(job, job.c.job_id == decision.c.job_id)
        query = query.join(campaign_job, campaign_job.c.job == job.c.number)
        with self.read() as connection:
            young = query.where(campaign_job.c.run_id == run_id, decision.c.at > at)
            return int(connection.execute(young).scalar_one())

    def newest_decision(self) -> int:
        """The id of the last decision about any picture, 0 before the first."""
        with self.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(decision.c.id), 0))).scalar_one())

    def master(self, job_id: str, take: int) -> Master | None:
        """The stored master of that take, or None where the ledger has none."""
        columns = (master.c[name] for name in ("key", "sha256", "width", "height"))
        with self.read() as connection:
            found = connection.execute(select(*columns).where(master.c.job_id == job_id, master.c.take == take)).first()
        return None if found is None else Master(**found._mapping)

    def renditions(self, job_id: str, take: int) -> list[Rendition]:
        """What was made of one take, by placement."""
        query = select(rendition).where(rendition.c.job_id == job_id, rendition.c.take == take)
        with self.read() as connection:
            rows = connection.execute(query.order_by(rendition.c.placement)).all()
        plain = [{name: row._mapping[name] for name in row._mapping if name not in ("job_id", "take")} for row in rows]
        return [Rendition(**{**each, "findings": read_findings(each["findings"])}) for each in plain]

    def decide(self, wish: Wish) -> Decision:
        """Record a decision and make it so. StaleDecision where the picture is no longer as it was seen; a request
        that was carried out already is answered as before."""
        with self.write() as connection:
            return self._decide(connection, wish)

    def order_take(self, job_id: str, words: str, *, who: str, request: str) -> Decision:
        """Have the next run render a judged job once more, steered by `words`."""
        return self.decide(Wish(job_id, "new_take", self.version(job_id), who, request, words=words))

    def order_repair(self, job_id: str, *, take: int, order: Steering) -> bool:
        """Have a judged job rendered once more, steered as ordered; False where it is no longer as it was."""
        with self.write() as connection:
            return _order(connection, job_id, order, where=(job.c.state == DONE, job.c.take == take))

    def approve_all(self, run_id: str, chosen: Filter, *, expected: int, who: str, request: str) -> list[str]:
        """Approve every picture the filter finds, all or none; returns their ids.

        StaleDecision unless they are as many as the person saw. Asked again with the same request, it does nothing new.
        """
        with self.write() as connection:
            mine = decision.c.request.startswith(f"{request}:", autoescape=True)
            done = connection.execute(select(decision.c.job_id).where(mine).order_by(decision.c.id)).scalars().all()
            if done:
                return list(done)
            listed = list(list_judged(connection, run_id, chosen))
            if len(listed) != expected:
                raise StaleDecision(f"{len(listed)} pictures fit now, {expected} when the page was opened. Look again.")
            ids = [each.place.job_id for each in listed]
            for start in range(0, len(ids), BULK):
                _approve(connection, ids[start : start + BULK], who=who, request=request)
            return ids

    def listed(self, run_id: str, chosen: Filter, *, after: Place | None = None, limit: int) -> list[Listed]:
        """The next judged pictures in catalogue order that the filter lets through."""
        with self.read() as connection:
            found = list_judged(connection, run_id, chosen, after=after, page=min(max(limit, 50), 2000))
            return [each for each, _ in zip(found, range(limit), strict=False)]

    def tally(self, run_id: str, status: Status) -> tuple[dict[str, int], dict[str, int]]:
        """How many pictures of that verdict each scene and each cause has."""
        scenes: dict[str, int] = {}
        causes: dict[str, int] = {}
        with self.read() as connection:
            for each in list_judged(connection, run_id, Filter(status), page=2000):
                scenes[each.scene] = scenes.get(each.scene, 0) + 1
                for cause in each.causes:
                    causes[cause] = causes.get(cause, 0) + 1
        return scenes, causes

    def _decide(self, connection: Connection, wish: Wish) -> Decision:
        held = connection.execute(select(job).where(job.c.job_id == wish.job_id).with_for_update()).first()
        if held is None:
            raise LedgerError(f"there is no job {wish.job_id!r}")
        same = select(decision).where(decision.c.job_id == wish.job_id, decision.c.request == wish.request)
        known = connection.execute(same).first()
        if known is not None:
            return _decision(known)
        if _version(held.take, _last_id(connection, wish.job_id)) != wish.version:
            raise StaleDecision(f"job {wish.job_id}: it was decided or rendered since the page was opened. Look again.")
        if wish.decision == "undo":
            return _undo(connection, held, wish)
        if held.state != DONE:
            raise StaleDecision(f"job {wish.job_id}: it is {held.state}, not judged. Wait until it is rendered.")
        before = _verdict(connection, held)
        if wish.decision == "new_take":
            _order(connection, wish.job_id, Steering(by="person", words=wish.words))
        else:
            _judge(connection, wish.job_id, _decided(before, wish), take=held.take)
        return _enter(connection, wish, take=held.take, before=before)


def _approve(connection: Connection, job_ids: Sequence[str], *, who: str, request: str) -> None:
    """Approve many at once; what is known of them stays JSON, for speed."""
    held = select(job.c.job_id, job.c.take, job.c.verdict, master.c.findings)
    held = held.join(master, DELIVERED).where(among(job.c.job_id, job_ids))
    found = {row.job_id: row for row in connection.execute(held.with_for_update(of=job))}
    lines, verdicts = [], []
    for job_id in job_ids:
        row, wish = found[job_id], Wish(job_id, "approve", "", who, f"{request}:{job_id}")
        findings = [each for each in orjson.loads(row.findings) if each["check"] != PERSON]
        said = _said(wish).model_dump(mode="json")
        before = orjson.dumps({"status": row.verdict, "findings": orjson.loads(row.findings)}).decode()
        lines.append(_line(wish, take=row.take, before=before))
        verdicts.append(
            {"judged_id": job_id, "judged_take": row.take, "now_findings": orjson.dumps([*findings, said]).decode()}
        )
    connection.execute(decision.insert().values(at=now()), lines)
    connection.execute(update(job).where(among(job.c.job_id, job_ids)).values(verdict="approved", updated=now()))
    judged = (master.c.job_id == bindparam("judged_id"), master.c.take == bindparam("judged_take"))
    replaced = update(master).where(*judged).values(status="approved", findings=bindparam("now_findings"))
    connection.execute(replaced, verdicts)


def _undo(connection: Connection, held: Row[Any], wish: Wish) -> Decision:
    """Put back what the last decision that still stands replaced."""
    taken_back = select(decision.c.undoes).where(decision.c.job_id == wish.job_id, decision.c.undoes.is_not(None))
    standing = select(decision).where(
        decision.c.job_id == wish.job_id, decision.c.decision != "undo", decision.c.id.not_in(taken_back)
    )
    last = connection.execute(standing.order_by(decision.c.id.desc()).limit(1)).first()
    if last is None:
        raise StaleDecision(f"job {wish.job_id}: nothing is left to undo")
    ordered = last.decision == "new_take"
    if not (held.state == READY and held.take > last.take if ordered else (held.state, held.take) == (DONE, last.take)):
        raise StaleDecision(f"job {wish.job_id}: it is being rendered anew, so that can no longer be undone")
    before = Verdict.model_validate_json(last.before)
    if ordered:
        back = update(job).where(job.c.job_id == wish.job_id)
        connection.execute(back.values(state=DONE, take=last.take, updated=now()))
        order = take_order.delete().where(take_order.c.job_id == wish.job_id, take_order.c.take == held.take)
        connection.execute(order)
    _judge(connection, wish.job_id, before, take=last.take)
    return _enter(connection, wish, take=last.take, before=before, undoes=last.id)


def _order(
    connection: Connection, job_id: str, order: Steering, *, where: tuple[ColumnElement[bool], ...] = ()
) -> bool:
    made = select(func.max(master.c.take)).where(master.c.job_id == job_id)
    take = int(connection.execute(made).scalar_one()) + 1
    again = {"state": READY, "take": take, "failures": 0, "reason": "", "updated": now()}
    if connection.execute(update(job).where(job.c.job_id == job_id, *where).values(again)).rowcount != 1:
        return False
    row = {"job_id": job_id, "take": take, "steering": order.as_text()}
    connection.execute(upsert(take_order, connection.dialect.name), row)
    return True


def _judge(connection: Connection, job_id: str, verdict: Verdict, *, take: int) -> None:
    connection.execute(update(job).where(job.c.job_id == job_id).values(verdict=verdict.status, updated=now()))
    judged = update(master).where(*of_take(job_id, take))
    connection.execute(judged.values(status=verdict.status, findings=findings_text(verdict.findings)))


def _decided(before: Verdict, wish: Wish) -> Verdict:
    """The checks' findings with the person's beside them; the person has the last word."""
    others = tuple(each for each in before.findings if each.check != PERSON)
    return Verdict(status="approved" if wish.decision == "approve" else "rejected", findings=(*others, _said(wish)))


def _said(wish: Wish) -> Finding:
    approved = wish.decision == "approve"
    return Finding(
        check=PERSON,
        value=1.0 if approved else 0.0,
        limit=1.0,
        passed=approved,
        cause="" if approved else wish.cause,
        severity="reject",
        detail=f"{wish.who}: {wish.decision}{' ' + wish.words if wish.words else ''}",
    )


def _enter(connection: Connection, wish: Wish, *, take: int, before: Verdict, undoes: int | None = None) -> Decision:
    line = _line(wish, take=take, before=before.model_dump_json()) | {"undoes": undoes}
    return _decision(connection.execute(decision.insert().values(**line, at=now()).returning(decision)).one())


def _line(wish: Wish, *, take: int, before: str) -> dict[str, Any]:
    asked = {name: value for name, value in wish._asdict().items() if name != "version"}
    return {**asked, "take": take, "before": before}


def _verdict(connection: Connection, held: Row[Any]) -> Verdict:
    found = select(master.c.findings).where(*of_take(held.job_id, held.take))
    text = connection.execute(found).scalar_one()
    return Verdict(status=held.verdict, findings=read_findings(text))


def _last_id(connection: Connection, job_id: str) -> int:
    last = select(func.coalesce(func.max(decision.c.id), 0)).where(decision.c.job_id == job_id)
    return int(connection.execute(last).scalar_one())


def _version(take: int, last_id: int) -> str:
    return f"{take}-{last_id}"


def _decision(row: Row[Any]) -> Decision:
    return Decision(**{name: value for name, value in row._mapping.items() if name not in ("request", "before")})
