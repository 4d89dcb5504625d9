"""The ledger's tables, the same on SQLite and PostgreSQL.

`job` is what changes often and is counted often, so it is narrow; a job's wording (`job_spec`) and its picture
(`master`) are written once and stand beside it. A job's id is a digest, so each table keyed by it is written to all
over: what is written by the million at once (`job`, `job_spec`, `campaign_job`) goes by a running `number` instead,
at the end of its table. Times are seconds since 1970 by the database's clock.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
)

SCHEMA_VERSION = 3

READY, LEASED, DONE, DEAD = "ready", "leased", "done", "dead"
STATES = (READY, LEASED, DONE, DEAD)
# Written out where a partial index must be recognised: SQLite cannot see through a bound parameter.
IS_LEASED = literal_column("'leased'", Text())

# SQLite numbers rows by itself where the key is called INTEGER, and only there.
Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()


def _required(name: str, kind: type, **options: object) -> Column[object]:
    return Column(name, kind, nullable=False, **options)  # type: ignore[arg-type]


ledger_schema = Table("ledger_schema", metadata, _required("version", Integer))

campaign = Table(
    "campaign",
    metadata,
    Column("run_id", Text, primary_key=True),
    _required("number", Integer),  # order of beginning; clocks may jump
    _required("brief", Text),
    _required("state", Text),
    _required("cancelled", Boolean),
    _required("totals", Text),
    _required("started", Float),
    Column("finished", Float),
)

campaign_job = Table(
    "campaign_job",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("job", Number, primary_key=True, autoincrement=False),  # job.number
    _required("fresh", Boolean),  # not done yet when this run planned it: its cost is this run's
    UniqueConstraint("job", "run_id", name="uq_campaign_job_job"),
    sqlite_with_rowid=False,
)

job = Table(
    "job",
    metadata,
    Column("number", Number, primary_key=True),
    _required("job_id", Text, unique=True),
    _required("sku", Text),
    _required("scene", Text),
    _required("variant", Integer),
    _required("group_key", Text),
    _required("state", Text),
    _required("attempt", Integer, default=0),  # the fencing token: one more at every lease
    _required("failures", Integer, default=0),  # leases that ended by death or by a passing failure
    _required("in_hand", Boolean, default=False),  # being worked on, not only reserved: its death counts
    _required("owner", Text, default=""),
    Column("lease_until", Float),
    _required("take", Integer, default=0),
    Column("verdict", Text),
    _required("cost", Float, default=0.0),
    _required("reason", Text, default=""),
    _required("updated", Float, default=0.0),
)
Index(
    "ix_job_leased",
    job.c.owner,
    job.c.lease_until,
    sqlite_where=job.c.state == IS_LEASED,
    postgresql_where=job.c.state == IS_LEASED,
)

job_spec = Table(
    "job_spec",
    metadata,
    Column("job", Number, primary_key=True, autoincrement=False),  # job.number
    _required("image", Text),
    _required("line", Integer),
    _required("product", LargeBinary),  # what people read of the product, canonical JSON; may change under one job_id
    _required("spec", LargeBinary),  # RenderJob.canonical(), byte for byte: it is what was hashed
)

master = Table(  # one line a take; which of them is delivered, the job says
    "master",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("take", Integer, primary_key=True, autoincrement=False),
    _required("status", Text),  # the verdict on this take
    _required("cost", Float),
    _required("key", Text),
    _required("sha256", Text),
    _required("width", Integer),
    _required("height", Integer),
    _required("product_box", Text),
    _required("findings", Text),
    _required("timings", Text),
    _required("notes", Text),
    _required("signature", Text),  # by which duplicates are recognised
)

rendition = Table(
    "rendition",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("take", Integer, primary_key=True, autoincrement=False),
    Column("placement", Text, primary_key=True),
    _required("rule", Text),  # digest of the placement's rules it was made by
    _required("key", Text),
    _required("sha256", Text),
    _required("width", Integer),
    _required("height", Integer),
    _required("bytes", Integer),
    _required("format", Text),
    _required("findings", Text),
)

decision = Table(  # what people decided, one line each, never changed afterwards
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    _required("job_id", Text),
    _required("take", Integer),
    _required("decision", Text),
    _required("cause", Text),
    _required("words", Text),
    _required("who", Text),
    _required("at", Float),
    _required("request", Text),  # the form's own key: sent twice, it counts once
    _required("before", Text),  # the verdict it replaced, for undo
    Column("undoes", Integer),  # the decision that an undo takes back
    UniqueConstraint("job_id", "request", name="uq_decision_request"),
)

take_order = Table(  # a take beyond the first, and what is to set it apart
    "take_order",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("take", Integer, primary_key=True, autoincrement=False),
    _required("steering", Text),  # Steering.as_text()
)

agent = Table(
    "agent",
    metadata,
    Column("id", Text, primary_key=True),
    _required("host", Text),
    _required("device", Text),
    _required("model", Text),
    _required("memory", Integer),
    _required("last_seen", Float),
)

DELIVERED = and_(master.c.job_id == job.c.job_id, master.c.take == job.c.take)  # of a job's masters
