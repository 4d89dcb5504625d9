"""Shards hold what batches well, in order; estimates add up."""

import hashlib
from typing import Any

import pytest

from tasks.rendering.job import ControlUse, ModelRef, PlannedJob, RenderJob, Sampler
from tasks.rendering.shards import Pace, batch_key, estimate, shard

JOB = RenderJob(
    model=ModelRef(name="kolors", revision="r1"), prompt="海", seed=1, width=1024, height=1024, product_image="0" * 64
)


def planned(number: int, **fields: Any) -> PlannedJob:
    job = JOB.model_copy(update={"seed": number, **fields})
    return PlannedJob(job.job_id, f"P{number}", "beach", 0, job.canonical(), "a.png", number)


def test_shards_are_full_uniform_and_in_order() -> None:
    jobs = [planned(n, width=1024 if n % 3 else 768) for n in range(20)]
    shards = list(shard(jobs, 4))
    assert sorted(job.line for part in shards for job in part.jobs) == list(range(20))
    for part in shards:
        assert len({batch_key(job) for job in part.jobs}) == 1
        assert [job.line for job in part.jobs] == sorted(job.line for job in part.jobs)
    assert sorted(len(part.jobs) for part in shards) == [1, 3, 4, 4, 4, 4]


@pytest.mark.parametrize(
    "fields",
    [
        {"height": 768},
        {"model": ModelRef(name="kolors", revision="r2")},
        {"background": "white"},
        {"controls": (ControlUse(kind="canny"),)},
        {"sampler": Sampler(preset="euler-50", steps=50)},
    ],
)
def test_what_does_not_batch_is_kept_apart(fields: dict[str, Any]) -> None:
    assert len(list(shard([planned(1), planned(2, **fields), planned(3)], 8))) == 2


def test_wording_and_pictures_do_not_split_a_shard() -> None:
    other = hashlib.sha256(b"picture").hexdigest()
    assert len(list(shard([planned(1), planned(2, prompt="雪", product_image=other)], 8))) == 1


def test_an_estimate_follows_pixels_steps_and_price() -> None:
    jobs = [planned(1), planned(2, height=512), planned(3, background="white"), planned(4, sampler=Sampler(steps=50))]
    assert estimate(jobs, pace=Pace(generated=2.0, white=0.5), gpu_hour_cost=3600) == (4, 7.5, 7.5)
