"""A process that leases and commits jobs until a run has none left: `python -m ... URL RUN OWNER LEASE_SECONDS`.

The owner called `frozen` stops itself once, when it first holds jobs. Says `leased` when it holds jobs and `stale`
when a commit was refused. Every commit costs exactly 1, so the run's cost counts the commits.
"""

import os
import signal
import sys
import time

from tasks.delivery.ledger import LeasedJob, Ledger, open_ledger
from tasks.errors import StaleLease
from tests.delivery.small_jobs import result

PATIENCE = 1000  # no job may die of a slow test machine


def commit(ledger: Ledger, owner: str, leased: LeasedJob) -> None:
    time.sleep(0.02)
    try:
        done = result(leased.job_id, cost=1.0, seconds=time.perf_counter())
        ledger.commit(leased.job_id, owner=owner, attempt=leased.attempt, result=done)
    except StaleLease:
        print("stale", flush=True)


def main(url: str, run_id: str, owner: str, seconds: str) -> None:
    ledger = open_ledger(url, max_attempts=PATIENCE)
    freezes = owner == "frozen"
    while ledger.counts(run_id).unfinished:
        batch = ledger.lease_from(run_id, 4, owner=owner, seconds=float(seconds))
        print("leased" if batch else "idle", flush=True)
        if freezes and batch:
            freezes = False
            os.kill(os.getpid(), signal.SIGSTOP)  # with jobs in hand and no transaction open
        for leased in batch:
            commit(ledger, owner, leased)
        if not batch:
            time.sleep(0.1)
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
