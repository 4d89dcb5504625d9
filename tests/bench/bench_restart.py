"""Everything starts again with a million jobs in the ledger: how long until tonight's difference is known and leased.

`python -m tests.bench.bench_restart [jobs]`. SQLite, and PostgreSQL where its binaries are. All but a shard of the jobs
are done; then the database is stopped and started, and a new process opens the ledger, asks about every job of the plan
as the planner does, counts the run and leases its first shard. Seconds by the clock; the aim is 60.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import update

from flows.embedded import free_port
from flows.stack.postgres import USER, find_postgres, postgres_service
from flows.stack.processes import Service
from tasks.delivery.ledger import Ledger, open_ledger
from tasks.delivery.ledger.dialect import among
from tasks.delivery.ledger.tables import job
from tasks.errors import LedgerError
from tests.bench.bench_ledger import LOOK_UP, RUN, planned

JOBS, LEFT = 1_000_000, 96
AIM_SECONDS = 60
START_SECONDS = 60


def main() -> None:
    """The parent fills and restarts; the child, `child URL JOBS`, is the one that is timed."""
    if sys.argv[1:2] == ["child"]:
        return measure(sys.argv[2], int(sys.argv[3]))
    jobs = next((int(text) for text in sys.argv[1:] if text.isdigit()), JOBS)
    with TemporaryDirectory(prefix="shangxin-bench-") as folder:
        url = f"sqlite:///{folder}/ledger.db"
        fill(url, jobs)
        timed("SQLite", url, jobs)
    binaries = find_postgres()
    if binaries is None:
        return print("no PostgreSQL on this machine")
    with TemporaryDirectory(prefix="shangxin-bench-") as folder, postgres(binaries, Path(folder)) as (service, url):
        fill(url, jobs)
        service.stop()
        service.start()
        await_database(url)
        timed("PostgreSQL, restarted", url, jobs)
    return None


def timed(name: str, url: str, jobs: int) -> None:
    started = time.perf_counter()
    command = [sys.executable, "-m", "tests.bench.bench_restart", "child", url, str(jobs)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    seconds = time.perf_counter() - started
    print(f"{name:22} {jobs:>9,} jobs: {seconds:5.1f} s in a new process (aim {AIM_SECONDS}): {told}", flush=True)


def measure(url: str, jobs: int) -> None:
    started = time.perf_counter()
    ledger = open_ledger(url)
    opened = time.perf_counter()
    ids = (each.job_id for each in planned(jobs))
    done = 0
    while batch := list(islice(ids, LOOK_UP)):
        done += len(ledger.find_done(batch))
    known = time.perf_counter()
    counts = ledger.counts(RUN)
    shard = ledger.next_shards(RUN, LEFT, limit=1)[0]
    leased = ledger.lease(shard.job_ids, owner="bench", seconds=60, in_hand=False)
    assert (jobs - done, counts.unfinished, len(leased)) == (LEFT, LEFT, LEFT)
    print(
        f"open {opened - started:.1f}, difference {known - opened:.1f}, "
        f"count and lease the {len(leased)} that are left {time.perf_counter() - known:.1f}"
    )


def fill(url: str, jobs: int) -> None:
    ledger = open_ledger(url)
    ledger.begin_run(RUN, "{}")
    ledger.add_jobs(RUN, planned(jobs))
    _finish(ledger, (each.job_id for each in islice(planned(jobs), jobs - LEFT)))
    ledger.close()


def _finish(ledger: Ledger, ids: Iterator[str]) -> None:
    while batch := list(islice(ids, LOOK_UP)):
        with ledger.write() as connection:
            connection.execute(update(job).where(among(job.c.job_id, batch)).values(state="done", verdict="approved"))


@contextmanager
def postgres(binaries: Path, folder: Path) -> Iterator[tuple[Service, str]]:
    folder.chmod(0o755)  # PostgreSQL is another user
    port = free_port()
    service = postgres_service(binaries, folder / "postgres", port)
    service.start()
    url = f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"
    try:
        await_database(url)
        yield service, url
    finally:
        service.stop()


def await_database(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            return open_ledger(url).close()
        except LedgerError:
            time.sleep(0.2)
    raise TimeoutError(f"PostgreSQL did not answer within {START_SECONDS} s")


if __name__ == "__main__":
    main()
