"""Render a shard of jobs into stored, judged and composed masters. The ledger decides what is still to be done."""

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.banners.master_png import encode_master
from tasks.catalog.brief import CampaignBrief
from tasks.compose import Picture, compose_master
from tasks.crew import Finishers, LeaseKeeper
from tasks.delivery.keys import master_key
from tasks.delivery.ledger import JobResult, LeasedJob, Ledger, Master, Rendition, Settled
from tasks.delivery.recipe import master_recipe
from tasks.errors import CatalogError, CompositionError, ImageError, LedgerError, RenderError, StaleLease
from tasks.labelling import Labelling, origin_of
from tasks.precedence import Precedence
from tasks.quality.duplicates import sign
from tasks.rendering.renderer import CalledOff, Failed, Rendered, RenderRequest
from tasks.repairing import TakesOfJob, rework
from tasks.review import review_master
from tasks.telemetry import counts_failure, counts_picture, traced
from tasks.workplace import Workplace, open_workplace

# Jobs taken in hand at once: a death of this process is held against those and the few in the renderer's queues. The
# rest of the shard is only reserved.
IN_HAND = 4
LOOK_AGAIN_SECONDS = 0.5
SEEN_SECONDS = 60  # a renderer that the ledger has not heard of for so long is gone


def next_shard(run_id: str) -> list[str]:
    """Job ids of the next shard to render; empty when all is done, the run is cancelled or its budget is spent.

    Waits while others hold the last jobs: they will commit them, give them back, or fall silent until the lease ends.
    """
    workplace = open_workplace()
    ledger = workplace.ledger
    while not should_stop(ledger, run_id):
        ledger.expire()
        shards = ledger.next_shards(run_id, workplace.settings.shard_size, limit=1)
        if shards:
            return list(shards[0].job_ids)
        if not ledger.counts(run_id).unfinished:
            break
        time.sleep(LOOK_AGAIN_SECONDS)
    return []


def should_stop(ledger: Ledger, run_id: str) -> bool:
    """Cancelled, or over the brief's budget."""
    run = ledger.run(run_id)
    limit = CampaignBrief.model_validate_json(run.brief).max_cost
    return run.cancelled or (limit is not None and ledger.spent(run_id) >= limit)


@traced("render-shard")
def render_next(run_id: str, stopping: Callable[[], bool]) -> Counter[str]:
    """Render a run's next shards, whichever they are by now, for `turn_seconds`; counts by outcome, empty where
    nothing is left to take.

    `stopping` is asked between batches: once it says so, or a more urgent run waits, the rest goes back. LedgerError,
    StorageError.
    """
    workplace = open_workplace()
    ledger, size = workplace.ledger, workplace.settings.shard_size
    precedence, ends = Precedence(ledger, run_id), time.monotonic() + workplace.settings.turn_seconds
    model = CampaignBrief.model_validate_json(ledger.run(run_id).brief).model
    counts: Counter[str] = Counter()

    def leave() -> bool:
        return stopping() or precedence.overtaken()

    while time.monotonic() < ends and not leave() and not should_stop(ledger, run_id):
        ledger.expire()
        shards = ledger.next_shards(run_id, size, limit=1)
        if not shards:
            break
        job_ids = fair_share(shards[0].job_ids, size, renderers=renderers(ledger, model))
        counts += ShardRun(workplace, run_id, leave).render(job_ids)
    return counts


def fair_share(job_ids: Sequence[str], size: int, *, renderers: int) -> list[str]:
    """A full shard whole; of the last one only so much that the other renderers get their part."""
    if len(job_ids) >= size:
        return list(job_ids)
    return list(job_ids[: max(IN_HAND, math.ceil(len(job_ids) / renderers))])


def renderers(ledger: Ledger, model: str) -> int:
    """How many with that model set reported for work lately; at least the one that asks."""
    agents = ledger.agents(seen_within_seconds=SEEN_SECONDS)
    return max(1, sum(model in agent.model.split(",") for agent in agents))


def _never() -> bool:
    return False


@task(name="render-shard", task_run_name="render-shard-{number}", persist_result=False, cache_policy=NO_CACHE)
@traced("render-shard")
def render_shard(run_id: str, job_ids: list[str], number: int) -> dict[str, int]:
    """Render those of the jobs that nobody has done or holds; returns counts by outcome."""
    workplace = open_workplace()
    workplace.ledger.note(run_id, stage="rendering")
    counts = ShardRun(workplace, run_id).render(job_ids)
    get_run_logger().info("shard %d: %s", number, dict(counts))
    return dict(counts)


