"""Which SKUs were seen before, at 20 bytes each instead of a string."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# siphash keys of 16 bytes; two hashes make 128 bits: at 100 million SKUs a false alarm is below 1e-22
_FIRST_KEY, _SECOND_KEY = "shangxin-sku-one", "shangxin-sku-two"
_RUN = 1 << 16  # rows in a sorted run: one merge then takes about 3 MB for a moment, however long the table


class _Run(NamedTuple):
    first: NDArray[np.uint64]  # sorted
    second: NDArray[np.uint64]
    lines: NDArray[np.uint32]


class SeenSkus:
    """Remembers every SKU of a table by two 64-bit hashes and the line of its first appearance."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def first_lines(self, skus: Sequence[str], lines: Sequence[int]) -> list[int]:
        """For each SKU the line it first appeared on, which is its own line where it is new."""
        if not skus:
            return []
        values = np.array(skus, dtype=object)
        first = pd.util.hash_array(values, hash_key=_FIRST_KEY, categorize=False)
        second = pd.util.hash_array(values, hash_key=_SECOND_KEY, categorize=False)
        order = np.lexsort((np.arange(len(skus)), second, first))
        new = _Run(first[order], second[order], np.asarray(lines, dtype=np.uint32)[order])
        head = np.ones(len(skus), dtype=bool)  # the first of each group of equal SKUs
        head[1:] = (new.first[1:] != new.first[:-1]) | (new.second[1:] != new.second[:-1])
        found = new.lines[head][np.cumsum(head) - 1]
        known = np.zeros(len(skus), dtype=bool)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run.first, new.first), len(run.first) - 1)
            hit = (run.first[at] == new.first) & (run.second[at] == new.second)
            found = np.where(hit, run.lines[at], found)
            known |= hit
        fresh = head & ~known
        self._add(_Run(new.first[fresh], new.second[fresh], new.lines[fresh]))
        result = np.empty(len(skus), dtype=np.int64)
        result[order] = found
        return list(map(int, result))

    def _add(self, run: _Run) -> None:
        if not len(run.first):
            return
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2].first) < min(2 * len(self._runs[-1].first), _RUN):
            self._runs.append(_merge(self._runs.pop(), self._runs.pop()))


def _merge(one: _Run, other: _Run) -> _Run:
    first = np.concatenate((one.first, other.first))
    order = np.argsort(first, kind="stable")
    return _Run(
        first[order],
        np.concatenate((one.second, other.second))[order],
        np.concatenate((one.lines, other.lines))[order],
    )
