"""What Prefect, ledger, checks and files add to a night: jobs whose renderer only sleeps, against the sleep itself.

`python -m tests.bench.bench_orchestration [jobs] [milliseconds a job]` (default: 1,000 of 100 ms). What is done for a
picture beside its rendering is shown in processor time too: it hides behind the sleep as long as another core has that
much to spare.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from flows.embedded import EmbeddedServer, connected
from flows.environment import keep_prefect_at
from tasks.catalog.brief import CampaignBrief
from tasks.settings import Settings, use_settings

JOBS = 1000
SLEEP_MS = 100


def main() -> None:
    """Wall time of the warm flow over the sleep total, and the number of Prefect task runs. Aim: 1.05 and 100."""
    numbers = [int(text) for text in sys.argv[1:] if text.isdigit()]
    jobs, sleep_ms = (numbers + [JOBS, SLEEP_MS][len(numbers) :])[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep_prefect_at(folder / ".prefect")
        use_settings(Settings(out=folder))
        with EmbeddedServer(folder / ".prefect", start_seconds=180) as server, connected(server.url()):
            _run(folder, "warm-up", jobs=20, sleep_ms=sleep_ms)
            cpu = time.process_time()
            wall = _run(folder, "night", jobs=jobs, sleep_ms=sleep_ms)
            cpu = time.process_time() - cpu
            runs = _count_task_runs()
    slept = jobs * sleep_ms / 1000
    print(f"{jobs} jobs of {sleep_ms} ms: wall {wall:.1f} s, sleep {slept:.1f} s, ratio {wall / slept:.3f} (aim 1.05)")
    print(f"processor time beside the sleep: {cpu:.1f} s, {1000 * cpu / jobs:.0f} ms a job")
    print(f"Prefect task runs, warm-up included: {runs} (aim 100)")


def _run(folder: Path, name: str, *, jobs: int, sleep_ms: int) -> float:
    from flows.campaign import produce_campaign

    brief = CampaignBrief(
        catalog=str(_catalogue(folder, name, jobs)),
        scenes=("white-studio",),
        placements=("google-300x250",),
        model=f"sleep-{sleep_ms}ms",
    )
    started = time.perf_counter()
    produce_campaign(brief, f"run-{name}")
    return time.perf_counter() - started


def _catalogue(folder: Path, name: str, rows: int) -> Path:
    picture = np.full((256, 256, 3), 255, np.uint8)
    cv2.ellipse(picture, (128, 128), (70, 90), 0, 0, 360, (60, 90, 200), -1, cv2.LINE_AA)
    cv2.imwrite(str(folder / "product.png"), picture)
    path = folder / f"{name}.csv"
    lines = [f"{name}-{row},商品 {row},product.png" for row in range(rows)]
    path.write_text("sku,title,image\n" + "\n".join(lines), encoding="utf-8")
    return path


def _count_task_runs() -> int:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return int(client.request("POST", "/task_runs/count", json={}).json())


if __name__ == "__main__":
    main()
