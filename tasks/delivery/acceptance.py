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
    @property
    def category(self) -> str: ...


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


class Acceptance:
    """What became of a run's pictures: rows are added one by one, and only figures are kept."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.takes = self.repaired = 0
        self._passed: dict[str, Counter[str]] = {}  # by category, in order of appearance
        self._met: Counter[str] = Counter()
        self._became: dict[str, Counter[str]] = {}
        self._blamed: Counter[tuple[str, str]] = Counter()

    def add(self, row: Row) -> None:
        self.statuses[row.status] += 1
        self.takes += len(row.takes)
        self.repaired += _is_repaired(row)
        shares = self._passed.setdefault(row.category, Counter())
        shares["total"] += 1
        shares["passed"] += row.status == "approved"
        shares["first"] += row.status == "approved" and len(row.takes) <= 1
        for cause in dict.fromkeys(cause for take in row.takes for cause in take.causes) or dict.fromkeys(row.causes):
            self._met[cause] += 1
            became = self._became.setdefault(cause, Counter())
            became[row.status] += 1
            became["repaired"] += row.status == "approved" and _mended(row, cause)
        said = [("", common_part(row.reason))] if row.status == "failed" and row.reason else []
        self._blamed.update(said or [(cause, "") for cause in row.causes])

    @property
    def total(self) -> int:
        return self.statuses.total()

    @property
    def by_category(self) -> list[tuple[str, Share]]:
        """Category and share accepted, in order of appearance."""
        return [
            (name or "—", Share(each["passed"], each["first"], each["total"])) for name, each in self._passed.items()
        ]

    @property
    def by_cause(self) -> list[CauseOutcome]:
        """Most frequent first."""
        names = ("repaired", "approved", "review", "rejected")
        return [
            CauseOutcome(cause, count, *(self._became[cause][name] for name in names))
            for cause, count in self._met.most_common()
        ]

    @property
    def alarm(self) -> Alarm | None:
        """None where anything passed, or where nothing was tried."""
        if self.statuses["approved"] or not self._blamed:
            return None
        (cause, reason), count = self._blamed.most_common(1)[0]
        return Alarm(cause, reason, count, self.total)


def _mended(row: Row, cause: str) -> bool:
    kept = next((take for take in row.takes if take.take == row.take), None)
    mended = kept.steering.get("causes", ()) if kept else ()
    return isinstance(mended, Sequence) and cause in mended


def _is_repaired(row: Row) -> bool:
    """Approved with a take that the machine had steered."""
    kept = next((take for take in row.takes if take.take == row.take), None)
    return row.status == "approved" and kept is not None and kept.steering.get("by") == "repair"


def common_part(reason: str) -> str:
    """A reason without what differs from picture to picture: what stands before the first colon, if it names a file."""
    head, colon, rest = reason.partition(": ")
    return rest if colon and ("." in head or "/" in head) and " " not in head else reason


def counted_causes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Distinct causes of failures that count, in order; a person's word is none."""
    counted = (f for f in findings if not f.passed and f.severity != "note" and f.check != PERSON)
    return tuple(dict.fromkeys(f.cause or f.check for f in counted))
