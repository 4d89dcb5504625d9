"""Stages side by side: order, batches, bounded queues, and an end to all of them whatever happens."""

import itertools
import threading
from collections.abc import Iterator, Sequence

import pytest

from tasks.rendering.stages import Stage, run_stages


def doubled(batch: Sequence[int]) -> list[int]:
    return [2 * item for item in batch]


def stage_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("stage-")]


def test_items_come_out_in_order_through_every_stage() -> None:
    stages = [Stage("one", doubled), Stage("two", doubled, batch=4), Stage("three", doubled)]
    assert list(run_stages(range(10), stages)) == [8 * n for n in range(10)]
    assert not stage_threads()


def test_each_stage_takes_batches_of_its_own_size_and_kind() -> None:
    seen: list[list[int]] = []

    def note(batch: Sequence[int]) -> list[int]:
        seen.append(list(batch))
        return list(batch)

    items = [1, 1, 1, 1, 1, 2, 2, 1]
    assert list(run_stages(items, [Stage("noted", note, batch=3, key=lambda n: n)])) == items
    assert seen == [[1, 1, 1], [1, 1], [2, 2], [1]]


def test_what_a_stage_does_not_take_passes_it_by() -> None:
    only_even = Stage("even", doubled, batch=8, takes=lambda n: n % 2 == 0)
    assert sorted(run_stages(range(6), [only_even])) == [0, 1, 3, 4, 5, 8]


def test_no_more_than_the_queues_hold_is_read_ahead() -> None:
    read: list[int] = []

    def source() -> Iterator[int]:
        for n in itertools.count():
            read.append(n)
            yield n

    outcomes = run_stages(source(), [Stage("one", doubled), Stage("two", doubled)])
    next(outcomes)
    outcomes.close()
    assert len(read) < 16
    assert not stage_threads()


def test_stages_work_at_the_same_time() -> None:
    # each of the two can only go on when both are at work
    meeting = threading.Barrier(2, timeout=10)

    def meet(batch: Sequence[int]) -> Sequence[int]:
        meeting.wait()
        return batch

    def meet_too(batch: Sequence[int]) -> Sequence[int]:
        if batch[0] < 3:
            meeting.wait()
        return batch

    def first(batch: Sequence[int]) -> Sequence[int]:
        return meet(batch) if batch[0] > 0 else batch

    assert list(run_stages(range(4), [Stage("first", first), Stage("second", meet_too)])) == [0, 1, 2, 3]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_in_any_stage_reaches_the_caller_and_ends_the_others(place: int) -> None:
    def fails(batch: Sequence[int]) -> Sequence[int]:
        if 5 in batch:
            raise ValueError("the fifth")
        return batch

    def same(batch: Sequence[int]) -> Sequence[int]:
        return batch

    stages = [Stage(str(n), fails if n == place else same) for n in range(3)]
    with pytest.raises(ValueError, match="the fifth"):
        list(run_stages(itertools.count(), stages))
    assert not stage_threads()


def test_an_error_in_the_source_reaches_the_caller() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        list(run_stages(source(), [Stage("one", doubled)]))
    assert not stage_threads()
