"""What a report keeps of a run of any length."""

import weakref
from collections import Counter
from datetime import timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tasks.delivery.gallery import Gallery
from tasks.delivery.report import ReportData, ReportRow, Sheet
from tests.delivery.sample_report import STARTED


class Line(NamedTuple):
    number: int
    scene: str
    urgency: int


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40), st.integers(0, 4), st.integers(0, 9)
)
def test_the_kept_rows_are_those_of_sorting_them_all(drawn: list[tuple[str, int]], places: int, lines: int) -> None:
    rows = [Line(number, *each) for number, each in enumerate(drawn)]
    gallery: Gallery[Line] = Gallery(places, lines, lambda row: row.urgency)
    for row in rows:
        gallery.add(row)
    room, shown = Counter(), set()  # type: ignore[var-annotated]
    for row in sorted(rows, key=lambda row: row.urgency):
        if room[row.scene] < places:
            room[row.scene] += 1
            shown.add(row)
    others = [row for row in rows if row not in shown]
    assert gallery.shown == [row for row in rows if row in shown]
    assert gallery.listed == others[:lines]
    assert gallery.others == len(others)


def test_a_report_of_any_length_keeps_only_what_it_shows() -> None:
    alive: weakref.WeakSet[object] = weakref.WeakSet()
    most = 0

    class Counted(ReportRow):
        """A row that is counted as long as somebody holds it."""

        __hash__ = object.__hash__

    def rows():  # type: ignore[no-untyped-def]
        nonlocal most
        for number in range(3000):
            row = Counted(
                f"sku-{number}", "", f"scene-{number % 2}", "", "approved", seconds={"denoise": 1.0}, cost=0.5
            )
            alive.add(row)
            most = max(most, len(alive))
            yield row
            del row

    sheet = Sheet(ReportData("r", "c", STARTED, STARTED + timedelta(1), rows(), shown_per_scene=5, listed=20))
    assert (sheet.total, sheet.counts["approved"], sheet.cost) == (3000, 3000, 1500)
    assert sheet.stages == [("去噪 Denoise", 3000.0)]
    assert len(alive) == 30
    assert most <= 33
