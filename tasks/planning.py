"""The plan of a brief: its jobs in catalogue order, the rows that could not be used, the digest of it all."""

import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import orjson

from tasks.catalog.bad_rows import BadRow, write_bad_rows
from tasks.catalog.brief import CampaignBrief
from tasks.catalog.read import read_product_batches
from tasks.errors import CellError
from tasks.prompts.row import Goods
from tasks.rendering.job import PlannedJob
from tasks.rendering.parallel import plan_parallel
from tasks.rendering.plan import PlanOptions, plan_jobs
from tasks.workplace import Workplace

SMALL = 2_000  # rows a batch; up to one batch is planned here and now, more by processes beside this one


def plan_batches(
    workplace: Workplace, brief: CampaignBrief, on_bad: Callable[[BadRow], None]
) -> Iterator[list[PlannedJob]]:
    """The brief's jobs in catalogue order, batch by batch; on two cores where the catalogue is large."""
    source = workplace.source(brief.catalog)
    workplace.placements(brief.placements)  # a name that does not exist is told before anything is read
    options = PlanOptions(brief, workplace.model(brief.model))
    batches = read_product_batches(
        source,
        images=workplace.images(brief.catalog),
        on_bad=on_bad,
        limit=brief.limit,
        chunk_rows=SMALL,
    )

    def on_bad_row(goods: Goods, error: CellError) -> None:
        on_bad(BadRow(goods.line, error.column, error.value, error.reason))

    first = list(itertools.islice(batches, 2))
    batches = itertools.chain(first, batches)
    if len(first) < 2:
        for batch in batches:
            yield list(plan_jobs(batch, workplace.library, brief, model=options.model, on_bad_row=on_bad_row))
    else:
        yield from plan_parallel(batches, workplace.library, options, on_bad_row=on_bad_row)


class PlanDigest:
    """SHA-256 over all that a run is to deliver: its jobs in order, its placements' rules. Equal plans, equal runs."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief) -> None:
        self._digest = hashlib.sha256(brief.model_dump_json().encode())
        for placement in workplace.placements(brief.placements):
            self._digest.update(placement.digest.encode())

    def note(self, jobs: Iterable[PlannedJob]) -> None:
        self._digest.update(b"".join(job.job_id.encode() + job.product for job in jobs))

    def noting(self, jobs: Iterable[PlannedJob]) -> Iterator[PlannedJob]:
        """The same jobs, noted as they pass."""
        for job in jobs:
            self.note((job,))
            yield job

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class BadRowSpool:
    """Bad rows on disk until the catalogue has been read: there may be a million."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool = spool
        self.count = 0

    def add(self, row: BadRow) -> None:
        self._spool.write(orjson.dumps(row._asdict()) + b"\n")
        self.count += 1

    def as_csv(self) -> bytes:
        self._spool.seek(0)
        text = io.StringIO(newline="")
        write_bad_rows((BadRow(**orjson.loads(line)) for line in self._spool), text)
        return text.getvalue().encode()
