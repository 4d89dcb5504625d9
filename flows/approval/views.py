"""What the page shows, gathered from ledger and templates in the reader's language. Values only: templates escape."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flows.approval.wording import Language, one_of_both, say
from tasks.delivery.acceptance import counted_causes
from tasks.delivery.ledger import Decision, Filter, JobRecord, Listed, Place, Take
from tasks.delivery.ledger.decisions import PERSON
from tasks.delivery.report import format_kb, format_value
from tasks.findings import Finding
from tasks.shapes import Box
from tasks.workplace import Workplace

OTHER = "other"
TWIN = re.compile(r"like job (?P<job>[0-9a-f]+) of (?P<sku>.+)")  # as tasks.quality.duplicates says it
NOT_FOR_PEOPLE = frozenset({"not_measured", "file"})  # causes that no person finds by looking
# What people see first and machines last comes first, so that it has the first number keys.
BY_EYE = ("growth", "text", "seam", "colour", "floating", "blur", "exposure", "coverage", "cut_off", "duplicate")


@dataclass(frozen=True)
class FindingView:
    """One line of the table. `mark` ties it to its box in the picture."""

    title: str
    value: str
    limit: str
    kind: str  # pass, reject, review or note
    box: Box | None
    detail: str
    mark: int
    measured: bool = True
    twin: tuple[str, int] | None = None  # job and take of the picture that it is too much like

    @property
    def is_unmeasured(self) -> bool:
        """Could not be measured, in a run that does not demand it."""
        return self.kind == "note" and not self.measured


@dataclass(frozen=True)
class RenditionView:
    """One delivered file, or why there is none."""

    placement: str
    size: str
    weight: str
    refused: str


@dataclass(frozen=True)
class TakeView:
    """One attempt at the picture: its verdict, its causes, and in words what set it apart."""

    number: int
    status: str
    causes: tuple[str, ...]
    steered: str


@dataclass(frozen=True)
class PictureView:
    """Everything about the picture in hand."""

    record: JobRecord
    version: str
    status: str
    title: str
    scene: str
    findings: tuple[FindingView, ...]
    causes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    renditions: tuple[RenditionView, ...]
    history: tuple[str, ...]

    takes: tuple[TakeView, ...] = ()

    @property
    def failed(self) -> tuple[FindingView, ...]:
        """What a person has to look at: failures, and what could not be measured where the run demands it."""
        return tuple(each for each in self.findings if each.kind != "pass" and not each.is_unmeasured)

    @property
    def unmeasured(self) -> tuple[FindingView, ...]:
        return tuple(each for each in self.findings if each.is_unmeasured)

    @property
    def passed(self) -> tuple[FindingView, ...]:
        return tuple(each for each in self.findings if each.kind == "pass")

    @property
    def boxed(self) -> tuple[FindingView, ...]:
        return tuple(each for each in self.failed if each.box)


class Views:
    """The page's values for one reader's language."""

    def __init__(self, workplace: Workplace, language: Language) -> None:
        self._workplace, self.language = workplace, language

    def say(self, key: str, **values: object) -> str:
        return say(key, self.language, **values)

    def scene(self, scene_id: str) -> str:
        scene = self._workplace.library.scenes.get(scene_id)
        if scene is None:
            return scene_id
        return (scene.title.en if self.language == "en" else scene.title.zh) or scene_id

    def cause(self, cause: str) -> str:
        if cause == OTHER:
            return self.say("other_cause")
        titles = self._workplace.thresholds.cause_titles
        return one_of_both(titles.get(cause, "") or self.check(cause), self.language)

    def check(self, check: str) -> str:
        titles = self._workplace.thresholds.check_titles
        return self.say("person") if check == PERSON else one_of_both(titles.get(check, check), self.language)

    def causes_to_choose(self) -> list[tuple[str, str]]:
        """Causes a person may give, and their names; the catch-all last."""
        known = [cause for cause in self._workplace.thresholds.cause_titles if cause not in NOT_FOR_PEOPLE | {OTHER}]
        known.sort(key=lambda cause: BY_EYE.index(cause) if cause in BY_EYE else len(BY_EYE))
        return [(cause, self.cause(cause)) for cause in (*known, OTHER)]

    def causes_of(self, listed: Listed) -> list[str]:
        return [self.cause(cause) for cause in listed.causes]

    def time(self, at: float) -> str:
        return dt.datetime.fromtimestamp(at, ZoneInfo(self._workplace.settings.timezone)).strftime("%m-%d %H:%M")

    def told(self, decision: Decision) -> str:
        """One decision in words."""
        parts = [self.say(decision.decision), decision.cause and self.cause(decision.cause), decision.words]
        return " · ".join(filter(None, parts))

    def picture(self, run_id: str, job_id: str) -> PictureView | None:
        """The picture as it stands; None where the run has no such job."""
        ledger = self._workplace.ledger
        version = ledger.version(job_id) if ledger.record(run_id, job_id) else ""
        record = ledger.record(run_id, job_id)  # after its version: what changes in between makes the form stale
        if record is None or not version:
            return None
        findings = tuple(self._findings(record, run_id))
        failures = record.verdict.failures if record.verdict else ()
        return PictureView(
            record=record,
            version=version,
            status=record.verdict.status if record.verdict else record.state,
            title=str(record.facts.get("title", "")),
            scene=self.scene(record.scene),
            findings=findings,
            causes=tuple(dict.fromkeys(each.cause or each.check for each in failures if each.severity != "note")),
            facts=tuple(self._facts(record)),
            renditions=tuple(self._renditions(record)),
            takes=tuple(map(self._take, record.takes)) if len(record.takes) > 1 else (),
            history=tuple(
                f"{self.time(each.at)} {each.who} · {self.told(each)}" for each in reversed(ledger.decisions(job_id))
            ),
        )

    def _take(self, take: Take) -> TakeView:
        mends = " · ".join(map(self.cause, take.steering.causes))
        words = take.steering.words
        steered = " ".join(filter(None, (f"{self.say('against')} {mends}" if mends else "", words)))
        causes = tuple(map(self.cause, counted_causes(take.verdict.findings)))
        return TakeView(take.take, take.verdict.status, causes, steered)

    def _findings(self, record: JobRecord, run_id: str) -> Iterator[FindingView]:
        found = record.verdict.findings if record.verdict else ()
        order = {"reject": 0, "review": 1, "note": 2}
        worst_first = sorted(found, key=lambda each: (each.passed, order[each.severity]))
        for mark, finding in enumerate(worst_first, start=1):
            if finding.check != PERSON:
                yield self._finding(finding, mark, run_id=run_id)

    def _finding(self, finding: Finding, mark: int, *, run_id: str) -> FindingView:
        twin = TWIN.fullmatch(finding.detail) if finding.check == "duplicate" and not finding.passed else None
        other = self._workplace.ledger.record(run_id, twin["job"]) if twin else None
        return FindingView(
            title=self.check(finding.check),
            value=format_value(finding.value),
            limit=format_value(finding.limit),
            kind="pass" if finding.passed else finding.severity,
            box=finding.box,
            detail=self.say("like", sku=twin["sku"]) if twin else finding.detail,
            mark=mark,
            measured=finding.value is not None,
            twin=(other.job_id, other.take) if other else None,
        )

    def _facts(self, record: JobRecord) -> Iterator[tuple[str, str]]:
        for name, value in record.facts.items():
            yield self.say(f"fact_{name}"), _plain(value)

    def _renditions(self, record: JobRecord) -> Iterator[RenditionView]:
        for made in record.renditions:
            refused = "" if made.key else " ".join(each.detail for each in made.findings)
            yield RenditionView(made.placement, f"{made.width}×{made.height}", format_kb(made.bytes), refused)


@dataclass(frozen=True)
class PageView:
    """A list of pictures and where it goes on."""

    pictures: list[Listed]
    more: str


def list_page(workplace: Workplace, run_id: str, chosen: Filter, *, after: Place | None, size: int) -> PageView:
    """The next pictures of a list; `more` is empty at its end."""
    found = workplace.ledger.listed(run_id, chosen, after=after, limit=size + 1)
    shown = found[:size]
    more = f"{shown[-1].place.ordinal}.{shown[-1].place.job_id}" if len(found) > size else ""
    return PageView(shown, more)


def _plain(value: Any) -> str:
    return "；".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
