"""The ledger on SQLite or PostgreSQL: runs, jobs, leases, results."""

from tasks.delivery.ledger.decisions import Choice, Decision, Wish
from tasks.delivery.ledger.ledger import Ledger, open_ledger
from tasks.delivery.ledger.listing import Filter, Listed, Place
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
    Rejudged,
    Rendition,
    Settled,
    Shard,
    Take,
)

__all__ = [
    "Added",
    "Agent",
    "Campaign",
    "Choice",
    "Counts",
    "Decision",
    "Expired",
    "Filter",
    "JobRecord",
    "JobResult",
    "LeasedJob",
    "Ledger",
    "Listed",
    "Master",
    "MissingRenditions",
    "Place",
    "Rejudged",
    "Rendition",
    "Settled",
    "Shard",
    "Take",
    "Wish",
    "open_ledger",
]
