"""The ledger at night: `python -m tests.bench.bench_ledger [jobs] [database url]` (default: a million, SQLite).

Rates are by this process's CPU time, so that a busy machine does not blur them; the ratio is to the rate at which the
same process digests the same specs into job ids, the cheapest thing that planning does with a job anyway.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import update

from tasks.delivery.ledger import Ledger, open_ledger
from tasks.delivery.ledger.dialect import among
from tasks.delivery.ledger.tables import job
from tasks.rendering.job import ModelRef, PlannedJob, RenderJob, job_digest

RUN = "bench"
SEED = 1234567890123456789
LOOK_UP = 10_000
LEASES, LEASE_SIZE = 100, 64


def planned(jobs: int) -> Iterator[PlannedJob]:
    """Jobs of realistic length, made by changing the seed in one canonical spec."""
    template = RenderJob(
        model=ModelRef(name="kolors", revision="0123456789abcdef"),
        prompt="商品摄影，原木桌面，清晨柔光，浅景深，窗边绿植，" * 8,
        negative_prompt="文字，水印，低质量，变形，多余物体" * 3,
        seed=SEED,
        width=1024,
        height=1024,
        product_image="0" * 64,
    ).canonical()
    for number in range(jobs):
        spec = template.replace(str(SEED).encode(), str(SEED + number).encode())
        yield PlannedJob(job_digest(spec), f"SKU-{number // 5}", f"scene-{number % 5}", 0, spec, "a.png", number)


def timed(what: str, jobs: int, act: Callable[[], object], *, base: float = 0.0) -> float:
    """Run once, print seconds by the clock and of this process's CPU, rate and ratio by CPU, and peak memory so far."""
    start, start_cpu = time.perf_counter(), time.process_time()
    act()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    rate, peak = jobs / cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:34} {jobs:>9,} {seconds:8.1f} s {cpu:8.1f} s {rate:>11,.0f}/s {rate / (base or rate):6.2f} "
        f"{peak:7.0f} MiB",
        flush=True,
    )
    return rate


def find_all_done(ledger: Ledger, jobs: int) -> None:
    """Ask as the planner does: batch by batch, keeping the difference only."""
    ids = (each.job_id for each in planned(jobs))
    found = 0
    while batch := list(islice(ids, LOOK_UP)):
        found += len(ledger.find_done(batch))
    assert found == jobs


def lease_some(ledger: Ledger, jobs: int) -> None:
    ids = [each.job_id for each in islice(planned(jobs), LEASES * LEASE_SIZE)]
    for first in range(0, len(ids), LEASE_SIZE):
        ledger.lease(ids[first : first + LEASE_SIZE], owner="bench", seconds=60)
    ledger.release("bench")


def finish_all(ledger: Ledger, jobs: int) -> None:
    ids = (each.job_id for each in planned(jobs))
    while batch := list(islice(ids, LOOK_UP)):
        with ledger.write() as connection:
            connection.execute(update(job).where(among(job.c.job_id, batch)).values(state="done", verdict="approved"))


def shards_of_a_night(ledger: Ledger) -> None:
    """As many shards as one look of the campaign needs; the whole list would hold every id in memory."""
    assert len(ledger.next_shards(RUN, LEASE_SIZE, limit=LEASES)) == LEASES


def measure(ledger: Ledger, jobs: int) -> None:
    ledger.begin_run(RUN, "{}")
    base = timed("digest specs into ids (the base)", jobs, lambda: sum(1 for _ in planned(jobs)))
    timed("add_jobs, new", jobs, lambda: ledger.add_jobs(RUN, planned(jobs)), base=base)
    leased = LEASES * LEASE_SIZE
    timed(f"next_shards({LEASE_SIZE})", leased, lambda: shards_of_a_night(ledger), base=base)
    timed(f"lease {LEASE_SIZE} at a time", leased, lambda: lease_some(ledger, jobs), base=base)
    finish_all(ledger, jobs)
    timed("find_done, all known", jobs, lambda: find_all_done(ledger, jobs), base=base)
    timed("add_jobs, all known", jobs, lambda: ledger.add_jobs(RUN, planned(jobs)), base=base)
    timed("counts", jobs, lambda: ledger.counts(RUN), base=base)


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        ledger = open_ledger(sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{file}")
        print(f"{ledger.dialect:34} {'jobs':>9} {'clock':>10} {'CPU':>10} {'per CPU s':>13}  ratio        peak")
        measure(ledger, jobs)
        if file.exists():
            print(f"{file.stat().st_size / jobs:,.0f} bytes a job on disk")
        ledger.close()


if __name__ == "__main__":
    main()
