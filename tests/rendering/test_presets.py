"""Presets say what they are called."""

from tasks.rendering.job import Sampler
from tasks.rendering.presets import PRESETS


def test_every_preset_carries_its_own_name() -> None:
    assert {name: preset.sampler.preset for name, preset in PRESETS.items()} == {name: name for name in PRESETS}


def test_the_jobs_default_sampler_is_the_default_preset() -> None:
    assert PRESETS["dpm-25"].sampler == Sampler()
