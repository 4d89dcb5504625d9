"""Leases, fencing and what deaths lead to: on SQLite and on PostgreSQL."""

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.delivery.ledger import Expired, Ledger
from tasks.errors import LedgerError, StaleLease
from tests.delivery.small_jobs import plan, result

RUN = "2026-11-23"
SILENT = -1.0  # a lease that has already run out


@pytest.fixture
def jobs(ledger: Ledger) -> list[str]:
    ledger.begin_run(RUN, "{}")
    planned = plan(8)
    ledger.add_jobs(RUN, planned)
    return [job.job_id for job in planned]


def state(ledger: Ledger, job_id: str) -> str:
    return next(record.state for record in ledger.results(RUN) if record.job_id == job_id)


def test_a_lease_gives_whole_jobs_in_the_order_asked_for(ledger: Ledger, jobs: list[str]) -> None:
    leased = ledger.lease([jobs[2], jobs[0]], owner="a", seconds=60)
    assert [each.job_id for each in leased] == [jobs[2], jobs[0]]
    assert (leased[0].attempt, leased[0].failures, leased[0].sku, leased[0].image) == (1, 0, "SKU-2", "images/2.png")
    assert leased[0].job == plan(3)[2].job


def test_a_leased_job_is_nobody_elses(ledger: Ledger, jobs: list[str], open_another: Callable[[], Ledger]) -> None:
    ledger.lease(jobs[:2], owner="a", seconds=60)
    other = open_another()
    assert [each.job_id for each in other.lease(jobs[:3], owner="b", seconds=60)] == [jobs[2]]
    assert other.lease(jobs[:3], owner="a", seconds=60) == []


def test_a_finished_job_is_not_leased_again(ledger: Ledger, jobs: list[str]) -> None:
    leased = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    ledger.commit(leased.job_id, owner="a", attempt=leased.attempt, result=result(leased.job_id))
    assert ledger.lease(jobs[:1], owner="b", seconds=60) == []


def test_lease_from_a_run_takes_what_batches_together_in_order(ledger: Ledger, jobs: list[str]) -> None:
    ledger.add_jobs(RUN, plan(2, first=100, width=1024), first=8)
    taken: list[list[str]] = []
    while leased := ledger.lease_from(RUN, 5, owner="a", seconds=60):
        taken.append([each.sku for each in leased])
    assert taken[0] == ["SKU-0", "SKU-1", "SKU-2", "SKU-3", "SKU-4"]
    assert sorted(itertools.chain(*taken)) == sorted([f"SKU-{n}" for n in range(8)] + ["SKU-100", "SKU-101"])
    assert all(len({sku in ("SKU-100", "SKU-101") for sku in batch}) == 1 for batch in taken)


def test_two_askers_at_once_never_get_the_same_job(
    ledger: Ledger, jobs: list[str], open_another: Callable[[], Ledger]
) -> None:
    ledger.add_jobs(RUN, plan(200))
    ledgers = [open_another() for _ in range(4)]

    def take_all(number: int) -> list[str]:
        mine: list[str] = []
        while leased := ledgers[number].lease_from(RUN, 7, owner=f"agent-{number}", seconds=60):
            mine += [each.job_id for each in leased]
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = list(itertools.chain(*pool.map(take_all, range(4))))
    assert len(taken) == len(set(taken)) == 200


def test_a_silent_owners_job_goes_to_the_next_and_its_late_commit_is_refused(ledger: Ledger, jobs: list[str]) -> None:
    frozen = ledger.lease(jobs[:1], owner="a", seconds=SILENT)[0]
    taken = ledger.lease(jobs[:1], owner="b", seconds=60)[0]
    assert (taken.attempt, taken.failures) == (2, 1)
    with pytest.raises(StaleLease, match="leased at attempt 2 of b"):
        ledger.commit(jobs[0], owner="a", attempt=frozen.attempt, result=result(jobs[0]))
    ledger.commit(jobs[0], owner="b", attempt=taken.attempt, result=result(jobs[0], take=1))
    with pytest.raises(StaleLease, match="done at attempt 2"):
        ledger.commit(jobs[0], owner="a", attempt=frozen.attempt, result=result(jobs[0]))
    assert next(ledger.results(RUN)).take == 1


def test_an_owner_of_the_same_name_is_told_apart_by_the_attempt(ledger: Ledger, jobs: list[str]) -> None:
    first = ledger.lease(jobs[:1], owner="a", seconds=SILENT)[0]
    second = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    with pytest.raises(StaleLease):
        ledger.commit(jobs[0], owner="a", attempt=first.attempt, result=result(jobs[0]))
    ledger.commit(jobs[0], owner="a", attempt=second.attempt, result=result(jobs[0]))


def test_a_late_owner_may_still_commit_while_nobody_took_the_job(ledger: Ledger, jobs: list[str]) -> None:
    leased = ledger.lease(jobs[:1], owner="a", seconds=SILENT)[0]
    ledger.commit(jobs[0], owner="a", attempt=leased.attempt, result=result(jobs[0]))
    assert state(ledger, jobs[0]) == "done"


def test_saying_a_commit_twice_counts_once(ledger: Ledger, jobs: list[str]) -> None:
    leased = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    for _ in range(2):  # the answer to the first was lost
        ledger.commit(jobs[0], owner="a", attempt=leased.attempt, result=result(jobs[0], cost=0.5))
    assert ledger.spent(RUN) == 0.5


def test_committing_or_failing_an_unknown_job_is_an_error(ledger: Ledger, jobs: list[str]) -> None:
    with pytest.raises(LedgerError, match="no job 'feed'"):
        ledger.commit("feed", owner="a", attempt=1, result=result("feed"))
    with pytest.raises(LedgerError, match="no job 'feed'"):
        ledger.fail("feed", owner="a", attempt=1, reason="x")


