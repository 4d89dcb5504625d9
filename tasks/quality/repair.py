"""What is tried next with a picture that did not pass, and which of its takes is the best. Pure."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from tasks.errors import TemplateError
from tasks.findings import Finding, Status, Verdict
from tasks.quality.reading import read_model
from tasks.steering import PLAIN, Share, Steering

RANK: Mapping[Status, int] = {"rejected": 0, "review": 1, "approved": 2}
DECIDES: Mapping[Status, str] = {"rejected": "reject", "review": "review", "approved": ""}


class Action(BaseModel, frozen=True, extra="forbid"):
    """One repair. What it does not name stays as it was in the take that is repaired."""

    seed: Literal["new", "same"] = "new"
    words: str | None = None
    control_scale: float | None = Field(default=None, ge=0, le=3)
    keep_ring: int | None = Field(default=None, ge=0, le=128)
    ground: float | None = Field(default=None, ge=-0.5, le=0.5)
    feather: float | None = Field(default=None, ge=1, le=8)
    ring_match: Share | None = None
    tone: Share | None = None
    shadow: Share | None = None


class RepairTable(BaseModel, frozen=True, extra="forbid"):
    """Actions by cause, in the order they are tried; `takes` bounds them all together."""

    takes: int = Field(default=3, ge=0, le=20)
    causes: Mapping[str, tuple[Action, ...]] = {}


class Tried(NamedTuple):
    """One take as judged."""

    take: int
    verdict: Verdict
    steering: Steering = PLAIN


def load_repairs(path: Path, *, causes: Collection[str]) -> RepairTable:
    """Read repair.yaml; TemplateError names the file and the field, or a cause that no check has.

    A folder without one repairs nothing.
    """
    if not path.exists():
        return RepairTable(takes=0)
    table = read_model(path, RepairTable, purpose="", blank={})
    unknown = sorted(set(table.causes) - set(causes))
    if unknown:
        raise TemplateError(f"{path}: causes: no check names {', '.join(unknown)}; known: {', '.join(causes)}")
    return table


def next_steering(table: RepairTable, tried: Sequence[Tried], *, candidates: int = 1) -> Steering | None:
    """How the next take is to differ, or None: the best one stands, and where it did not pass a person decides.

    First as many plain takes as there are to be candidates. Then, while none passed, the actions of all causes that
    keep the best one from its next better verdict; none where one of them has no action left, since a person has to
    look anyway. A take that a person asked for is never repaired: they are looking already.
    """
    if tried[-1].steering.by == "person":
        return None
    if sum(each.steering.by in ("", "candidate") for each in tried) < candidates:
        return Steering(by="candidate")
    best = best_of(tried)
    repairs = [each.steering for each in tried if each.steering.by == "repair"]
    if best.verdict.status == "approved" or len(repairs) >= table.takes:
        return None
    actions = {}
    for cause in deciding_causes(best.verdict):
        actions_of_cause = table.causes.get(cause, ())
        used = sum(cause in repair.causes for repair in repairs)
        if used >= len(actions_of_cause):
            return None
        actions[cause] = actions_of_cause[used]
    return _merged(best, actions) if actions else None


def best_of(tried: Sequence[Tried]) -> Tried:
    """The take to keep: a person's newest wish, else the best verdict, then the widest margins, then the earliest."""
    if tried[-1].steering.by == "person":
        return tried[-1]
    return max(tried, key=lambda each: (RANK[each.verdict.status], score(each.verdict), -each.take))


def deciding_causes(verdict: Verdict) -> tuple[str, ...]:
    """Causes of the failures that gave the verdict, in order; what could not be measured is none of them."""
    decides = DECIDES[verdict.status]
    counted = (each for each in verdict.failures if each.severity == decides and each.value is not None)
    return tuple(dict.fromkeys(each.cause for each in counted))


def score(verdict: Verdict) -> float:
    """Margins of all measured findings that count: half the narrowest, half the mean, -1 (far off) .. 1 (far inside).

    Rounded, so that takes are ranked alike wherever they are.
    """
    margins = [margin(each) for each in verdict.findings if each.severity != "note" and each.value is not None]
    return round((min(margins) + sum(margins) / len(margins)) / 2, 6) if margins else 0.0


def margin(finding: Finding) -> float:
    """How far a value is on the right side of its limit, in limits: -1..1; where the limit is 0, of the value."""
    if finding.value is None or finding.limit is None:
        return 0.0
    distance = abs(finding.value - finding.limit)
    size = min(distance / max(abs(finding.limit), 1e-9), 1.0)
    return size if finding.passed else -size


def _merged(best: Tried, actions: Mapping[str, Action]) -> Steering:
    """The best take's steering with the actions on top; its seed is kept where all of them can do with it."""
    changes: dict[str, Any] = {}
    words = [best.steering.words] if best.steering.words else []
    for action in actions.values():
        changes |= action.model_dump(exclude_none=True, exclude={"seed", "words"})
        words += [action.words] if action.words and action.words not in words else []
    same = all(action.seed == "same" for action in actions.values())
    seed_of = best.take if best.steering.seed_of is None else best.steering.seed_of
    changes |= {"words": "，".join(words), "seed_of": seed_of if same else None}
    return best.steering.model_copy(update={**changes, "by": "repair", "causes": tuple(actions)})
