"""Sampler presets by name: scheduler class of diffusers, its options, steps and guidance.

Every scheduler is made from the model's own scheduler config, so that Kolors' 1100 training steps and beta_end 0.014
stay as they are.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tasks.rendering.job import Sampler


class SamplerPreset(NamedTuple):
    """The job's sampler, and which diffusers scheduler carries it out (options go over the model's config)."""

    sampler: Sampler
    scheduler: str
    options: Mapping[str, Any]


PRESETS: Mapping[str, SamplerPreset] = {
    # The default: 25 steps as in diffusers' Kolors documentation (Karras sigmas), guidance as in Kolors' own samples.
    "dpm-25": SamplerPreset(
        Sampler(preset="dpm-25", steps=25, guidance_scale=5.0),
        scheduler="DPMSolverMultistepScheduler",
        options={"use_karras_sigmas": True},
    ),
    # The model's own scheduler at the vendor's recommended 50 steps, guidance 5.0.
    "euler-50": SamplerPreset(
        Sampler(preset="euler-50", steps=50, guidance_scale=5.0),
        scheduler="EulerDiscreteScheduler",
        options={},
    ),
}
