"""What Prefect and the ledger add to a night: 1,000 jobs whose renderer only sleeps, against the sleep itself."""

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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep_prefect_at(folder / ".prefect")
        use_settings(Settings(out=folder))
        with EmbeddedServer(folder / ".prefect", start_seconds=180) as server, connected(server.url()):
            _run(folder, "warm-up", jobs=20)
            wall = _run(folder, "night", jobs=JOBS)
            runs = _count_task_runs()
    slept = JOBS * SLEEP_MS / 1000
    print(f"{JOBS} jobs of {SLEEP_MS} ms: wall {wall:.1f} s, sleep {slept:.1f} s, ratio {wall / slept:.3f} (aim 1.05)")
    print(f"Prefect task runs, warm-up included: {runs} (aim 100)")


def _run(folder: Path, name: str, *, jobs: int) -> float:
    from flows.campaign import produce_campaign

    brief = CampaignBrief(
        catalog=str(_catalogue(folder, name, jobs)),
        scenes=("white-studio",),
        placements=("google-300x250",),
        model=f"sleep-{SLEEP_MS}ms",
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