class ShardRun:
    """One shard under lease: a thread renews it, the renderer renders, finishers judge, store and commit."""

    def __init__(self, workplace: Workplace, run_id: str, stopping: Callable[[], bool] = _never) -> None:
        self._workplace, self._run_id, self._stopping = workplace, run_id, stopping
        self.run_id = run_id  # as logs and traces name it
        self._ledger, self._owner = workplace.ledger, workplace.owner
        brief = CampaignBrief.model_validate_json(self._ledger.run(run_id).brief)
        self._strict = brief.strict
        self._images = workplace.images(brief.catalog)
        self._labelling = Labelling(workplace, brief)
        self._candidates = brief.candidates
        self._counts: Counter[str] = Counter()
        self._ask_again, self._cancelled = 0.0, False

    def render(self, job_ids: list[str]) -> Counter[str]:
        """Counts by verdict, of `again` (another take follows), `failed` and `stale`.

        StorageError and LedgerError end the shard.
        """
        seconds = self._workplace.settings.lease_seconds
        leased = self._ledger.lease(job_ids, owner=self._owner, seconds=seconds, in_hand=False)
        try:
            # closed at once when anything fails: an error's traceback would keep the renderer's generator alive
            with (
                LeaseKeeper(self._ledger, self._owner, seconds),
                Finishers() as finishers,
                closing(self._outcomes(leased)) as outcomes,
            ):
                for lease, outcome in outcomes:
                    finishers.submit(lambda lease=lease, outcome=outcome: self._finish(lease, outcome))  # type: ignore[misc]
        finally:
            # whatever was not committed goes back: on Ctrl-C, on a full disk, when the budget is spent
            self._ledger.release(self._owner)
        return self._counts

    def _outcomes(self, leased: list[LeasedJob]) -> Generator[tuple[LeasedJob, Rendered | Failed]]:
        for model, group in itertools.groupby(leased, key=lambda lease: lease.job.model.name):
            renderer = self._workplace.renderer(model)
            leases = list(group)
            renderer.prepare(lease.job for lease in leases)
            hand = Hand()
            with closing(renderer.render(self._requests(leases, hand))) as outcomes:
                for outcome in outcomes:
                    lease, made = hand.take(outcome)
                    if not isinstance(made, CalledOff):
                        yield lease, made

    def _requests(self, leases: list[LeasedJob], hand: "Hand") -> Iterator[RenderRequest]:
        """Requests as the renderer has room for them; each few are taken in hand only then."""
        for batch in _batched(iter(leases), IN_HAND):
            if self._stopping() or should_stop(self._ledger, self._run_id):
                return
            mine = self._ledger.start([lease.job_id for lease in batch], owner=self._owner)
            for lease in batch:
                if lease.job_id in mine:
                    yield hand.put(lease, self._request(lease))

    def _request(self, lease: LeasedJob) -> RenderRequest | Failed:
        """The request with its pictures' bytes; Failed where they are gone or no longer those that were planned."""
        job, nothing = lease.job, RenderRequest(lease.job, lease.take, {})
        wanted = {lease.image: job.product_image}
        wanted |= zip(lease.facts.get("bundle", ()), (one.image for one in job.companions), strict=False)
        images = {}
        for reference, digest in wanted.items():
            try:
                data, found = self._images.read(reference), self._images.digest(reference)
            except CatalogError as error:
                return Failed(nothing, str(error))
            if found != digest:
                return Failed(nothing, f"{reference}: changed since it was planned; the next run plans it anew")
            images[digest] = data
        images |= self._workplace.reference_pictures(job)
        return RenderRequest(job, lease.take, images, lease.steering, wanted=self._is_wanted)

    def _is_wanted(self) -> bool:
        """Neither cancelled nor stopping; the ledger is asked now and then, and one that is away cancels nothing."""
        if time.monotonic() >= self._ask_again:
            self._ask_again = time.monotonic() + LOOK_AGAIN_SECONDS
            with suppress(LedgerError):
                self._cancelled = self._ledger.is_cancelled(self._run_id)
        return not (self._cancelled or self._stopping())

    @traced("finish")
    def _finish(self, lease: LeasedJob, outcome: Rendered | Failed) -> None:
        """Judge, store, compose and commit one outcome; a lease that another holds by now is dropped."""
        try:
            if isinstance(outcome, Failed):
                self._set_aside(lease, outcome.reason)
                return
            try:
                self._settle(lease, outcome)
            except (RenderError, CompositionError, ImageError) as error:
                self._set_aside(lease, str(error))  # its own fault, not the store's: the others go on
        except StaleLease:
            self._counts["stale"] += 1  # what we stored has the same key and the same bytes as theirs

    @counts_failure
    def _set_aside(self, lease: LeasedJob, reason: str) -> None:
        """The same pixels would fail the same way: not tried again until the next run asks for it.

        A repair that cannot be made leaves the job with the best take it had.
        """
        had = TakesOfJob(self._workplace, lease, candidates=1).settled
        if had and lease.steering.by != "person":
            self._ledger.settle(lease.job_id, owner=self._owner, attempt=lease.attempt, settled=had)
            self._counts[had.status] += 1
            return
        self._ledger.fail(lease.job_id, owner=self._owner, attempt=lease.attempt, reason=reason, final=True)
        self._counts["failed"] += 1

    def _settle(self, lease: LeasedJob, rendered: Rendered) -> None:
        """Judge the take and whatever the same decode can be repaired to; then deliver the best, or ask for another."""
        takes = TakesOfJob(self._workplace, lease, candidates=self._candidates)
        held: dict[str, Any] = {"owner": self._owner, "attempt": lease.attempt}
        while True:
            result = self._store(lease, rendered)
            order = takes.add(result)
            again = rework(lease, rendered, order) if order else None
            if again is None:
                break
            lease, rendered = again
        if order:
            self._ledger.pass_on(lease.job_id, **held, made=takes.made, order=order)
            self._counts["again"] += 1
            return
        settled = takes.settled or Settled(result.take, result.verdict.status)
        renditions: tuple[Rendition, ...] = ()
        if settled == (result.take, "approved"):  # another take's renditions are made of its stored master
            watch = StageWatch(result.timings)
            renditions = self._compose(lease, rendered)
            watch.lap("compose")
            result = result.timed(watch.seconds)
        self._ledger.commit(
            lease.job_id, **held, result=result, renditions=renditions, earlier=takes.made[:-1], settled=settled
        )
        self._counts[settled.status] += 1

    def _compose(self, lease: LeasedJob, rendered: Rendered) -> tuple[Rendition, ...]:
        picture = Picture(origin_of(lease), lease.facts, rendered.pixels, rendered.product_box, rendered.alpha)
        labelling = self._labelling
        return tuple(compose_master(self._workplace.store, picture, labelling.served_by(lease), labelling))

    @counts_picture
    def _store(self, lease: LeasedJob, rendered: Rendered) -> JobResult:
        watch = StageWatch(rendered.seconds)
        recipe = master_recipe(lease, product_box=rendered.product_box)
        encoded = encode_master(rendered.pixels, recipe=recipe)
        watch.lap("encode")
        served = tuple(placement.id for placement in self._labelling.served_by(lease))
        verdict = review_master(
            self._workplace, lease, rendered, encoded=encoded, strict=self._strict, placements=served
        )
        signature = str(sign(rendered.pixels))
        watch.lap("review")
        key = master_key(lease.sku, lease.job_id, lease.take)
        stored = self._workplace.store.put(key, encoded, content_type="image/png")
        watch.lap("store")
        height, width = rendered.pixels.shape[:2]
        result = JobResult(
            take=lease.take,
            verdict=verdict,
            master=Master(key, stored.sha256, width, height),
            product_box=rendered.product_box,
            cost=sum(rendered.seconds.values()) / 3600 * self._workplace.settings.gpu_hour_cost,
            notes=rendered.notes,
            signature=signature,
            steering=lease.steering,
        )
        return result.timed(watch.seconds)


