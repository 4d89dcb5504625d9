"""Progress on the console while a run works: stage, counts, rate, time left. It only reads the ledger."""

import threading
import time
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tasks.delivery.ledger import Ledger
from tasks.errors import LedgerError

STAGES = {
    "starting": "启动 Starting Prefect",
    "ingesting": "读取目录 Reading the catalogue",
    "watching": "标准样张 Golden set",
    "rendering": "渲染 Rendering",
    "reviewing": "质检 Reviewing",
    "waiting": "等待审片 Waiting for people",
    "composing": "版位 Composing placements",
    "publishing": "发布 Publishing",
}


WAIT_FACTOR = 20  # between two looks, of the time that a look takes


class LiveProgress:
    """Shows a run's progress from its ledger until the context ends; quiet where there is no terminal."""

    def __init__(self, ledger: Ledger, run_id: str, console: Console, *, every_seconds: float = 0.5) -> None:
        self._ledger, self._run_id, self._console, self._every = ledger, run_id, console, every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=False,
        )
        self._row = self._bar.add_task(STAGES["starting"], total=None, rate="", left="")

    def __enter__(self) -> "LiveProgress":
        self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._bar.stop()

    def _watch(self) -> None:
        pace, wait = Pace(), self._every
        while not self._stop.wait(wait):
            started = time.monotonic()
            self._try_to_show(pace)
            # counting a large run takes a while: never more than a twentieth of the machine's time goes into watching
            wait = max(self._every, WAIT_FACTOR * (time.monotonic() - started))
        self._try_to_show(pace)

    def _try_to_show(self, pace: "Pace") -> None:
        with suppress(LedgerError):  # whoever works meets the same error, and tells it
            self._show(pace)

    def _show(self, pace: "Pace") -> None:
        run = next((run for run in self._ledger.runs(limit=3) if run.run_id == self._run_id), None)
        if run is None:
            return  # the flow has not begun yet
        counts = self._ledger.counts(self._run_id)
        finished = counts.total - counts.unfinished
        pace.note(finished)
        self._bar.update(
            self._row,
            description=STAGES[run.totals.get("stage", "starting")],
            total=counts.total or None,
            completed=finished,
            rate=pace.rate(),
            left=pace.left(counts.total - finished),
        )


class Pace:
    """Rate and time left, from what was finished since watching began (what was done before counts for nothing)."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._at_start = self._now_done = 0

    def note(self, finished: int) -> None:
        if self._started is None:
            self._started, self._at_start = time.monotonic(), finished
        self._now_done = finished

    def _per_second(self) -> float:
        elapsed = time.monotonic() - (self._started or time.monotonic())
        return (self._now_done - self._at_start) / elapsed if elapsed > 0 else 0.0

    def rate(self) -> str:
        per_second = self._per_second()
        return f"{per_second:.2f}/s" if per_second >= 1 else f"{60 * per_second:.0f}/min" if per_second > 0 else ""

    def left(self, remaining: int) -> str:
        per_second = self._per_second()
        if per_second <= 0 or remaining <= 0:
            return ""
        minutes, seconds = divmod(round(remaining / per_second), 60)
        return f"还需 {minutes}:{seconds:02d} left"
