"""What people decide: recorded, made so, taken back, and never one over the other."""

from dataclasses import replace
from threading import Barrier, Thread

import pytest

from tasks.delivery.ledger import Filter, Ledger, Place, Wish
from tasks.errors import LedgerError, StaleDecision
from tasks.findings import Finding, Verdict
from tests.delivery.small_jobs import plan, result

RUN = "2026-11-23"
GROWN = Finding(check="growth", value=0.2, limit=0.03, passed=False, cause="growth")
DARK = Finding(check="exposure_dark", value=9, limit=36, passed=False, cause="exposure", severity="note")


def fill(ledger: Ledger, number: int = 3) -> list[str]:
    """A run whose pictures all wait for a person."""
    ledger.begin_run(RUN, "{}")
    jobs = plan(number)
    ledger.add_jobs(RUN, [job._replace(product=f'{{"title":"商品{n}"}}'.encode()) for n, job in enumerate(jobs)])
    for leased in ledger.lease([job.job_id for job in jobs], owner="a", seconds=60):
        made = replace(result(leased.job_id), verdict=Verdict(status="review", findings=(GROWN, DARK)))
        ledger.commit(leased.job_id, owner="a", attempt=leased.attempt, result=made)
    return [job.job_id for job in jobs]


def wish(ledger: Ledger, job_id: str, decision: str = "approve", **more: str) -> Wish:
    fields = {"version": ledger.version(job_id), "who": "小林", "request": f"{decision}-{ledger.version(job_id)}"}
    return Wish(job_id=job_id, decision=decision, **{**fields, **more})  # type: ignore[arg-type]


def status(ledger: Ledger, job_id: str) -> str:
    record = ledger.record(RUN, job_id)
    assert record is not None
    return record.verdict.status if record.verdict else record.state


