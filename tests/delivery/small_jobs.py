"""Jobs and results to put into ledgers."""

from tasks.delivery.ledger import JobResult, Master
from tasks.findings import Finding, Verdict
from tasks.rendering.job import ModelRef, PlannedJob, RenderJob
from tasks.shapes import Box


def plan(number: int, *, first: int = 0, width: int = 512) -> list[PlannedJob]:
    """Jobs of SKUs `SKU-<n>`, one scene each, in order."""
    return [_planned(n, width=width) for n in range(first, first + number)]


def _planned(number: int, *, width: int) -> PlannedJob:
    job = RenderJob(
        model=ModelRef(name="kolors-nano", revision="abc"),
        prompt=f"第{number}个商品，木桌，晨光",
        negative_prompt="文字",
        seed=number,
        width=width,
        height=512,
        product_image=f"{number:064x}",
    )
    spec = job.canonical()
    return PlannedJob(job.job_id, f"SKU-{number}", "desk", 0, spec, f"images/{number}.png", number + 2)


def result(job_id: str, *, take: int = 0, cost: float = 0.25, seconds: float = 1.5) -> JobResult:
    """A finished master; the same job always comes out the same, but for time and cost."""
    finding = Finding(check="blur", value=0.8, limit=0.5, passed=True)
    return JobResult(
        take=take,
        verdict=Verdict(status="approved", findings=(finding,)),
        master=Master(key=f"masters/x/{job_id}-{take}.png", sha256=f"{int(job_id, 16):064x}", width=512, height=512),
        product_box=Box(10, 20, 300, 400),
        timings={"denoise": seconds},
        cost=cost,
        notes=("prompt was cut",),
    )
