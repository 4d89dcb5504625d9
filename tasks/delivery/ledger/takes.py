"""The judged takes of jobs, and what was made of them: masters and renditions as rows and back."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, and_, func, select

from tasks.delivery.ledger.dialect import among, upsert
from tasks.delivery.ledger.records import JobResult, Rendition, Take
from tasks.delivery.ledger.tables import job, master, rendition, take_order
from tasks.findings import Verdict, findings_text, read_findings
from tasks.steering import PLAIN, Steering

TAKE = select(
    *(master.c[name] for name in ("job_id", "take", "status", "findings", "cost", "key", "sha256")),
    func.coalesce(take_order.c.steering, "").label("steering"),
).outerjoin(take_order, and_(take_order.c.job_id == master.c.job_id, take_order.c.take == master.c.take))


def takes_of(
    connection: Connection, job_ids: Sequence[str], *, but_delivered: bool = False
) -> dict[str, tuple[Take, ...]]:
    """The judged takes of each job, oldest first, all or all but the one its job is delivered with."""
    found: dict[str, list[Take]] = defaultdict(list)
    query = TAKE.where(among(master.c.job_id, job_ids)).order_by(master.c.job_id, master.c.take)
    if but_delivered:
        query = query.join(job, job.c.job_id == master.c.job_id).where(master.c.take != job.c.take)
    for row in connection.execute(query):
        verdict = Verdict(status=row.status, findings=read_findings(row.findings))
        steering = Steering.parse(row.steering)
        found[row.job_id].append(Take(row.take, verdict, steering, row.cost, row.key, row.sha256))
    return {job_id: tuple(takes) for job_id, takes in found.items()}


def enter_takes(connection: Connection, job_id: str, made: Sequence[JobResult]) -> None:
    """Write the masters of a job's takes, and how each was steered where it was."""
    if made:
        connection.execute(upsert(master, connection.dialect.name), [master_row(job_id, each) for each in made])
    orders = [
        {"job_id": job_id, "take": each.take, "steering": each.steering.as_text()}
        for each in made
        if each.steering != PLAIN
    ]
    if orders:
        connection.execute(upsert(take_order, connection.dialect.name), orders)


def enter_renditions(connection: Connection, job_id: str, take: int, renditions: Sequence[Rendition]) -> None:
    """Write renditions of one take; one for the same placement replaces the earlier."""
    rows = [rendition_row(job_id, take, each) for each in sorted(renditions, key=lambda each: each.placement)]
    if rows:
        connection.execute(upsert(rendition, connection.dialect.name), rows)


def rendition_row(job_id: str, take: int, made: Rendition) -> dict[str, Any]:
    return {**vars(made), "job_id": job_id, "take": take, "findings": findings_text(made.findings)}


def master_row(job_id: str, result: JobResult) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "take": result.take,
        "status": result.verdict.status,
        "cost": result.cost,
        "key": result.master.key,
        "sha256": result.master.sha256,
        "width": result.master.width,
        "height": result.master.height,
        "product_box": orjson.dumps(tuple(result.product_box)).decode(),
        "findings": findings_text(result.verdict.findings),
        "timings": orjson.dumps(dict(result.timings)).decode(),
        "notes": orjson.dumps(list(result.notes)).decode(),
        "signature": result.signature,
    }