def test_a_decision_is_recorded_with_who_and_when_and_made_so(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    made = ledger.decide(wish(ledger, job_id, "reject", cause="growth"))

    assert (made.decision, made.who, made.cause, made.take) == ("reject", "小林", "growth", 0)
    assert made.at > 1_600_000_000
    record = ledger.record(RUN, job_id)
    assert record is not None
    assert record.verdict is not None
    assert record.verdict.status == "rejected"
    assert record.verdict.findings[:2] == (GROWN, DARK)
    assert record.verdict.findings[2].cause == "growth"


def test_of_two_people_who_saw_the_same_the_second_is_told(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    seen = ledger.version(job_id)
    ledger.decide(Wish(job_id, "approve", seen, "a", "1"))

    with pytest.raises(StaleDecision):
        ledger.decide(Wish(job_id, "reject", seen, "b", "2"))
    assert status(ledger, job_id) == "approved"
    assert [each.who for each in ledger.decisions(job_id)] == ["a"]


def test_of_many_at_the_same_moment_exactly_one_decides(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    seen, ready, refused = ledger.version(job_id), Barrier(4), []

    def decide(who: str) -> None:
        ready.wait()
        try:
            ledger.decide(Wish(job_id, "approve", seen, who, who))
        except StaleDecision:
            refused.append(who)

    threads = [Thread(target=decide, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert len(ledger.decisions(job_id)) == 1


def test_the_same_request_sent_twice_counts_once(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    asked = wish(ledger, job_id)
    assert ledger.decide(asked) == ledger.decide(asked)
    assert len(ledger.decisions(job_id)) == 1


def test_undo_goes_back_step_by_step(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    ledger.decide(wish(ledger, job_id, "approve"))
    ledger.decide(wish(ledger, job_id, "reject", cause="seam"))

    ledger.decide(wish(ledger, job_id, "undo"))
    assert status(ledger, job_id) == "approved"
    ledger.decide(wish(ledger, job_id, "undo"))
    assert status(ledger, job_id) == "review"
    record = ledger.record(RUN, job_id)
    assert record is not None
    assert record.verdict == Verdict(status="review", findings=(GROWN, DARK))
    with pytest.raises(StaleDecision, match="nothing"):
        ledger.decide(wish(ledger, job_id, "undo"))


def test_a_new_take_is_ready_with_its_words_and_can_be_called_off(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    ledger.order_take(job_id, "更亮的晨光，不要文字", who="a", request="1")
    assert list(ledger.ready_jobs(RUN)) == [job_id]

    ledger.decide(wish(ledger, job_id, "undo"))
    assert list(ledger.ready_jobs(RUN)) == []
    assert status(ledger, job_id) == "review"


def test_a_new_take_is_rendered_with_its_words(ledger: Ledger) -> None:
    job_id = fill(ledger)[0]
    ledger.order_take(job_id, "更亮的晨光，不要水印", who="a", request="1")

    (leased,) = ledger.lease([job_id], owner="b", seconds=60)
    assert leased.take == 1
    assert leased.job.prompt == "第0个商品，木桌，晨光，更亮的晨光"
    assert leased.job.negative_prompt == "文字，水印"
    with pytest.raises(StaleDecision, match="rendered"):
        ledger.decide(wish(ledger, job_id, "undo"))

    ledger.commit(job_id, owner="b", attempt=leased.attempt, result=result(job_id, take=1))
    record = ledger.record(RUN, job_id)
    assert record is not None
    assert (record.take, record.job.prompt) == (1, leased.job.prompt)
    assert status(ledger, job_id) == "approved"


def test_what_a_person_decided_stands_against_later_checks_until_undone(ledger: Ledger) -> None:
    first, second, _ = fill(ledger)
    ledger.decide(wish(ledger, first, "approve"))
    ledger.decide(wish(ledger, second, "approve"))
    ledger.decide(wish(ledger, second, "undo"))
    assert ledger.decided(RUN) == {(first, 0)}


def test_pages_go_on_where_the_last_ended_though_pictures_left_the_queue(ledger: Ledger) -> None:
    ids = fill(ledger, 7)
    first = ledger.listed(RUN, Filter(), limit=3)
    assert [each.place.job_id for each in first] == ids[:3]
    for each in first:
        ledger.decide(wish(ledger, each.place.job_id))
    second = ledger.listed(RUN, Filter(), after=first[-1].place, limit=10)
    assert [each.place for each in second] == [Place(number, ids[number]) for number in range(3, 7)]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (Filter(text="sku-1"), 1),
        (Filter(text="商品2"), 1),
        (Filter(text="商品%"), 0),
        (Filter(scene="desk"), 3),
        (Filter(scene="nowhere"), 0),
        (Filter(cause="growth"), 3),
        (Filter(cause="exposure"), 0),  # only a note
        (Filter(status="approved"), 0),
    ],
)
def test_filters_find_by_sku_title_scene_and_cause(ledger: Ledger, chosen: Filter, found: int) -> None:
    fill(ledger)
    assert len(ledger.listed(RUN, chosen, limit=10)) == found


def test_all_of_a_filter_are_approved_together_or_not_at_all(ledger: Ledger) -> None:
    ids = fill(ledger)
    with pytest.raises(StaleDecision, match="3 pictures fit now, 2"):
        ledger.approve_all(RUN, Filter(), expected=2, who="a", request="bulk")
    assert ledger.counts(RUN).review == 3

    assert ledger.approve_all(RUN, Filter(), expected=3, who="a", request="bulk") == ids
    assert ledger.approve_all(RUN, Filter(), expected=3, who="a", request="bulk") == ids
    assert ledger.counts(RUN).approved == 3
    assert ledger.tally(RUN, "approved") == ({"desk": 3}, {"growth": 3})


def test_a_job_nobody_knows_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no job"):
        ledger.decide(Wish("0" * 20, "approve", "0-0", "a", "1"))
    with pytest.raises(LedgerError, match="no job"):
        ledger.version("0" * 20)
