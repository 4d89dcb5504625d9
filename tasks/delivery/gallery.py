"""Which rows of a run that may be of any length get a picture, and which a line: what is kept does not grow with it."""

from collections.abc import Callable, Iterable
from heapq import heappush, heappushpop
from itertools import chain
from typing import Generic, Protocol, TypeVar


class Scened(Protocol):
    """What is asked of a row: the scene whose places it shares."""

    @property
    def scene(self) -> str: ...


Row = TypeVar("Row", bound=Scened)
Rank = tuple[int, int]  # least urgent and latest is smallest; no two are equal
Heap = list[tuple[Rank, Row]]


class Gallery(Generic[Row]):
    """The first `shown` rows of each scene, low `urgency` before the rest; the first `listed` of all others."""

    def __init__(self, shown: int, listed: int, urgency: Callable[[Row], int]) -> None:
        self._places, self._lines, self._urgency = shown, listed, urgency
        self._shown: dict[str, Heap[Row]] = {}
        self._listed: Heap[Row] = []
        self._count = 0

    def add(self, row: Row) -> None:
        self._count += 1
        left = _keep(
            self._shown.setdefault(row.scene, []), ((-self._urgency(row), -self._count), row), places=self._places
        )
        if left:
            (_, number), out = left
            _keep(self._listed, ((0, number), out), places=self._lines)

    @property
    def shown(self) -> list[Row]:
        """In order of appearance."""
        return _in_order(chain.from_iterable(self._shown.values()))

    @property
    def listed(self) -> list[Row]:
        """In order of appearance."""
        return _in_order(self._listed)

    @property
    def others(self) -> int:
        """How many rows are not shown, listed or not."""
        return self._count - sum(map(len, self._shown.values()))


def _keep(heap: Heap[Row], entry: tuple[Rank, Row], *, places: int) -> tuple[Rank, Row] | None:
    """Whoever finds no place."""
    if not places:
        return entry
    if len(heap) < places:
        heappush(heap, entry)
        return None
    return heappushpop(heap, entry)


def _in_order(entries: Iterable[tuple[Rank, Row]]) -> list[Row]:
    return [row for _, row in sorted(entries, key=lambda entry: -entry[0][1])]
