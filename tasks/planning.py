"""The plan of a brief: its jobs in catalogue order, the rows that could not be used, the digest of it all."""

import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import IO

import orjson

from tasks.catalog.bad_rows import BadRow, write_bad_rows
from tasks.catalog.brief import CampaignBrief
from tasks.catalog.product import Product
from tasks.catalog.read import read_product_batches
from tasks.errors import CellError
from tasks.labelling import Labelling
from tasks.mastering import Masters
from tasks.prompts.row import Goods
from tasks.prompts.words import find_forbidden_copy
from tasks.rendering.estimators import find_estimator
from tasks.rendering.job import PlannedJob
from tasks.rendering.parallel import plan_lines_parallel, plan_parallel
from tasks.rendering.plan import PlanOptions, plan_jobs
from tasks.rendering.plan_lines import PlannedLines, lines_of
from tasks.rendering.segmenters import find_segmenter
from tasks.workplace import Workplace

READ = 400  # rows read at a time
HANDFUL = 200  # rows a planning process gets at a time: what is on its way or waiting takes memory in every process
SMALL = 5  # readings that are planned here and now; more are planned by processes beside this one


def plan_batches(
    workplace: Workplace, brief: CampaignBrief, on_bad: Callable[[BadRow], None]
) -> Iterator[list[PlannedJob]]:
    """The brief's jobs in catalogue order, batch by batch; on two cores where the catalogue is large."""
    reading = _Reading(workplace, brief, on_bad)
    if reading.is_small:
        yield from reading.planned_here()
    else:
        yield from plan_parallel(reading.handfuls(), workplace.library, reading.options, on_bad_row=reading.on_bad_row)


def plan_lines(workplace: Workplace, brief: CampaignBrief, on_bad: Callable[[BadRow], None]) -> Iterator[PlannedLines]:
    """As `plan_batches`, ready to print: the processes beside this one write the lines as well."""
    reading = _Reading(workplace, brief, on_bad)
    if reading.is_small:
        yield from map(lines_of, reading.planned_here())
    else:
        yield from plan_lines_parallel(
            reading.handfuls(), workplace.library, reading.options, on_bad_row=reading.on_bad_row
        )


class _Reading:
    """A brief's catalogue, opened and looked into far enough to know whether it is small."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief, on_bad: Callable[[BadRow], None]) -> None:
        self._workplace, self._brief, self._on_bad = workplace, brief, on_bad
        source = workplace.source(brief.catalog)
        masters = Masters(workplace, brief)  # a name that does not exist is told before anything is read
        model = workplace.model(brief.model)
        models_dir = workplace.settings.models_dir
        self.options = PlanOptions(
            brief,
            model.ref,
            sampler=model.sampler,
            sizes=masters.sizes,
            cutout=find_segmenter(models_dir),
            depth=find_estimator(models_dir),
        )
        batches = read_product_batches(
            source, images=workplace.images(brief.catalog), on_bad=on_bad, limit=brief.limit, chunk_rows=READ
        )
        batches = (list(filter(self._may_be_said, batch)) for batch in batches)
        first = list(itertools.islice(batches, SMALL + 1))
        self.is_small = len(first) <= SMALL
        self._batches = itertools.chain(first, batches)

    def _may_be_said(self, product: Product) -> bool:
        """False, and a bad row, where a product's copy has words that advertising law forbids: nothing is rendered."""
        library = self._workplace.library
        category = library.category_id(product.category)
        for column, hit in find_forbidden_copy(product, library.words, category=category):
            if hit.group.level == "error":
                self._on_bad(BadRow(product.line, column, hit.word, f"forbidden word: {hit.group.rule}"))
                return False
        return True

    def planned_here(self) -> Iterator[list[PlannedJob]]:
        library = self._workplace.library
        for batch in self._batches:
            yield list(
                plan_jobs(
                    batch,
                    library,
                    self._brief,
                    model=self.options.model,
                    cutout=self.options.cutout,
                    depth=self.options.depth,
                    sampler=self.options.sampler,
                    sizes=self.options.sizes,
                    on_bad_row=self.on_bad_row,
                )
            )

    def handfuls(self) -> Iterator[list[Product]]:
        for batch in self._batches:
            yield from (batch[start : start + HANDFUL] for start in range(0, len(batch), HANDFUL))

    def on_bad_row(self, goods: Goods, error: CellError) -> None:
        self._on_bad(BadRow(goods.line, error.column, error.value, error.reason))


class PlanDigest:
    """SHA-256 over all that a run is to deliver: its jobs in order, its placements' rules. Equal plans, equal runs."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief) -> None:
        self._digest = hashlib.sha256(brief.model_dump_json().encode())
        for rule in Labelling(workplace, brief).rules.values():
            self._digest.update(rule.encode())

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
