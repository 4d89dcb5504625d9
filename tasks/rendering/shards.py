"""Shards: jobs that batch well on a GPU, together. And what a plan will take."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from tasks.rendering.job import PlannedJob


class BatchKey(NamedTuple):
    """What must agree for jobs to share a batch: same tensors' shapes, same weights, same loop."""

    width: int
    height: int
    model: str
    background: str
    controls: tuple[str, ...]
    references: int  # how many reference pictures; 0 is none
    sampler: str


class Shard(NamedTuple):
    """Jobs one agent takes."""

    key: BatchKey
    jobs: tuple[PlannedJob, ...]


class Pace(NamedTuple):
    """Measured seconds per image: `generated` at 1024x1024 and 25 steps, `white` where nothing is diffused."""

    generated: float
    white: float = 0.0


class Estimate(NamedTuple):
    """What a plan will take on one card."""

    jobs: int
    gpu_seconds: float
    cost: float


def shard(jobs: Iterable[PlannedJob], size: int) -> Iterator[Shard]:
    """Shards of up to `size` jobs with one batch key each; jobs of a key keep their order.

    Streams: a shard is given out as soon as it is full, those that never fill at the end.
    """
    filling: dict[BatchKey, list[PlannedJob]] = {}
    for job in jobs:
        key = batch_key(job)
        group = filling.setdefault(key, [])
        group.append(job)
        if len(group) == size:
            yield Shard(key, tuple(filling.pop(key)))
    yield from (Shard(key, tuple(group)) for key, group in filling.items())


def batch_key(job: PlannedJob) -> BatchKey:
    spec = orjson.loads(job.spec)
    model, sampler, reference = spec["model"], spec["sampler"], spec["reference"]
    return BatchKey(
        width=spec["width"],
        height=spec["height"],
        model=f"{model['name']}@{model['revision']}:{model['precision']}",
        background=spec["background"],
        controls=tuple(sorted(use["kind"] for use in spec["controls"])),
        references=len(reference["images"]) if reference else 0,
        sampler=f"{sampler['preset']}:{sampler['steps']}",
    )


def estimate(jobs: Iterable[PlannedJob], *, pace: Pace, gpu_hour_cost: float = 0.0) -> Estimate:
    """GPU seconds and cost, linear in pixels and steps (attention grows faster: sizes far from 1024x1024 are rough)."""
    count, seconds = 0, 0.0
    for job in jobs:
        count += 1
        seconds += image_seconds(batch_key(job), pace)
    return Estimate(count, seconds, seconds / 3600 * gpu_hour_cost)


def image_seconds(key: BatchKey, pace: Pace) -> float:
    """Seconds for one image of this kind."""
    if key.background == "white":
        return pace.white
    steps = int(key.sampler.rpartition(":")[2])
    return pace.generated * (key.width * key.height) / (1024 * 1024) * steps / 25
