"""A SKU seen twice is found, however far apart."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.catalog.seen import SeenSkus


@given(
    st.lists(st.lists(st.sampled_from([f"sku-{n}" for n in range(30)] + ["", "货", "A\0B"]), max_size=20), max_size=12)
)
def test_the_first_line_of_every_sku_is_remembered(chunks: list[list[str]]) -> None:
    memory, first, line = SeenSkus(), {}, 0
    for skus in chunks:
        lines = list(range(line + 1, line + 1 + len(skus)))
        line += len(skus)
        for sku, at in zip(skus, lines, strict=True):
            first.setdefault(sku, at)
        assert memory.first_lines(skus, lines) == [first[sku] for sku in skus]


def test_memory_is_twenty_bytes_a_sku_in_few_runs() -> None:
    memory = SeenSkus()
    for start in range(0, 40_000, 500):
        rows = range(start, start + 500)
        assert memory.first_lines([f"SX-{row}" for row in rows], list(rows)) == list(rows)
    arrays = [array for run in memory._runs for array in run]
    assert sum(array.nbytes for array in arrays) == 20 * 40_000
    assert len(memory._runs) < 10
    assert all(np.all(run.first[:-1] <= run.first[1:]) for run in memory._runs)
    assert memory.first_lines(["SX-39999", "SX-0", "new"], [50_000, 50_001, 50_002]) == [39_999, 0, 50_002]
