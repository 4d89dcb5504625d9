"""The sampler table: how noise is taken away, and what each choice may change in the picture. Free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.errors import RenderError


@dataclass(frozen=True)
class Preset:
    """A diffusers scheduler by name, the options it takes over the model's own configuration, usual steps."""

    scheduler: str
    steps: int
    options: Mapping[str, Any] = field(default_factory=dict)
    changes: str = ""


PRESETS: Mapping[str, Preset] = {
    "dpm-25": Preset(
        scheduler="DPMSolverMultistepScheduler",
        steps=25,
        options={"use_karras_sigmas": True},
        changes="half the steps of euler-50; fine texture may differ, composition hardly",
    ),
    "euler-50": Preset(scheduler="EulerDiscreteScheduler", steps=50, changes="the vendor's own setting"),
}


def find_preset(name: str) -> Preset:
    """Raises RenderError for a name that is not in the table."""
    if name not in PRESETS:
        raise RenderError(f"sampler preset {name!r} is unknown; there is: {', '.join(PRESETS)}")
    return PRESETS[name]
