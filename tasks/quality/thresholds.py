"""Limits of the checks: loaded from templates/quality, chosen per category and scene, stamped on every finding."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from tasks.errors import TemplateError
from tasks.findings import Finding
from tasks.quality.reading import read_model
from tasks.shapes import Box

PURPOSE = ", expected the limits of the quality checks"
CHECKS = (
    "decodes",
    "blank",
    "flat",
    "noise",
    "paste",
    "coverage_least",
    "coverage_most",
    "margin",
    "cut_off",
    "photo_cut",
    "focus",
    "background_detail",
    "exposure_dark",
    "exposure_bright",
    "clipped_white",
    "clipped_black",
    "banding",
    "seam",
    "cast",
    "stuck_on",
    "colour_median",
    "colour_p95",
    "growth",
    "growth_final",
    "growth_model",
    "second_product",
    "floating",
    "light",
    "white",
    "text",
    "prompt",
    "unsafe",
    "duplicate",
)

NOT_LIMITS = {"default.yaml", "repair.yaml", "golden.yaml"}

Title = Annotated[str, Field(min_length=1)]


class Rule(BaseModel, frozen=True, extra="forbid"):
    """One check's limit, what a failure leads to and what it is called. `off` leaves the check out."""

    limit: float
    severity: Literal["reject", "review", "note", "off"]
    cause: str = Field(pattern=r"^[a-z][a-z_-]*$")
    title: Title


class Thresholds(BaseModel, frozen=True, extra="forbid"):
    """Every check's rule for one picture; makes the findings, so that value and limit always travel together."""

    rules: Mapping[str, Rule]
    causes: Mapping[str, Title]
    unmeasured: Literal["note", "review"] = "note"  # what a check that could not run leads to; a strict run says review

    def is_on(self, check: str) -> bool:
        return self.rules[check].severity != "off"

    def without(self, *checks: str) -> "Thresholds":
        """The same limits with some checks switched off."""
        off = {check: self.rules[check].model_copy(update={"severity": "off"}) for check in checks}
        return self.model_copy(update={"rules": {**self.rules, **off}})

    @property
    def strict(self) -> "Thresholds":
        """The same limits where every check that could not run asks for a person."""
        return self.model_copy(update={"unmeasured": "review"})

    def at_most(self, check: str, value: float, *, box: Box | None = None, detail: str = "") -> Finding:
        """Passed where value <= limit."""
        return self._finding(check, value, value <= self.rules[check].limit, box, detail)

    def at_least(self, check: str, value: float, *, box: Box | None = None, detail: str = "") -> Finding:
        """Passed where value >= limit."""
        return self._finding(check, value, value >= self.rules[check].limit, box, detail)

    def not_measured(self, check: str, why: str) -> Finding:
        """A check that could not run: no value, not passed, and the reason in words."""
        return Finding(
            check=check,
            value=None,
            limit=self.rules[check].limit,
            passed=False,
            cause="not_measured",
            severity=self.unmeasured,
            detail=f"not measured: {why}",
        )

    def _finding(self, check: str, value: float, passed: bool, box: Box | None, detail: str) -> Finding:
        rule = self.rules[check]
        return Finding(
            check=check,
            value=float(f"{value:.4g}"),  # significant digits: one pixel of a million must not read as 0
            limit=rule.limit,
            passed=bool(passed),
            cause="" if passed else rule.cause,
            severity="note" if rule.severity == "off" else rule.severity,
            box=None if passed else box,
            detail=detail,
        )


class Change(BaseModel, frozen=True, extra="forbid"):
    """Some fields of one rule, changed."""

    limit: float | None = None
    severity: Literal["reject", "review", "note", "off"] | None = None


class Override(BaseModel, frozen=True, extra="forbid"):
    """Changed rules for the named categories, scenes or placements; an empty list means any.

    Placements fit where a picture is to serve one of them, alone or among others.
    """

    categories: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    placements: tuple[str, ...] = ()
    rules: Mapping[str, Change]

    def fits(self, category: Collection[str], scene: str, placements: Collection[str]) -> bool:
        wanted = (self.categories, category), (self.scenes, (scene,)), (self.placements, placements)
        return all(not named or not set(named).isdisjoint(found) for named, found in wanted)


class ThresholdBook(BaseModel, frozen=True, extra="forbid"):
    """The default and its overrides, in the order they apply: file name order, later ones win."""

    default: Thresholds
    overrides: tuple[Override, ...] = ()

    def choose(
        self, category: str | Collection[str] = "", scene: str = "", *, placements: Collection[str] = ()
    ) -> Thresholds:
        """The limits for one picture: its category (by whatever names), its scene, the placements it is to serve."""
        rules = dict(self.default.rules)
        names = (category,) if isinstance(category, str) else category
        for override in self.overrides:
            if override.fits(names, scene, placements):
                for check, change in override.rules.items():
                    rules[check] = rules[check].model_copy(update=change.model_dump(exclude_none=True))
        return self.default.model_copy(update={"rules": rules})

    @property
    def check_titles(self) -> dict[str, str]:
        """Names of checks for people, Chinese first."""
        return {check: rule.title for check, rule in self.default.rules.items()}

    @property
    def cause_titles(self) -> dict[str, str]:
        """Names of causes for people, Chinese first."""
        return dict(self.default.causes)


def load_thresholds(folder: Path) -> ThresholdBook:
    """Read `default.yaml` and every other *.yaml of a folder. TemplateError names the file and the field."""
    default = read_model(folder / "default.yaml", Thresholds, purpose=PURPOSE)
    _check_names(folder / "default.yaml", default)
    paths = [path for path in sorted(folder.glob("*.yaml")) if path.name not in NOT_LIMITS]
    overrides = tuple(read_model(path, Override, purpose=PURPOSE) for path in paths)
    for path, override in zip(paths, overrides, strict=True):
        _refuse_unknown(path, override.rules)
    return ThresholdBook(default=default, overrides=overrides)


def _check_names(path: Path, thresholds: Thresholds) -> None:
    _refuse_unknown(path, thresholds.rules)
    missing = [check for check in CHECKS if check not in thresholds.rules]
    if missing:
        raise TemplateError(f"{path}: rules: no limit for {', '.join(missing)}; every check needs one")
    nameless = sorted({rule.cause for rule in thresholds.rules.values()} - set(thresholds.causes))
    if nameless:
        raise TemplateError(f"{path}: causes: no title for {', '.join(nameless)}; the report shows it to people")


def _refuse_unknown(path: Path, rules: Mapping[str, Any]) -> None:
    unknown = [check for check in rules if check not in CHECKS]
    if unknown:
        raise TemplateError(f"{path}: rules: no check is called {', '.join(unknown)}; known: {', '.join(CHECKS)}")
