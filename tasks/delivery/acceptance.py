"""How many pictures passed, at which take, by category, scene and cause; and why none did. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from tasks.findings import Finding, Status

PERSON = "person"  # the finding that a person's decision is


class TakeEntry(NamedTuple):
    """One judged take: its number, its verdict, its causes and in words what set it apart."""

    take: int
    status: Status
    causes: tuple[str, ...] = ()
    steering: Mapping[str, object] = {}
    key: str = ""


class Row(Protocol):
    """What is asked of a report's row."""

    @property
    def status(self) -> str: ...
    @property
    def take(self) -> int: ...
    @property
    def takes(self) -> tuple[TakeEntry, ...]: ...
    @property
    def causes(self) -> tuple[str, ...]: ...
    @property
    def reason(self) -> str: ...


class Share(NamedTuple):
    """Passed of all; `first` of them with their first take, nobody and nothing having helped."""

    passed: int
    first: int
    total: int


class CauseOutcome(NamedTuple):
    """Pictures that a cause kept back in any take, and what became of them."""

    cause: str
    met: int
    repaired: int  # approved with a take that was steered against it
    approved: int
    waiting: int
    rejected: int


class Alarm(NamedTuple):
    """The likeliest common cause of a run in which nothing passed: a cause, or a reason in words."""

    cause: str
    reason: str
    pictures: int
    total: int


def share_of(rows: Iterable[Row]) -> Share:
    passed = first = total = 0
    for row in rows:
        total += 1
        passed += row.status == "approved"
        first += row.status == "approved" and len(row.takes) <= 1
    return Share(passed, first, total)


def outcomes_by_cause(rows: Iterable[Row]) -> list[CauseOutcome]:
    """Most frequent first."""
    met: Counter[str] = Counter()
    became: dict[str, Counter[str]] = {}
    for row in rows:
        causes = dict.fromkeys(cause for take in row.takes for cause in take.causes) or dict.fromkeys(row.causes)
        for cause in causes:
            met[cause] += 1
            became.setdefault(cause, Counter())[row.status] += 1
            became[cause]["repaired"] += row.status == "approved" and _mended(row, cause)
    return [
        CauseOutcome(cause, count, *(became[cause][name] for name in ("repaired", "approved", "review", "rejected")))
        for cause, count in met.most_common()
    ]


def _mended(row: Row, cause: str) -> bool:
    kept = next((take for take in row.takes if take.take == row.take), None)
    mended = kept.steering.get("causes", ()) if kept else ()
    return isinstance(mended, Sequence) and cause in mended


def is_repaired(row: Row) -> bool:
    """Approved with a take that the machine had steered."""
    kept = next((take for take in row.takes if take.take == row.take), None)
    return row.status == "approved" and kept is not None and kept.steering.get("by") == "repair"


def alarm_of(rows: Sequence[Row]) -> Alarm | None:
    """None where anything passed, or where nothing was tried."""
    if not rows or any(row.status == "approved" for row in rows):
        return None
    causes: Counter[tuple[str, str]] = Counter()
    for row in rows:
        said = [("", common_part(row.reason))] if row.status == "failed" and row.reason else []
        causes.update(said or [(cause, "") for cause in row.causes])
    if not causes:
        return None
    (cause, reason), count = causes.most_common(1)[0]
    return Alarm(cause, reason, count, len(rows))


def common_part(reason: str) -> str:
    """A reason without what differs from picture to picture: what stands before the first colon, if it names a file."""
    head, colon, rest = reason.partition(": ")
    return rest if colon and ("." in head or "/" in head) and " " not in head else reason


def counted_causes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Distinct causes of failures that count, in order; a person's word is none."""
    counted = (f for f in findings if not f.passed and f.severity != "note" and f.check != PERSON)
    return tuple(dict.fromkeys(f.cause or f.check for f in counted))
