"""Planning on several cores: batches of products out, lists of jobs back, in order and with few in flight."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

from tasks.errors import CellError
from tasks.prompts.library import Library
from tasks.prompts.row import Goods
from tasks.rendering.job import PlannedJob
from tasks.rendering.plan import BadRow, Planner, PlanOptions
from tasks.rendering.plan_lines import PlannedLines
from tasks.rendering.plan_worker import JOBS, LINES, Bad, Form, PlanWorker

Made = TypeVar("Made")


def plan_parallel(
    batches: Iterable[Sequence[Goods]],
    library: Library,
    options: PlanOptions,
    *,
    workers: int = 2,
    on_bad_row: BadRow | None = None,
) -> Iterator[list[PlannedJob]]:
    """One list of jobs for each batch, in order: the same jobs as `plan_jobs`, made by `workers` processes.

    At most `workers` + 2 batches are in memory. Batches of some hundred rows keep the processes busy. Bad rows are
    treated as in `plan_jobs`. Ending the iteration early ends the processes.
    """
    return _plan_all(batches, library, options, JOBS, workers=workers, on_bad_row=on_bad_row)


def plan_lines_parallel(
    batches: Iterable[Sequence[Goods]],
    library: Library,
    options: PlanOptions,
    *,
    workers: int = 2,
    on_bad_row: BadRow | None = None,
) -> Iterator[PlannedLines]:
    """As `plan_parallel`, ready to print: a job never becomes an object of this process."""
    return _plan_all(batches, library, options, LINES, workers=workers, on_bad_row=on_bad_row)


def _plan_all(
    batches: Iterable[Sequence[Goods]],
    library: Library,
    options: PlanOptions,
    form: Form[Made],
    *,
    workers: int,
    on_bad_row: BadRow | None,
) -> Iterator[Made]:
    Planner(library, options)  # a wrong brief is told here, not by every worker
    with ExitStack() as stack:
        idle: SimpleQueue[PlanWorker[Made]] = SimpleQueue()
        for _ in range(workers):
            idle.put(stack.enter_context(closing(PlanWorker(library, options, form))))
        threads = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="plan"))
        waiting: deque[tuple[Sequence[Goods], Future[tuple[Made, list[Bad]]]]] = deque()
        try:
            for batch in _limited(batches, options.brief.limit):
                waiting.append((batch, threads.submit(_plan, idle, batch)))
                if len(waiting) > workers + 1:
                    yield _received(*waiting.popleft(), on_bad_row)
            while waiting:
                yield _received(*waiting.popleft(), on_bad_row)
        finally:
            for _, future in waiting:
                future.cancel()


def batched(products: Iterable[Goods], size: int = 1000) -> Iterator[Sequence[Goods]]:
    """Lists of up to `size` products."""
    products = iter(products)
    while batch := list(islice(products, size)):
        yield batch


def _plan(idle: "SimpleQueue[PlanWorker[Made]]", batch: Sequence[Goods]) -> tuple[Made, list[Bad]]:
    worker = idle.get()
    try:
        return worker.plan(batch)
    finally:
        idle.put(worker)


def _received(batch: Sequence[Goods], future: "Future[tuple[Made, list[Bad]]]", on_bad_row: BadRow | None) -> Made:
    made, bad = future.result()
    for row in bad:
        error = CellError(row.column, row.value, row.reason)
        if on_bad_row is None:
            raise error
        on_bad_row(batch[row.place], error)
    return made


def _limited(batches: Iterable[Sequence[Goods]], limit: int | None) -> Iterator[Sequence[Goods]]:
    """The batches up to the limit of products in all."""
    for batch in batches:
        if limit is not None and len(batch) >= limit:
            yield batch[:limit]
            return
        yield batch
        limit = None if limit is None else limit - len(batch)
