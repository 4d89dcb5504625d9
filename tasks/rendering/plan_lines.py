"""Planned jobs ready to print: the processes that plan write the lines, their parent only says which are done."""

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from tasks.rendering.job import PlannedJob

ID_DIGITS = 20
# Neither can stand inside a JSON string, where each quotation mark has a backslash before it.
TODO, DONE = b'"done":false,"job":', b'"done":true,"job":'


class PlannedLines(NamedTuple):
    """Jobs of one batch: their ids back to back, and a JSON line each that calls it not done."""

    ids: bytes
    text: bytes

    @property
    def job_ids(self) -> list[str]:
        ids = self.ids.decode()
        return [ids[start : start + ID_DIGITS] for start in range(0, len(ids), ID_DIGITS)]

    def with_done(self, done: set[str]) -> bytes:
        """The lines, with those of the given jobs called done."""
        if not done:
            return self.text
        pairs = zip(self.job_ids, self.text.splitlines(keepends=True), strict=True)
        return b"".join([line.replace(TODO, DONE, 1) if job_id in done else line for job_id, line in pairs])


def lines_of(jobs: Iterable[PlannedJob]) -> PlannedLines:
    """Jobs as lines: address first, then the job itself."""
    jobs = tuple(jobs)
    return PlannedLines("".join([job.job_id for job in jobs]).encode(), b"".join(map(_line, jobs)))


def _line(job: PlannedJob) -> bytes:
    head = orjson.dumps(
        {
            "job_id": job.job_id,
            "sku": job.sku,
            "scene": job.scene,
            "variant": job.variant,
            "image": job.image,
            "line": job.line,
        }
    )
    # the spec is canonical JSON already: spliced in, not parsed and written again
    return b"".join((head[:-1], b",", TODO, job.spec, b"}\n"))