class Hand:
    """The leases whose requests the renderer has; one that cannot be made fails there and gets its reason here."""

    def __init__(self) -> None:
        self._leases: dict[tuple[str, int], LeasedJob] = {}
        self._refused: dict[tuple[str, int], str] = {}

    def put(self, lease: LeasedJob, request: RenderRequest | Failed) -> RenderRequest:
        if isinstance(request, Failed):
            self._refused[request.request.job.job_id, lease.take] = request.reason
            request = request.request
        self._leases[request.job.job_id, request.take] = lease  # a steered take's job is not the lease's
        return request

    def take(self, outcome: Rendered | Failed) -> tuple[LeasedJob, Rendered | Failed]:
        key = outcome.request.job.job_id, outcome.request.take
        reason = self._refused.pop(key, None)
        return self._leases.pop(key), outcome if reason is None else Failed(outcome.request, reason)


class StageWatch:
    """Seconds by stage: the renderer's own, then one lap after another."""

    def __init__(self, seconds: object) -> None:
        self.seconds: dict[str, float] = dict(seconds)  # type: ignore[call-overload]
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now


def _batched(leases: Iterator[LeasedJob], size: int) -> Iterator[list[LeasedJob]]:
    while batch := list(itertools.islice(leases, size)):
        yield batch
