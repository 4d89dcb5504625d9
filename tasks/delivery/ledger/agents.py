"""Renderers that report for work."""

from sqlalchemy import select

from tasks.delivery.ledger.database import Database
from tasks.delivery.ledger.dialect import now, upsert
from tasks.delivery.ledger.records import Agent
from tasks.delivery.ledger.tables import agent


class Agents(Database):
    """An agent is known by what it says of itself and by when the database last heard of it."""

    def heartbeat(self, reporting: Agent) -> None:
        with self.write() as connection:
            statement = upsert(agent, self.dialect).values({**vars(reporting), "last_seen": now()})
            connection.execute(statement)

    def agents(self, *, seen_within_seconds: float | None = None) -> list[Agent]:
        query = select(agent).order_by(agent.c.id)
        if seen_within_seconds is not None:
            query = query.where(agent.c.last_seen >= now() - seen_within_seconds)
        with self.read() as connection:
            return [Agent(**row._mapping) for row in connection.execute(query)]
