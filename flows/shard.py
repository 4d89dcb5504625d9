"""What a GPU agent runs: one shard of one run, whichever is next when its turn comes."""

import asyncio
import logging
import threading

from prefect import flow

from tasks.render import render_next

# Set by the process that renders, when it is to stop after the batch in hand.
stopping = threading.Event()

logger = logging.getLogger(__name__)


@flow(name="render-shard", persist_result=False, retries=0)
async def render_shard(run_id: str, number: int = 0) -> dict[str, int]:
    """Take the run's next jobs from the ledger, render and commit them; counts by outcome.

    No jobs are bound to this flow run: a double of it, or one that comes late, takes what is left or nothing.
    Asynchronous, because Prefect waits a second for a synchronous flow's heartbeat to end.
    """
    counts = await asyncio.to_thread(render_next, run_id, stopping.is_set)
    logger.info("run %s, shard %d: %s", run_id, number, dict(counts))
    return dict(counts)
