"""Reaching the ledger's database: engine, transactions, schema, and what its errors mean to us."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from tasks.delivery.ledger.tables import SCHEMA_VERSION, ledger_schema, metadata
from tasks.errors import ConfigurationError, LedgerError, LedgerUnavailable

BUSY_SECONDS = 30
FROZEN_SECONDS = 20  # longer than any pause between two statements of ours, shorter than a lease
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-16384",  # KiB
    "temp_store=MEMORY",
    # pages, 64 MB: a batch of a plan is larger than the usual 4 MB, and each would wait for the disk three times
    "wal_autocheckpoint=16384",
)
SQLITE_LEAST = (3, 38, 0)  # json_each built in, RETURNING, ON CONFLICT
SCHEMA_LOCK = 0x5348414E  # "SHAN": PostgreSQL's advisory lock while tables are made
WRITES = "ledger_writes"


class Database:
    """Short transactions on one database. `read` sees one moment; `write` on SQLite holds the writers' lock at once."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.name = self.url.render_as_string(hide_password=True)
        self._engine = _engine(self.url)
        self._writer = self._engine.execution_options(**{WRITES: True})
        self.dialect = self._engine.dialect.name
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._explained(), self._writer.begin() as connection:
            yield connection

    def _prepare(self) -> None:
        """Make the tables, or check that they are ours and of this version. Several processes may do it at once."""
        with self.read() as connection:
            tables = set(inspect(connection).get_table_names())
        if ledger_schema.name not in tables:
            self._refuse_foreign(tables)
            with self.write() as connection:
                self._create(connection)
        with self.read() as connection:
            self._check_version(connection)

    def _refuse_foreign(self, tables: set[str]) -> None:
        foreign = sorted(tables - set(metadata.tables))
        if foreign:
            raise LedgerError(
                f"{self.name}: this database belongs to something else (it has the table {foreign[0]!r}). "
                "Give the ledger a database of its own in SHANGXIN_DATABASE."
            )

    def _create(self, connection: Connection) -> None:
        if self.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
        metadata.create_all(connection, checkfirst=True)
        if connection.execute(select(ledger_schema.c.version)).first() is None:
            connection.execute(ledger_schema.insert().values(version=SCHEMA_VERSION))

    def _check_version(self, connection: Connection) -> None:
        found = connection.execute(select(ledger_schema.c.version)).scalar()
        if found != SCHEMA_VERSION:
            way_out = "Update this program" if (found or 0) > SCHEMA_VERSION else "Move the old ledger away"
            raise LedgerError(
                f"{self.name}: the ledger has layout {found}, this program knows layout {SCHEMA_VERSION}. {way_out}."
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise _as_ledger_error(error, self.name) from error.orig
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name}: {type(error).__name__}: {error}") from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError("the ledger's address is no database URL. Write sqlite:///path/ledger.db.") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigurationError(f"{parsed.get_backend_name()}: not supported. Use sqlite or postgresql+psycopg.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("the ledger must outlive the process. Write sqlite:///path/ledger.db.")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    try:
        return create_engine(url, pool_pre_ping=True, pool_size=5, connect_args=_postgres_options(url))
    except (ImportError, NoSuchModuleError):
        raise ConfigurationError("PostgreSQL needs the psycopg driver. Run pip install 'shangxin[postgres]'.") from None


def _postgres_options(url: URL) -> dict[str, Any]:
    """A process frozen inside a transaction would hold its rows for ever: the server ends such sessions."""
    given = url.query.get("options", "")
    own = given if isinstance(given, str) else " ".join(given)
    return {"connect_timeout": 10, "options": f"-c idle_in_transaction_session_timeout={FROZEN_SECONDS}s {own}".strip()}


def _sqlite_engine(url: URL) -> Engine:
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old; 3.38 or newer is needed.")
    file = Path(url.database or "")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"{file}: {error.strerror}. Give this user write access, or name another folder.") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _tune_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    """WAL lets readers and one writer work at once; NORMAL survives a killed process, and a power cut without damage.

    What a power cut may undo is the last commits: those leases run out and the pictures are made again, the same.
    """
    connection.isolation_level = None  # transactions begin below, not when the driver thinks so
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _as_ledger_error(error: DBAPIError, name: str) -> LedgerError:
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if "not a database" in said or "malformed" in said:
        return LedgerError(f"{name}: this is no ledger, or a damaged one ({said}). Restore it, or move it away.")
    if "is full" in said or "No space left" in said:
        return LedgerError(f"{name}: {said}. Nothing was lost; free some space and run again.")
    if "readonly" in said or "unable to open" in said or "authentication failed" in said:
        return LedgerError(f"{name}: {said}. Check the address and the rights in SHANGXIN_DATABASE.")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return LedgerUnavailable(f"{name}: {said}. Another try may help.")
    return LedgerError(f"{name}: {said}")
