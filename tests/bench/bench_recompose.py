"""New placements for masters in the store, without rendering. `python -m tests.bench.bench_recompose [masters]`

Every master's file is one of a few drawn ones under its own key, so that 10,000 of them fit on a small disk. Memory is
this process's own, read after each tenth: it must not grow with the number of masters.
"""

import os
import sys
import tempfile
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import cv2
import psutil

from tasks.banners.master_png import encode_master
from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_stored
from tasks.delivery.keys import master_key
from tasks.delivery.ledger import JobResult, Master
from tasks.findings import Verdict
from tasks.rendering.job import ModelRef, PlannedJob, RenderJob, job_digest
from tasks.settings import Settings, use_settings
from tasks.shapes import Box
from tasks.workplace import Workplace, open_workplace
from tests.banners.drawn import draw_master

MASTERS = 1000
RUN = "bench"
SIDE = 1024
PLACEMENTS = ("taobao-main", "google-300x250", "wechat-cover-small")
SCENES = ("table", "marble", "lights")


def main() -> None:
    masters = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else MASTERS
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        use_settings(Settings(out=Path(folder)))
        workplace = open_workplace()
        stock(workplace, Path(folder), masters)
        recompose(workplace, masters)
        use_settings(None)


def stock(workplace: Workplace, folder: Path, count: int) -> None:
    """A run of approved masters."""
    drawn = [draw_master(scene, width=SIDE, height=SIDE, share=0.5) for scene in SCENES]  # type: ignore[arg-type]
    files, boxes = [], [each.product_box for each in drawn]
    for number, each in enumerate(drawn):
        files.append(folder / f"master-{number}.png")
        files[-1].write_bytes(encode_master(each.pixels, recipe="{}"))
    brief = CampaignBrief(catalog="bench.csv", placements=PLACEMENTS, model="sleep-1ms")
    workplace.ledger.begin_run(RUN, brief.model_dump_json())
    jobs = [planned(number) for number in range(count)]
    workplace.ledger.add_jobs(RUN, jobs)
    ids = iter([each.job_id for each in jobs])
    while batch := list(islice(ids, 200)):
        for number, lease in enumerate(workplace.ledger.lease(batch, owner="bench", seconds=3600)):
            key = master_key(lease.sku, lease.job_id, lease.take)
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(files[number % len(files)], path)
            commit(workplace, lease.job_id, lease.attempt, key, boxes[number % len(files)])


def planned(number: int) -> PlannedJob:
    job = RenderJob(
        model=ModelRef(name="sleep-1ms", revision="1"),
        prompt="木桌",
        seed=number,
        width=SIDE,
        height=SIDE,
        product_image="0" * 64,
    )
    spec = job.canonical()
    return PlannedJob(job_digest(spec), f"SKU-{number}", "wood-morning", 0, spec, "a.png", number + 2)


def commit(workplace: Workplace, job_id: str, attempt: int, key: str, box: Box) -> None:
    master = Master(key, "0" * 64, SIDE, SIDE)
    result = JobResult(take=0, verdict=Verdict(status="approved"), master=master, product_box=box)
    workplace.ledger.commit(job_id, owner="bench", attempt=attempt, result=result)


def recompose(workplace: Workplace, count: int) -> None:
    brief = CampaignBrief(catalog="bench.csv", placements=PLACEMENTS, model="sleep-1ms")
    process, made, memory = psutil.Process(), 0, []
    start, start_cpu = perf_counter(), process_time()
    for number, made_of_one in enumerate(compose_stored(workplace, RUN, brief), 1):
        made += made_of_one
        if number % max(1, count // 10) == 0:
            memory.append(process.memory_info().rss / 2**20)
    seconds, cpu = perf_counter() - start, process_time() - start_cpu
    print(f"{count:,} masters of {SIDE}x{SIDE}, {made:,} renditions, two threads, labels read back")
    print(f"  {seconds:.1f} s by the clock, {cpu:.1f} s of processor time: {made / cpu:.1f} renditions a CPU second")
    print(f"  memory after each tenth, MiB: {' '.join(f'{each:.0f}' for each in memory)}")
    print(f"  last against second tenth: {memory[-1] / memory[min(1, len(memory) - 1)]:.2f}x")


if __name__ == "__main__":
    main()
