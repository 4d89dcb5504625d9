"""Sampler presets by name: scheduler class of diffusers, its options, steps, guidance. Free of torch.

Every scheduler is made from the model's own scheduler config, so that Kolors' 1100 training steps and beta_end 0.014
stay as they are.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tasks.errors import RenderError
from tasks.rendering.job import Sampler


class SamplerPreset(NamedTuple):
    """The job's sampler, the diffusers scheduler that carries it out (options go over the model's config), and what
    the choice may change in the picture."""

    sampler: Sampler
    scheduler: str
    options: Mapping[str, Any]
    changes: str


PRESETS: Mapping[str, SamplerPreset] = {
    # The default: 25 steps as in diffusers' Kolors documentation (Karras sigmas), guidance as in Kolors' own samples.
    "dpm-25": SamplerPreset(
        Sampler(preset="dpm-25", steps=25, guidance_scale=5.0),
        scheduler="DPMSolverMultistepScheduler",
        options={"use_karras_sigmas": True},
        changes="half the steps of euler-50; fine texture may differ, composition hardly",
    ),
    # The model's own scheduler at the vendor's recommended 50 steps, guidance 5.0.
    "euler-50": SamplerPreset(
        Sampler(preset="euler-50", steps=50, guidance_scale=5.0),
        scheduler="EulerDiscreteScheduler",
        options={},
        changes="the vendor's own setting",
    ),
}


def find_preset(name: str) -> SamplerPreset:
    """Raises RenderError for a name that is not in the table."""
    if name not in PRESETS:
        raise RenderError(f"sampler preset {name!r} is unknown; there is: {', '.join(PRESETS)}")
    return PRESETS[name]
