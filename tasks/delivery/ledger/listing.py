"""A run's judged pictures in catalogue order, filtered, page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    bindparam,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from tasks.delivery.ledger.tables import DELIVERED, DONE, campaign_job, job, job_spec, master
from tasks.findings import Status

FIRST = (-1, "")


class Place(NamedTuple):
    """A picture's place in its run, by which pages go on."""

    ordinal: int
    job_id: str


class Listed(NamedTuple):
    """A judged picture in a list. `causes` are those of failures that count."""

    place: Place
    sku: str
    scene: str
    variant: int
    take: int
    title: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Filter:
    """Which of a run's judged pictures; empty means any. `text` is part of a SKU or of a title."""

    status: Status = "review"
    text: str = ""
    scene: str = ""
    cause: str = ""


def list_judged(
    connection: Connection, run_id: str, chosen: Filter, *, after: Place | None = None, page: int = 500
) -> Iterator[Listed]:
    """Page by page by key, so that each is as cheap as the first."""
    place = tuple_(campaign_job.c.ordinal, job.c.job_id)
    query = _query(run_id, chosen).order_by(*place.clauses).limit(page)
    at: tuple[int, str] = after or FIRST
    while True:
        rows = connection.execute(query.where(place > at)).all()
        for row in rows:
            listed = _entry(row)
            if not chosen.cause or chosen.cause in listed.causes:
                yield listed
        if len(rows) < page:
            return
        at = (rows[-1].ordinal, rows[-1].job_id)


def _query(run_id: str, chosen: Filter) -> Select[Any]:
    columns = (job.c[name] for name in ("job_id", "sku", "scene", "variant", "take"))
    query = (
        select(campaign_job.c.ordinal, *columns, job_spec.c.product, master.c.findings)
        .join(job, job.c.number == campaign_job.c.job)
        .join(job_spec, job_spec.c.job == job.c.number)
        .join(master, DELIVERED)
        .where(campaign_job.c.run_id == run_id, job.c.state == DONE, job.c.verdict == chosen.status)
    )
    conditions: list[ColumnElement[bool]] = []
    if chosen.text:
        conditions.append(or_(job.c.sku.icontains(chosen.text, autoescape=True), _holds(chosen.text)))
    if chosen.scene:
        conditions.append(job.c.scene == chosen.scene)
    if chosen.cause:  # a sieve; which failures count is looked at row by row
        conditions.append(master.c.findings.contains(f'"{chosen.cause}"', autoescape=True))
    return query.where(*conditions)


class holds(FunctionElement[bool]):  # noqa: N801 SQL functions are lower case
    """True where the first string of bytes has the second in it."""

    type = Boolean()
    inherit_cache = True


@compiles(holds, "sqlite")
def _sqlite_holds(element: Any, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(holds, "postgresql")
def _postgresql_holds(element: Any, compiler: Any, **options: Any) -> str:
    whole, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(position({part} in {whole}) > 0)"


def _holds(text: str) -> ColumnElement[bool]:
    """The product's facts are JSON in UTF-8 bytes; a title with quotes in it is found by any other part."""
    return holds(job_spec.c.product, bindparam(None, text.encode(), LargeBinary))


def _entry(row: Row[Any]) -> Listed:
    return Listed(
        place=Place(row.ordinal, row.job_id),
        sku=row.sku,
        scene=row.scene,
        variant=row.variant,
        take=row.take,
        title=str(orjson.loads(bytes(row.product)).get("title", "")),
        causes=failed_causes(orjson.loads(row.findings)),
    )


def failed_causes(findings: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Distinct causes of failures that count, in order."""
    counted = (each for each in findings if not each["passed"] and each["severity"] != "note")
    return tuple(dict.fromkeys(each["cause"] or each["check"] for each in counted))
