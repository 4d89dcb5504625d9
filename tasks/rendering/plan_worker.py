"""A planning process: batches of rows come in on stdin, jobs go out on stdout, until stdin ends.

A plain child rather than `multiprocessing`: a spawned worker would import the program's main module again, and with it
all that a command line brings along. The pipe is the parent's own, so pickles on it are no one else's.
"""

import gc
import pickle
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from subprocess import PIPE, Popen
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from tasks.errors import CellError, ShangxinError, TemplateError
from tasks.prompts.library import Library
from tasks.prompts.row import FIELDS, Goods, Row
from tasks.rendering.job import PlannedJob
from tasks.rendering.plan import Planner, PlanOptions
from tasks.rendering.plan_lines import PlannedLines, lines_of

START = "import sys; sys.path[:] = sys.argv[1:]; from tasks.rendering.plan_worker import serve; serve()"


class Bad(NamedTuple):
    """A row that could not be planned: its place in the batch, and a CellError's three fields."""

    place: int
    column: str
    value: str
    reason: str


Made = TypeVar("Made")


class Form(NamedTuple, Generic[Made]):
    """How a batch of jobs crosses the process border: packed over there, unpacked here. Both are named functions."""

    pack: Callable[[list[PlannedJob]], Any]
    unpack: Callable[[Any], Made]


class PlanWorker(Generic[Made]):
    """One planning process, seen from its parent. Closing it, or the parent's death, ends it."""

    def __init__(self, library: Library, options: PlanOptions, form: Form[Made]) -> None:
        self._unpack = form.unpack
        command = [sys.executable, "-c", START, *sys.path]
        # a session of its own: Ctrl-C reaches the parent, which closes the pipe
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, start_new_session=True)  # noqa: S603 - our own module
        self._send((library, options, form.pack))

    def plan(self, batch: Sequence[Goods]) -> tuple[Made, list[Bad]]:
        """The batch's jobs and the rows that could not be planned. Errors: TemplateError; ShangxinError if it died."""
        self._send([plain(goods) for goods in batch])
        try:
            error, made, bad = pickle.load(self._process.stdout)  # type: ignore[arg-type]  # noqa: S301 - our own child
        except EOFError as gone:
            raise self._ended() from gone
        if error is not None:
            raise TemplateError(error)
        return self._unpack(made), bad

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # what was still to be sent to a dead process
                if pipe is not None:
                    pipe.close()
        self._process.wait()

    def _send(self, value: object) -> None:
        pipe = self._process.stdin
        if pipe is None:
            return
        try:
            pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except BrokenPipeError as gone:
            raise self._ended() from gone

    def _ended(self) -> ShangxinError:
        return ShangxinError(f"a planning process ended with code {self._process.wait()}; run the plan again")


def plain(goods: Goods) -> tuple[Any, ...]:
    """The product as a plain tuple in the order of Row."""
    fields: tuple[Any, ...] = tuple(goods) if isinstance(goods, Row) else _fields(goods)
    return fields


_fields = attrgetter(*FIELDS)


def pack_jobs(jobs: list[PlannedJob]) -> list[tuple[Any, ...]]:
    """Plain tuples: a named one would cross with its class, job by job."""
    return list(map(tuple, jobs))


def unpack_jobs(rows: list[tuple[Any, ...]]) -> list[PlannedJob]:
    return list(map(PlannedJob._make, rows))


def unpack_lines(lines: PlannedLines) -> PlannedLines:
    return lines


JOBS = Form(pack_jobs, unpack_jobs)
LINES = Form(lines_of, unpack_lines)


def serve() -> None:
    """The worker's life: what to plan for, then batch after batch."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    library, options, pack = pickle.load(source)  # noqa: S301 - from the parent
    gc.freeze()  # the library stays; looking through it again and again would find nothing
    with suppress(EOFError, BrokenPipeError):  # the parent is done, or gone
        _answer_all(Planner(library, options), pack, source, sink)


def _answer_all(planner: Planner, pack: Callable[[list[PlannedJob]], Any], source: BinaryIO, sink: BinaryIO) -> None:
    while True:
        error, jobs, bad = _answer(planner, pickle.load(source))  # noqa: S301 - from the parent
        pickle.dump((error, pack(jobs), bad), sink, protocol=pickle.HIGHEST_PROTOCOL)
        sink.flush()


def _answer(planner: Planner, rows: Iterable[tuple[Any, ...]]) -> tuple[str | None, list[PlannedJob], list[Bad]]:
    jobs: list[PlannedJob] = []
    bad: list[Bad] = []
    for place, row in enumerate(map(Row._make, rows)):
        try:
            jobs += planner.plan(row)
        except CellError as error:
            bad.append(Bad(place, error.column, error.value, error.reason))
        except TemplateError as error:
            return str(error), [], []
    return None, jobs, bad