def test_renewing_keeps_a_lease_alive_and_tells_how_many_are_held(ledger: Ledger, jobs: list[str]) -> None:
    ledger.lease(jobs[:2], owner="a", seconds=0.3)
    assert ledger.renew("a", 60) == 2
    time.sleep(0.4)
    assert ledger.expire() == Expired(0, 0)
    assert ledger.renew("nobody", 60) == 0


def test_a_released_job_is_ready_at_once_and_without_blame(ledger: Ledger, jobs: list[str]) -> None:
    first = ledger.lease(jobs[:2], owner="a", seconds=60)
    assert ledger.release("a") == 2
    again = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    assert (again.failures, again.attempt) == (0, 2)
    with pytest.raises(StaleLease):
        ledger.commit(jobs[1], owner="a", attempt=first[1].attempt, result=result(jobs[1]))


@pytest.mark.parametrize("most", [3, 4])
def test_a_job_that_kills_its_renderer_once_too_often_is_set_aside_and_the_rest_goes_on(
    ledger: Ledger, jobs: list[str], most: int
) -> None:
    ledger.max_attempts = most
    for _ in range(most - 1):
        assert len(ledger.lease(jobs[:1], owner="a", seconds=SILENT)) == 1
        assert ledger.expire() == Expired(returned=1, dead=0)
    ledger.lease(jobs[:1], owner="a", seconds=SILENT)
    assert ledger.expire() == Expired(returned=0, dead=1)
    dead = next(ledger.results(RUN))
    assert (dead.state, dead.reason) == ("dead", f"killed its renderer {most} times")
    assert ledger.lease(jobs[:1], owner="a", seconds=60) == []
    assert len(ledger.lease(jobs, owner="a", seconds=60)) == 7


def test_a_lease_itself_sets_aside_what_has_died_once_too_often(ledger: Ledger, jobs: list[str]) -> None:
    for _ in range(4):
        ledger.lease(jobs[:1], owner="a", seconds=SILENT)
    assert ledger.lease(jobs[:1], owner="b", seconds=60) == []
    assert state(ledger, jobs[0]) == "dead"


def test_reserved_jobs_are_not_blamed_for_their_owners_death(ledger: Ledger, jobs: list[str]) -> None:
    ledger.lease(jobs[:3], owner="a", seconds=SILENT, in_hand=False)
    assert ledger.start(jobs[:1], owner="a") == {jobs[0]}
    assert ledger.expire() == Expired(3, 0)
    assert ledger.start(jobs[:1], owner="a") == set()
    failures = {each.job_id: each.failures for each in ledger.lease(jobs[:3], owner="b", seconds=60)}
    assert failures == {jobs[0]: 1, jobs[1]: 0, jobs[2]: 0}


def test_a_job_that_has_failed_twice_travels_alone(ledger: Ledger, jobs: list[str]) -> None:
    for _ in range(2):
        ledger.lease([jobs[1]], owner="a", seconds=SILENT)
    ledger.expire()
    assert (jobs[1],) in [shard.job_ids for shard in ledger.next_shards(RUN, 64)]
    batches = [ledger.lease_from(RUN, 8, owner="b", seconds=60) for _ in range(2)]
    assert sorted([[each.job_id for each in batch] for batch in batches], key=len) == [
        [jobs[1]],
        [jobs[0], *jobs[2:]],
    ]


def test_a_failure_returns_the_job_with_its_reason_until_it_is_one_too_many(ledger: Ledger, jobs: list[str]) -> None:
    for attempt in range(1, 5):
        assert state(ledger, jobs[0]) == "ready"
        ledger.lease(jobs[:1], owner="a", seconds=60)
        ledger.fail(jobs[0], owner="a", attempt=attempt, reason=f"no answer {attempt}", cost=0.1)
    record = next(ledger.results(RUN))
    assert (record.state, record.reason) == ("dead", "no answer 4")
    assert ledger.spent(RUN) == pytest.approx(0.4)


def test_a_final_failure_sets_aside_at_once_and_may_be_said_twice(ledger: Ledger, jobs: list[str]) -> None:
    leased = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    for _ in range(2):
        ledger.fail(jobs[0], owner="a", attempt=leased.attempt, reason="image is gone", final=True)
    record = next(ledger.results(RUN))
    assert (record.state, record.reason, record.failures) == ("dead", "image is gone", 1)
    with pytest.raises(StaleLease):
        ledger.commit(jobs[0], owner="a", attempt=leased.attempt, result=result(jobs[0]))


def test_a_stale_owner_cannot_fail_anothers_job(ledger: Ledger, jobs: list[str]) -> None:
    frozen = ledger.lease(jobs[:1], owner="a", seconds=SILENT)[0]
    ledger.lease(jobs[:1], owner="b", seconds=60)
    with pytest.raises(StaleLease):
        ledger.fail(jobs[0], owner="a", attempt=frozen.attempt, reason="x", final=True)
    assert state(ledger, jobs[0]) == "leased"


def test_dead_jobs_can_be_given_another_chance(ledger: Ledger, jobs: list[str]) -> None:
    leased = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    ledger.fail(jobs[0], owner="a", attempt=leased.attempt, reason="image is gone", final=True)
    assert ledger.revive(RUN) == 1
    again = ledger.lease(jobs[:1], owner="a", seconds=60)[0]
    assert (again.failures, again.attempt) == (0, 2)


def test_an_owner_without_a_name_is_refused(ledger: Ledger, jobs: list[str]) -> None:
    with pytest.raises(LedgerError, match="owner"):
        ledger.lease(jobs, owner="", seconds=60)
