"""The ledger: the truth about what is done and who works on what."""

from tasks.delivery.ledger.agents import Agents
from tasks.delivery.ledger.claims import Claims
from tasks.delivery.ledger.decisions import Decisions
from tasks.delivery.ledger.runs import Runs
from tasks.delivery.ledger.upkeep import Upkeep
from tasks.errors import ConfigurationError


class Ledger(Runs, Claims, Decisions, Agents, Upkeep):
    """One ledger in one database; safe to share between threads, and to open from any number of processes."""


def open_ledger(url: str, *, max_attempts: int = 4) -> Ledger:
    """The ledger at an SQLAlchemy URL (`sqlite:///file` or `postgresql+psycopg://...`), made where there is none.

    `max_attempts` is how often a job may fail before it is set aside. LedgerError where the database is damaged,
    somebody else's or of another version; LedgerUnavailable where it does not answer.
    """
    if max_attempts < 1:
        raise ConfigurationError(f"max_attempts is {max_attempts}; a job needs at least one attempt")
    ledger = Ledger(url)
    ledger.max_attempts = max_attempts
    return ledger
