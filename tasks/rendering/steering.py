"""A steered take as a job: what its steering changes of the planned one."""

import re

from tasks.rendering.job import ControlUse, RenderJob, Shadow, Staging
from tasks.steering import Steering

PARTS = re.compile(r"[,，;；、\n]+")
AVOID = re.compile(r"^(?:不要|别|去掉|no\s+|without\s+|-)\s*", re.IGNORECASE)
MOST_SCALE = 2.0  # as ControlUse allows
GROUND = (0.2, 0.95)  # where a ground line may lie, shares of the frame


def steer(job: RenderJob, steering: Steering) -> RenderJob:
    """The job with its words at the end of the prompt, and its controls, ground line and shadow as steered."""
    changes = {
        **_worded(job, steering.words),
        **({"controls": _scaled(job.controls, steering.control_scale)} if steering.control_scale != 1 else {}),
        **({"staging": _grounded(job.staging, steering.ground)} if steering.ground else {}),
        **({"shadow": _shaded(job.shadow, steering.shadow)} if steering.shadow else {}),
    }
    return job.model_copy(update=changes) if changes else job


def _worded(job: RenderJob, words: str) -> dict[str, str]:
    """What follows 不要, 别, 去掉, no, without, - is avoided, the rest is wished for."""
    parts = [part.strip() for part in PARTS.split(words) if part.strip()]
    wanted = [part for part in parts if not AVOID.match(part)]
    avoided = [AVOID.sub("", part, count=1) for part in parts if AVOID.match(part)]
    prompt = "，".join(filter(None, (job.prompt, *wanted)))
    negative = "，".join(filter(None, (job.negative_prompt, *avoided)))
    return {"prompt": prompt, "negative_prompt": negative} if parts else {}


def _scaled(controls: tuple[ControlUse, ...], factor: float) -> tuple[ControlUse, ...]:
    return tuple(
        use.model_copy(
            update={"controlnet_conditioning_scale": min(use.controlnet_conditioning_scale * factor, MOST_SCALE)}
        )
        for use in controls
    )


def _grounded(staging: Staging, rise: float) -> Staging:
    """A scene without ground gets a line at the product's base, then it rises as everywhere."""
    line = staging.anchor[1] if staging.ground is None else staging.ground
    return staging.model_copy(update={"ground": min(max(line - rise, GROUND[0]), GROUND[1])})


def _shaded(shadow: Shadow | None, strength: float) -> Shadow:
    """A deeper, softer pool under the product and less of the cast shadow, which lies apart where a foot is raised."""
    shadow = shadow or Shadow(contact=0.0, cast=0.0)
    contact, softness = (share + (1 - share) * strength for share in (shadow.contact, shadow.softness))
    cast = shadow.cast * (1 - strength)
    return shadow.model_copy(update={"contact": contact, "cast": cast, "softness": softness})
