"""Render a shard of jobs into stored, judged and composed masters. The ledger decides what is still to be done."""

import itertools
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.banners.master_png import encode_master
from tasks.catalog.brief import CampaignBrief
from tasks.compose import Picture, compose_master
from tasks.crew import Finishers, LeaseKeeper
from tasks.delivery.keys import master_key
from tasks.delivery.ledger import JobResult, LeasedJob, Ledger, Master, Rendition
from tasks.delivery.recipe import master_recipe
from tasks.errors import CatalogError, CompositionError, ImageError, RenderError, StaleLease
from tasks.labelling import Labelling, origin_of
from tasks.quality.duplicates import sign
from tasks.rendering.renderer import Failed, Rendered, RenderRequest
from tasks.review import review_master
from tasks.workplace import Workplace, open_workplace

# Jobs in hand at a time: those that a death of this process is held against. The rest of the shard is only reserved.
IN_HAND = 8
LOOK_AGAIN_SECONDS = 0.5


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


@task(name="render-shard", task_run_name="render-shard-{number}", persist_result=False, cache_policy=NO_CACHE)
def render_shard(run_id: str, job_ids: list[str], number: int) -> dict[str, int]:
    """Render those of the jobs that nobody has done or holds; returns counts by outcome."""
    workplace = open_workplace()
    workplace.ledger.note(run_id, stage="rendering")
    counts = ShardRun(workplace, run_id).render(job_ids)
    get_run_logger().info("shard %d: %s", number, dict(counts))
    return dict(counts)


class ShardRun:
    """One shard under lease: a thread renews it, the renderer renders, finishers judge, store and commit."""

    def __init__(self, workplace: Workplace, run_id: str) -> None:
        self._workplace, self._run_id = workplace, run_id
        self._ledger, self._owner = workplace.ledger, workplace.owner
        brief = CampaignBrief.model_validate_json(self._ledger.run(run_id).brief)
        self._images = workplace.images(brief.catalog)
        self._labelling = Labelling(workplace, brief)
        self._counts: Counter[str] = Counter()

    def render(self, job_ids: list[str]) -> Counter[str]:
        """Counts by verdict, of `failed` and of `stale`. StorageError and LedgerError end the shard."""
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
        by_model = itertools.groupby(leased, key=lambda lease: lease.job.model.name)
        for model, leases in by_model:
            for batch in _batched(leases, IN_HAND):
                if should_stop(self._ledger, self._run_id):
                    return
                mine = self._ledger.start([lease.job_id for lease in batch], owner=self._owner)
                yield from self._render([lease for lease in batch if lease.job_id in mine], model)

    def _render(self, batch: list[LeasedJob], model: str) -> Iterator[tuple[LeasedJob, Rendered | Failed]]:
        leases = {}
        requests = []
        for lease in batch:
            request = self._request(lease)
            if isinstance(request, Failed):
                yield lease, request
            else:
                leases[request.job.job_id, request.take] = lease  # a steered take's job is not the lease's
                requests.append(request)
        if requests:
            for outcome in self._workplace.renderer(model).render(requests):
                yield leases[outcome.request.job.job_id, outcome.request.take], outcome

    def _request(self, lease: LeasedJob) -> RenderRequest | Failed:
        """The request with its pictures' bytes; Failed where they are gone or no longer those that were planned."""
        job, nothing = lease.job, RenderRequest(lease.job, lease.take, {})
        try:
            data, found = self._images.read(lease.image), self._images.digest(lease.image)
        except CatalogError as error:
            return Failed(nothing, str(error))
        if found != job.product_image:
            return Failed(nothing, f"{lease.image}: changed since it was planned; the next run plans it anew")
        return RenderRequest(job, lease.take, {job.product_image: data, **self._references(lease)})

    def _references(self, lease: LeasedJob) -> dict[str, bytes]:
        library, reference = self._workplace.library, lease.job.reference
        wanted = set(reference.images) if reference else set()
        return {
            digest: (library.folder / path).read_bytes()
            for path, digest in library.references.items()
            if digest in wanted
        }

    def _finish(self, lease: LeasedJob, outcome: Rendered | Failed) -> None:
        """Judge, store, compose and commit one outcome; a lease that another holds by now is dropped."""
        try:
            if isinstance(outcome, Failed):
                self._set_aside(lease, outcome.reason)
                return
            try:
                result, renditions = self._deliver(lease, outcome)
            except (RenderError, CompositionError, ImageError) as error:
                self._set_aside(lease, str(error))  # its own fault, not the store's: the others go on
                return
            self._ledger.commit(
                lease.job_id, owner=self._owner, attempt=lease.attempt, result=result, renditions=renditions
            )
            self._counts[result.verdict.status] += 1
        except StaleLease:
            self._counts["stale"] += 1  # what we stored has the same key and the same bytes as theirs

    def _set_aside(self, lease: LeasedJob, reason: str) -> None:
        """The same pixels would fail the same way: not tried again until the next run asks for it."""
        self._ledger.fail(lease.job_id, owner=self._owner, attempt=lease.attempt, reason=reason, final=True)
        self._counts["failed"] += 1

    def _deliver(self, lease: LeasedJob, rendered: Rendered) -> tuple[JobResult, tuple[Rendition, ...]]:
        watch = StageWatch(rendered.seconds)
        recipe = master_recipe(lease, product_box=rendered.product_box)
        encoded = encode_master(rendered.pixels, recipe=recipe)
        watch.lap("encode")
        verdict = review_master(self._workplace, lease, rendered, encoded=encoded)
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
        )
        renditions: tuple[Rendition, ...] = ()
        if verdict.status == "approved":
            picture = Picture(origin_of(lease), lease.facts, rendered.pixels, rendered.product_box, rendered.alpha)
            labelling = self._labelling
            wanted = labelling.placements_of(lease.sku, lease.facts)
            renditions = tuple(compose_master(self._workplace.store, picture, wanted, labelling))
        watch.lap("compose")
        return result.timed(watch.seconds), renditions


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
