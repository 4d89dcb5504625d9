"""Which jobs batch well together on a GPU."""

from functools import lru_cache
from typing import Any

import orjson


def group_key(spec: bytes) -> str:
    """What one batch must have in common: weights, size, sampler, background, kinds of control, reference or none.

    `spec` is a job's canonical JSON. Readable, because operators meet it in the ledger.
    """
    head, _, rest = spec.partition(b',"negative_prompt":')
    middle, _, tail = rest[rest.find(b',"recipe":') :].partition(b',"seed":')
    return _named(head + middle + tail[tail.find(b",") :])


@lru_cache(maxsize=1024)
def _named(rest: bytes) -> str:
    """From a job without prompts, picture and seed: a plan of millions has but a few of those."""
    job = orjson.loads(rest)
    controls = "+".join(sorted(use["kind"] for use in job.get("controls", ()))) or "plain"
    reference = "reference" if job.get("reference") else "no-reference"
    return " ".join([_model(job["model"]), f"{job['width']}x{job['height']}", _sampler(job), controls, reference])


def _model(model: dict[str, Any]) -> str:
    return f"{model['name']}@{model['revision'][:8]}/{model['precision']}"


def _sampler(job: dict[str, Any]) -> str:
    sampler = job["sampler"]
    return f"{sampler['preset']}/{sampler['steps']}/{sampler['guidance_scale']:g} {job['background']}"
