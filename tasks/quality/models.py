"""Checks that need a model: beside the others, because they take longer and may not be able to run."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from tasks.errors import ModelError
from tasks.findings import Finding
from tasks.quality.checks import GENERATED
from tasks.quality.evidence import Evidence
from tasks.quality.judges import Judge, check_prompt, check_unsafe
from tasks.quality.outgrowth import Segments, check_growth_model
from tasks.quality.regions import Regions
from tasks.quality.text import TextDetector, check_text
from tasks.quality.thresholds import Thresholds


class Models:
    """The models of the checks, each loaded when first asked, once for all threads of a process.

    `open_segmenter` gives the segmentation model at hand, if any; ModelError where it cannot be used.
    """

    def __init__(
        self, models_dir: Path | None = None, open_segmenter: Callable[[], Segments | None] = lambda: None
    ) -> None:
        self.text = TextDetector()
        self.prompt = Judge(models_dir, "chinese-clip")
        self.unsafe = Judge(models_dir, "nsfw")
        self._open_segmenter = open_segmenter

    @cached_property
    def segmenter(self) -> Segments | str | None:
        """The model, why it cannot be used, or None where there is none."""
        try:
            return self._open_segmenter()
        except ModelError as error:
            return str(error)


def check_with_models(evidence: Evidence, thresholds: Thresholds, models: Models) -> tuple[Finding, ...]:
    """Findings of the checks that need a model; one whose model is not at hand says that it was not measured."""
    return tuple(_findings(Regions(evidence), thresholds, models))


def _findings(regions: Regions, thresholds: Thresholds, models: Models) -> Iterator[Finding]:
    if regions.evidence.background not in GENERATED:
        return
    if thresholds.is_on("text"):
        yield check_text(regions, thresholds, models.text)
    if thresholds.is_on("growth_model"):
        yield check_growth_model(regions, thresholds, models.segmenter)
    if thresholds.is_on("prompt"):
        yield check_prompt(regions, thresholds, models.prompt)
    if thresholds.is_on("unsafe"):
        yield check_unsafe(regions, thresholds, models.unsafe)
