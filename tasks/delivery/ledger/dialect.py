"""The few words that SQLite and PostgreSQL say differently."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Float, Insert, Table, Text, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # noqa: N801 SQL functions are lower case
    """Seconds since 1970 by the database's clock: the clients' clocks may say what they like."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite_now(_element: Any, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _postgresql_now(_element: Any, _compiler: Any, **_: Any) -> str:
    return "extract(epoch FROM statement_timestamp())::double precision"


class each_of(FunctionElement[str]):  # noqa: N801
    """The strings of a JSON array as a subquery: any number of them, one parameter, one statement text."""

    type = Text()
    inherit_cache = True


@compiles(each_of, "sqlite")
def _sqlite_each(element: Any, compiler: Any, **options: Any) -> str:
    array = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_each({array}))"  # noqa: S608 the array is a bound parameter


@compiles(each_of, "postgresql")
def _postgresql_each(element: Any, compiler: Any, **options: Any) -> str:
    return f"(SELECT json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS json)))"


def among(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """`column IN (values)`, however many there are."""
    return column.op("IN", is_comparison=True)(each_of(bindparam(None, orjson.dumps(list(values)).decode(), Text)))


def insert(table: Table, dialect: str) -> Any:
    """An INSERT that can say ON CONFLICT; both dialects have the clause, SQLAlchemy's common INSERT has not."""
    build: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return build(table)


def upsert(table: Table, dialect: str) -> Insert:
    """INSERT that replaces every other column where the primary key is there already."""
    statement = insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    replaced: Insert = statement.on_conflict_do_update(index_elements=keys, set_=others)
    return replaced


def insert_many(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert rows by the driver's own executemany, leaving out those that are there; returns how many were not.

    SQLAlchemy's insert takes longer to look at each row's parameters than SQLite takes to write them.
    """
    values = list(rows)
    if not values:
        return 0
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = (
        f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))}) "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )
    result = connection.exec_driver_sql(statement, values, execution_options={"preserve_rowcount": True})
    return result.rowcount
