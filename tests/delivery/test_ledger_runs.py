"""Runs, planning, counting: on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator

import pytest

from tasks.delivery.ledger import Added, Agent, Ledger, Rejudged, Rendition, Wish
from tasks.errors import LedgerError
from tasks.findings import Finding, Verdict, judge
from tasks.rendering.job import PlannedJob
from tests.delivery.small_jobs import plan, result

RUN = "2026-11-23"


def finish(ledger: Ledger, job_ids: list[str], *, cost: float = 0.25) -> None:
    for leased in ledger.lease(job_ids, owner="a", seconds=60):
        ledger.commit(leased.job_id, owner="a", attempt=leased.attempt, result=result(leased.job_id, cost=cost))


def ids(jobs: list[PlannedJob]) -> list[str]:
    return [job.job_id for job in jobs]


def rendition(placement: str, rule: str = "r1") -> Rendition:
    findings = (Finding(check="bytes", value=100, limit=200, passed=True),)
    return Rendition(placement, rule, f"renditions/{placement}/x", "0" * 64, 300, 250, 1000, "jpeg", findings)


def test_a_run_begins_and_is_the_last_run(ledger: Ledger) -> None:
    assert ledger.last_run() is None
    ledger.begin_run("one", '{"catalog":"a.csv"}')
    begun = ledger.begin_run("two", '{"catalog":"b.csv"}')
    assert (begun.state, begun.cancelled, begun.finished) == ("running", False, None)
    assert ledger.last_run() == begun
    assert [run.run_id for run in ledger.runs()] == ["two", "one"]


def test_beginning_a_run_again_takes_it_up_with_the_newest_brief(ledger: Ledger) -> None:
    first = ledger.begin_run(RUN, '{"max_cost":1}')
    again = ledger.begin_run(RUN, '{"max_cost":2}')
    assert again.brief == '{"max_cost":2}'
    assert again.started == first.started
    assert len(ledger.runs()) == 1


def test_a_run_that_was_never_begun_is_named(ledger: Ledger) -> None:
    for use in (ledger.run, ledger.cancel, ledger.is_cancelled, lambda run: ledger.add_jobs(run, plan(1))):
        with pytest.raises(LedgerError, match="no run 'nowhere'"):
            use("nowhere")


def test_a_finished_run_keeps_its_figures(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    ledger.finish_run(RUN, totals={"approved": 3})
    run = ledger.run(RUN)
    assert (run.state, run.totals) == ("done", {"approved": 3})
    assert run.finished is not None
    assert run.finished >= run.started


def test_a_cancelled_run_stays_cancelled_when_its_flow_is_retried_until_somebody_resumes_it(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    ledger.add_jobs(RUN, plan(2))
    ledger.cancel(RUN)
    ledger.begin_run(RUN, "{}")
    assert ledger.is_cancelled(RUN)
    assert ledger.lease_from(RUN, 2, owner="a", seconds=60) == []
    ledger.resume(RUN)
    assert not ledger.is_cancelled(RUN)
    assert len(ledger.lease_from(RUN, 2, owner="a", seconds=60)) == 2


def test_jobs_are_added_once_however_often_they_are_planned(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    assert ledger.add_jobs(RUN, plan(5)) == Added(new=5, known=0)
    assert ledger.add_jobs(RUN, plan(7)) == Added(new=2, known=5)
    ledger.begin_run("next", "{}")
    assert ledger.add_jobs("next", plan(7)) == Added(new=0, known=7)
    assert ledger.counts(RUN).total == ledger.counts("next").total == 7


def test_adding_streams_and_spans_batches(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(2500)
    pulled = 0

    def stream() -> Iterator[PlannedJob]:
        nonlocal pulled
        for job in jobs:
            pulled += 1
            if pulled == 2400:
                assert ledger.counts(RUN).total == 2000  # the first batch is in before the stream ends
            yield job

    assert ledger.add_jobs(RUN, stream()) == Added(2500, 0)
    assert [record.job_id for record in ledger.results(RUN)] == ids(jobs)


def test_adding_known_jobs_leaves_their_state_alone_and_follows_a_moved_picture(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    job = plan(1)[0]
    ledger.add_jobs(RUN, [job])
    finish(ledger, [job.job_id])
    ledger.add_jobs(RUN, [job._replace(image="moved/0.png", line=9)])
    record = next(ledger.results(RUN))
    assert (record.state, record.image, record.line) == ("done", "moved/0.png", 9)


def test_find_done_is_the_difference_to_render(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(6)
    ledger.add_jobs(RUN, jobs)
    finish(ledger, ids(jobs)[:3])
    ledger.lease(ids(jobs)[3:4], owner="b", seconds=60)
    assert ledger.find_done([*ids(jobs), "feed"]) == set(ids(jobs)[:3])
    assert ledger.find_done([]) == set()


def test_counts_and_cost_tell_this_runs_work_from_what_was_known(ledger: Ledger) -> None:
    jobs = plan(4)
    ledger.begin_run("first", "{}")
    ledger.add_jobs("first", jobs[:2])
    finish(ledger, ids(jobs)[:2], cost=5.0)
    ledger.begin_run(RUN, "{}")
    ledger.add_jobs(RUN, jobs)
    finish(ledger, ids(jobs)[2:3], cost=0.5)
    counts = ledger.counts(RUN)
    assert (counts.by_state, counts.by_verdict, counts.fresh) == ({"done": 3, "ready": 1}, {"approved": 3}, 2)
    assert counts.unfinished == 1
    assert ledger.spent(RUN) == 0.5
    assert ledger.spent("first") == 10.0


def test_results_come_in_catalogue_order_with_all_that_is_known(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(3)
    ledger.add_jobs(RUN, jobs)
    finish(ledger, [jobs[1].job_id])
    ledger.put_renditions(jobs[1].job_id, 0, [rendition("wechat"), rendition("taobao")])
    ledger.put_renditions(jobs[1].job_id, 1, [rendition("taobao")])  # of another take: not delivered
    records = list(ledger.results(RUN))
    assert [record.sku for record in records] == ["SKU-0", "SKU-1", "SKU-2"]
    made, expected = records[1], result(jobs[1].job_id)
    assert (made.verdict, made.master, made.product_box) == (expected.verdict, expected.master, expected.product_box)
    assert (made.timings, made.notes, made.cost) == (expected.timings, expected.notes, expected.cost)
    assert [each.placement for each in made.renditions] == ["taobao", "wechat"]
    assert made.renditions[0] == rendition("taobao")
    assert made.job == jobs[1].job
    assert records[0].verdict is None
    assert records[0].spec == jobs[0].spec


def test_results_span_pages_without_loss(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(1203)
    ledger.add_jobs(RUN, jobs)
    assert [record.job_id for record in ledger.results(RUN)] == ids(jobs)
    assert list(ledger.ready_jobs(RUN)) == ids(jobs)


def test_the_ledger_may_be_written_while_results_are_read(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(600)
    ledger.add_jobs(RUN, jobs)
    seen = 0
    for record in ledger.results(RUN):
        if seen % 200 == 0:
            finish(ledger, [record.job_id])
        seen += 1
    assert seen == 600
    assert ledger.counts(RUN).by_state["done"] == 3


def test_missing_renditions_follow_the_rules_and_the_verdict(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(4)
    ledger.add_jobs(RUN, jobs)
    finish(ledger, ids(jobs)[:3])
    ledger.put_renditions(jobs[0].job_id, 0, [rendition("taobao", "r1"), rendition("wechat", "r1")])
    ledger.put_renditions(jobs[1].job_id, 0, [rendition("taobao", "r0"), rendition("wechat", "r1")])
    ledger.rejudge([rejected(ledger, jobs[2].job_id)])
    rules = {"taobao": "r1", "wechat": "r1"}
    missing = {each.record.sku: each.placements for each in ledger.missing_renditions(RUN, rules)}
    assert missing == {"SKU-1": ("taobao",)}
    everybody = {each.record.sku for each in ledger.missing_renditions(RUN, rules, verdicts=("approved", "rejected"))}
    assert everybody == {"SKU-1", "SKU-2"}
    ledger.put_renditions(jobs[1].job_id, 0, [rendition("taobao", "r1")])
    assert list(ledger.missing_renditions(RUN, rules)) == []


def rejected(ledger: Ledger, job_id: str, *, take: int = 0) -> Rejudged:
    """A later look that finds a twin."""
    record = next(record for record in ledger.results(RUN) if record.job_id == job_id)
    twin = Finding(check="duplicate", value=0, limit=6, passed=False, severity="reject")
    return Rejudged(job_id, take, record.verdict or judge(()), Verdict(status="rejected", findings=(twin,)))


def test_a_later_look_changes_the_verdicts_of_many(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(4)
    ledger.add_jobs(RUN, jobs)
    finish(ledger, ids(jobs)[:3])
    seen = [rejected(ledger, job.job_id) for job in jobs[:2]]
    assert ledger.rejudge(seen) == set(ids(jobs)[:2])
    records = list(ledger.results(RUN))
    assert [record.verdict for record in records[:2]] == [each.after for each in seen]
    assert [record.verdict.status for record in records[2:] if record.verdict] == ["approved"]
    assert [[record.job_id for record in page] for page in ledger.judged(RUN)] == [ids(jobs)[:3]]


def test_a_later_look_leaves_alone_what_is_no_longer_as_it_was(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(4)
    ledger.add_jobs(RUN, jobs)
    finish(ledger, ids(jobs)[:3])
    decided, ordered, unlike = (rejected(ledger, job.job_id) for job in jobs[:3])
    wish = Wish(decided.job_id, "approve", ledger.version(decided.job_id), who="A", request="1")
    ledger.decide(wish)
    ledger.order_take(ordered.job_id, "", who="A", request="2")
    waiting = rejected(ledger, jobs[3].job_id)
    assert ledger.rejudge([decided, ordered, unlike._replace(take=1), waiting]) == set()
    assert [record.verdict.status for record in ledger.results(RUN) if record.verdict] == ["approved", "approved"]
    assert ledger.rejudge([]) == set()


def test_shards_group_what_batches_well_in_catalogue_order(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    small, large = plan(5), plan(3, first=10, width=1024)
    mixed = [small[0], large[0], small[1], small[2], large[1], small[3], large[2], small[4]]
    ledger.add_jobs(RUN, mixed)
    shards = ledger.next_shards(RUN, 2)
    assert [list(shard.job_ids) for shard in shards] == [
        ids(small[0:2]),
        ids(large[0:2]),
        ids(small[2:4]),
        ids(large[2:]),
        ids(small[4:]),
    ]
    assert len({shard.group_key for shard in shards}) == 2
    assert ledger.next_shards(RUN, 2, limit=1) == shards[:1]


def test_shards_hold_ready_jobs_only(ledger: Ledger) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(3)
    ledger.add_jobs(RUN, jobs)
    finish(ledger, [jobs[0].job_id])
    ledger.lease([jobs[1].job_id], owner="b", seconds=60)
    assert [shard.job_ids for shard in ledger.next_shards(RUN, 64)] == [(jobs[2].job_id,)]


def test_agents_report_by_the_databases_clock(ledger: Ledger, open_another: Callable[[], Ledger]) -> None:
    card = Agent(id="host:0", host="host", device="cuda:0", model="kolors", memory=24000)
    ledger.heartbeat(card)
    first = open_another().agents()[0]
    ledger.heartbeat(card)
    second = ledger.agents(seen_within_seconds=60)[0]
    assert (second.host, second.memory) == ("host", 24000)
    assert second.last_seen >= first.last_seen > 1_700_000_000
    assert ledger.agents(seen_within_seconds=-60) == []


def test_shards_are_found_behind_what_is_finished_and_before_it_when_it_is_revived_elsewhere(
    ledger: Ledger, open_another: Callable[[], Ledger]
) -> None:
    ledger.begin_run(RUN, "{}")
    jobs = plan(4)
    ledger.add_jobs(RUN, jobs)
    first = ledger.lease(ids(jobs)[:1], owner="a", seconds=60)[0]
    ledger.fail(first.job_id, owner="a", attempt=first.attempt, reason="broken", final=True)
    finish(ledger, ids(jobs)[1:2])
    assert [shard.job_ids for shard in ledger.next_shards(RUN, 1, limit=1)] == [(jobs[2].job_id,)]
    open_another().revive(RUN)
    finish(ledger, ids(jobs)[2:])
    assert [shard.job_ids for shard in ledger.next_shards(RUN, 1, limit=1)] == [(jobs[0].job_id,)]


def test_runs_of_a_priority_wait_while_somebody_could_take_their_jobs(ledger: Ledger) -> None:
    jobs = plan(2)
    for run_id, priority in (("night", "normal"), ("urgent", "high")):
        ledger.begin_run(run_id, "{}")
        ledger.note(run_id, priority=priority)
        ledger.add_jobs(run_id, jobs)
    waiting = lambda: [run.run_id for run in ledger.waiting_runs(priority="high")]  # noqa: E731
    assert waiting() == ["urgent"]
    ledger.lease(ids(jobs), owner="a", seconds=60)
    assert waiting() == []
    ledger.release("a")
    ledger.cancel("urgent")
    assert waiting() == []
    ledger.resume("urgent")
    finish(ledger, ids(jobs)[:1])
    assert waiting() == ["urgent"]
    finish(ledger, ids(jobs)[1:])
    assert waiting() == []
