"""Planning end to end, as `shangxin plan CATALOG --json` does it: `python -m tests.bench.bench_planning [rows]`.

A catalogue file of 20 columns whose rows share 200 pictures is planned for 5 scenes by the real command in a process of
its own: reading, validation, digests, seeds, prompts, identities and the difference to the ledger. Memory is that of
all its processes together, sampled: PSS (pages shared by processes count once), and the sum of each one's own peak.
Bare Jinja2 renders the same positive prompts on one core, before and after. Then again with a ledger that holds every
job as done, so that there is nothing left to render.
"""

import contextlib
import csv
import os
import resource
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np
import psutil
from sqlalchemy import update

from tasks.catalog.brief import CampaignBrief
from tasks.catalog.images import ImageResolver
from tasks.catalog.read import read_products
from tasks.catalog.source import local_source
from tasks.delivery.ledger.tables import job
from tasks.planning import plan_batches
from tasks.prompts.library import load_library
from tasks.prompts.row import FIELDS, Row
from tasks.settings import Settings
from tasks.workplace import Workplace
from tests.bench.bench_plan import COLUMNS, ROOT, SCENES, bare_jinja, busy_library, rate

MODEL = "sleep-0ms"  # a plan needs no weights
PICTURES = 200
KNOWN = ("sku", "title", "image", "category", "brand", "price", "color", "material", "selling_points", "locale")
HEADER = (*KNOWN, *COLUMNS)
SAMPLE = 4_000  # products whose prompts bare Jinja2 renders
EVERY = 0.05  # seconds between two looks at the memory


class Measured(NamedTuple):
    """One run of the command: seconds by the clock and of processor time, MB of all processes, jobs printed."""

    wall: float
    cpu: float
    pss: float
    peaks: float
    processes: int
    jobs: int
    done: int


def write_catalogue(folder: Path, rows: int) -> Path:
    """A CSV of Chinese text beside its pictures."""
    (folder / "images").mkdir(exist_ok=True)
    for number in range(PICTURES):
        picture = np.full((96, 96, 3), 255, np.uint8)
        cv2.circle(picture, (48, 48), 20, (number, 255 - number, 90), -1)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
    path = folder / f"{rows}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        table.writerows(_cells(number) for number in range(rows))
    return path


def _cells(n: int) -> list[str]:
    known = [
        f"SKU{n:07}", f"夏季新款轻薄透气商品{n}", f"images/{n % PICTURES}.png", "护肤", "青屿", f"{n % 900}.90",
        f"浅蓝{n}", f"玻璃{n}", f"卖点{n};轻盈", "zh-CN",
    ]  # fmt: skip
    return known + [f"{column}的值{n}" for column in COLUMNS]


def plan(catalogue: Path, templates: Path, out: Path) -> Measured:
    """Run the command and watch its processes until it ends."""
    command = [
        sys.executable,
        "-m",
        "flows",
        "plan",
        str(catalogue),
        "--json",
        "--model",
        MODEL,
        "--scenes",
        ",".join(SCENES),
    ]
    settings = {"SHANGXIN_OUT": str(out), "SHANGXIN_TEMPLATES": str(templates)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE) as process:
        watch = MemoryWatch(process.pid)
        jobs = done = 0
        assert process.stdout is not None
        while block := process.stdout.read(1 << 20):
            jobs += block.count(b"\n")
            done += block.count(b'"done":true')  # one split between blocks may be missed: only printed
        assert process.wait() == 0, f"{command} failed"
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, watch.pss, sum(watch.peaks.values()) / 1024, len(watch.peaks), jobs, done)


class MemoryWatch:
    """Looks at a process and its descendants every 50 ms until it ends."""

    def __init__(self, pid: int) -> None:
        self.pss = 0.0  # MB, the greatest sum seen
        self.peaks: dict[int, int] = {}  # kB by process, as the kernel keeps it (VmHWM)
        self._root = psutil.Process(pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE:
            with contextlib.suppress(psutil.Error, OSError):
                self._look()
            time.sleep(EVERY)

    def _look(self) -> None:
        total = 0
        for process in (self._root, *self._root.children(recursive=True)):
            total += process.memory_full_info().pss
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            if "VmHWM:" in status:
                peak = int(status.partition("VmHWM:")[2].split()[0])
                self.peaks[process.pid] = max(self.peaks.get(process.pid, 0), peak)
        self.pss = max(self.pss, total / 2**20)


def finish_all(catalogue: Path, templates: Path, out: Path) -> None:
    """Enter every job of the catalogue into the ledger as done."""
    workplace = Workplace(Settings(out=out, templates=templates))
    ledger = workplace.ledger
    ledger.begin_run("bench", "{}")
    brief = CampaignBrief(catalog=str(catalogue), scenes=SCENES, model=MODEL)
    for number, batch in enumerate(plan_batches(workplace, brief, print)):
        ledger.add_jobs("bench", batch, first=number * 10_000)
    with ledger.write() as connection:
        connection.execute(update(job).values(state="done", verdict="approved"))
    ledger.close()


def bare_rate(catalogue: Path, templates: Path) -> float:
    """Prompts a second of processor time, by compiled templates and nothing else."""
    products = read_products(local_source(str(catalogue)), images=ImageResolver(catalogue.parent), on_bad=print)
    rows = [Row._make([getattr(product, name) for name in FIELDS]) for product in islice(products, SAMPLE)]
    return rate(bare_jinja(load_library(templates), rows))


def show(label: str, measured: Measured, bare: float) -> None:
    wall, cpu = measured.jobs / measured.wall, measured.jobs / measured.cpu
    print(
        f"{label:<28}{measured.jobs:>10,}{measured.done:>10,}{measured.wall:>8.1f}{measured.cpu:>8.1f}{wall:>10,.0f}"
        f"{cpu:>10,.0f}{wall / bare:>8.2f}{2 * cpu / bare:>9.2f}{measured.pss:>8.0f}{measured.peaks:>8.0f}"
        f"{measured.processes:>6}",
        flush=True,
    )


def main() -> None:
    """Plans of a fifth of the rows and of all of them, and of the fifth once more with everything done."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 1_000_000
    with TemporaryDirectory() as name:
        folder = Path(name)
        templates = busy_library(folder / "templates").folder
        few, many = (write_catalogue(folder, count) for count in (rows // 5, rows))
        bare = bare_rate(few, templates)
        print(f"bare Jinja2: {bare:,.0f} prompts per second of one core's time; a job needs at most twice as long")
        print(
            f"{'':<28}{'jobs':>10}{'done':>10}{'clock':>8}{'CPU':>8}{'jobs/s':>10}{'per CPU s':>10}{'ratio':>8}"
            f"{'2 cores':>9}{'PSS MB':>8}{'peaks':>8}{'proc':>6}"
        )
        for catalogue in (few, many):
            show(f"{catalogue.stem} rows, new", plan(catalogue, templates, folder / "empty"), bare)
        finish_all(few, templates, folder / "full")
        show(f"{few.stem} rows, all done", plan(few, templates, folder / "full"), bare)
        print(f"bare Jinja2 once more: {bare_rate(few, templates):,.0f}")


if __name__ == "__main__":
    main()
