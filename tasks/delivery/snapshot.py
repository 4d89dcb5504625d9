"""What the ledger knows of a run, kept beside its manifest: enough to enter the run into an empty ledger.

`runs/<run_id>/ledger.jsonl.gz`: a line for the run, then a line for each job. Where it is missing, the manifest and
the recipes inside the masters say most of it.
"""

import gzip
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import IO, Any, NamedTuple

import orjson

from tasks.delivery.keys import run_prefix
from tasks.delivery.ledger.records import Campaign, JobRecord, JobResult, Master, Rendition, Take
from tasks.delivery.manifest import ManifestLine, ManifestTake
from tasks.errors import LedgerError
from tasks.findings import Finding, Verdict
from tasks.rendering.job import PlannedJob
from tasks.shapes import Box
from tasks.steering import Steering

VERSION = 1
NAME = "ledger.jsonl.gz"


class KeptJob(NamedTuple):
    """A job as the store remembers it.

    `result` is the delivered take, None where it was never finished; `others` are the takes beside it; `cost` is that
    of all; `decided`: by a person.
    """

    planned: PlannedJob
    result: JobResult | None
    renditions: tuple[Rendition, ...] = ()
    others: tuple[JobResult, ...] = ()
    cost: float = 0.0
    decided: bool = False


def snapshot_key(run_id: str) -> str:
    return f"{run_prefix(run_id)}{NAME}"


def write_snapshot(
    sink: IO[bytes], run: Campaign, records: Iterable[JobRecord], decided: Collection[tuple[str, int]]
) -> None:
    """Write a run and its jobs; `decided` are (job_id, take) whose verdict a person gave."""
    head = {"version": VERSION, **vars(run)}
    with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0, compresslevel=1) as packed:
        packed.write(orjson.dumps(head) + b"\n")
        for record in records:
            packed.write(orjson.dumps(_line(record, (record.job_id, record.take) in decided)) + b"\n")


def read_snapshot(source: IO[bytes]) -> tuple[Campaign, Iterator[KeptJob]]:
    """The run and, one by one, its jobs. LedgerError where this is no snapshot, or one of a later version."""
    try:
        lines = iter(gzip.GzipFile(fileobj=source))
        head = orjson.loads(next(lines))
        version = head.pop("version")
        if version != VERSION:
            raise LedgerError(f"a snapshot of version {version}, expected {VERSION}. Update this program.")
        return Campaign(**head), map(_kept, lines)
    except (OSError, EOFError, StopIteration, ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"{NAME}: no snapshot of a run ({type(error).__name__}). Use the manifest.") from error


def kept_of_recipe(recipe: dict[str, Any], *, result: JobResult, renditions: tuple[Rendition, ...] = ()) -> KeptJob:
    """A job from the recipe in its master (`tasks.delivery.recipe.master_recipe`), as it was judged."""
    planned = PlannedJob(
        recipe["job_id"],
        recipe["sku"],
        recipe["scene"],
        recipe["variant"],
        orjson.dumps(recipe["job"]),  # canonical JSON was read in its order and is written back in it
        recipe["image"],
        0,
    )
    steered = replace(result, steering=Steering.model_validate(recipe.get("steering", {})))
    return KeptJob(planned, steered, renditions, cost=result.cost)


def judged(line: ManifestLine, *, product_box: Box, signature: str) -> JobResult | None:
    """What a manifest line says of its master; None for a failed job."""
    if line.master is None or line.verdict is None:
        return None
    return JobResult(
        take=line.take,
        verdict=line.verdict,
        master=Master(**line.master.model_dump()),
        product_box=product_box,
        timings=line.timings,
        cost=line.cost,
        notes=line.notes,
        signature=signature,
    )


def other_take(take: ManifestTake, delivered: JobResult) -> JobResult:
    """A take that was not delivered, as the manifest has it. Its checksum is not known there."""
    found = {"take": take.take, "key": take.key, "sha256": "", "cost": take.cost}
    verdict = Verdict(status=take.status, findings=take.findings)
    steering = Steering.model_validate(dict(take.steering))
    return _kept_take({**found, "verdict": verdict, "steering": steering.as_text()}, delivered)


def _line(record: JobRecord, decided: bool) -> dict[str, Any]:
    planned = ("job_id", "sku", "scene", "variant", "image", "line", "take", "cost", "take_cost", "order", "signature")
    return {
        **{name: getattr(record, name) for name in planned},
        "spec": record.spec.decode(),
        "product": record.product.decode(),
        "verdict": record.verdict.model_dump(mode="json") if record.verdict else None,
        "master": vars(record.master) if record.master else None,
        "product_box": tuple(record.product_box) if record.product_box else None,
        "timings": dict(record.timings),
        "notes": record.notes,
        "takes": [_take(each) for each in record.takes if each.take != record.take],
        "renditions": [_rendition(each) for each in record.renditions],
        "decided": decided,
    }


def _take(take: Take) -> dict[str, Any]:
    return {**vars(take), "verdict": take.verdict.model_dump(mode="json"), "steering": take.steering.as_text()}


def _rendition(made: Rendition) -> dict[str, Any]:
    return {**vars(made), "findings": [finding.model_dump(mode="json") for finding in made.findings]}


def _kept(line: bytes) -> KeptJob:
    found = orjson.loads(line)
    planned = PlannedJob(
        job_id=found["job_id"],
        sku=found["sku"],
        scene=found["scene"],
        variant=found["variant"],
        spec=found["spec"].encode(),
        image=found["image"],
        line=found["line"],
        product=found["product"].encode(),
    )
    if not found["master"] or not found["verdict"]:
        return KeptJob(planned, None)
    result = JobResult(
        take=found["take"],
        verdict=Verdict.model_validate(found["verdict"]),
        master=Master(**found["master"]),
        product_box=Box(*found["product_box"]),
        timings=found["timings"],
        cost=found["take_cost"],
        notes=tuple(found["notes"]),
        signature=found["signature"],
        steering=Steering.parse(found["order"]),
    )
    others = tuple(_kept_take(each, result) for each in found["takes"])
    renditions = tuple(_kept_rendition(each) for each in found["renditions"])
    return KeptJob(planned, result, renditions, others, found["cost"], found["decided"])


def _kept_take(found: dict[str, Any], delivered: JobResult) -> JobResult:
    """A take that was not delivered; its size and the product's place are those of the delivered one."""
    size = {"width": delivered.master.width, "height": delivered.master.height}
    return JobResult(
        take=found["take"],
        verdict=Verdict.model_validate(found["verdict"]),
        master=Master(key=found["key"], sha256=found["sha256"], **size),
        product_box=delivered.product_box,
        cost=found["cost"],
        steering=Steering.parse(found["steering"]),
    )


def _kept_rendition(found: dict[str, Any]) -> Rendition:
    return Rendition(**{**found, "findings": tuple(map(Finding.model_validate, found["findings"]))})
