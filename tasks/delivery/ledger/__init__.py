"""The ledger on SQLite or PostgreSQL: runs, jobs, leases, results."""

from tasks.delivery.ledger.ledger import Ledger, open_ledger
from tasks.delivery.ledger.records import (
    Added,
    Agent,
    Campaign,
    Counts,
    Expired,
    JobRecord,
    JobResult,
    LeasedJob,
    Master,
    MissingRenditions,
    Rendition,
    Shard,
)

__all__ = [
    "Added",
    "Agent",
    "Campaign",
    "Counts",
    "Expired",
    "JobRecord",
    "JobResult",
    "LeasedJob",
    "Ledger",
    "Master",
    "MissingRenditions",
    "Rendition",
    "Shard",
    "open_ledger",
]
