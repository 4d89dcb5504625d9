"""Make the ledger anew from the store alone: from the runs' snapshots, else from manifests and the masters' recipes."""

import io
import itertools
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson

from tasks.banners.master_png import decode_master, read_recipe
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.ledger import Campaign, JobResult, Master, Rendition
from tasks.delivery.manifest import ManifestLine, read_manifest
from tasks.delivery.snapshot import NAME, KeptJob, judged, kept_of_recipe, other_take, read_snapshot, snapshot_key
from tasks.errors import CompositionError, LedgerError, StorageError
from tasks.findings import Finding, Verdict
from tasks.quality.duplicates import sign
from tasks.shapes import Box
from tasks.storage.base import ObjectStore
from tasks.workplace import Workplace

BATCH = 500
READERS = 8
MASTER = re.compile(r"masters/[^/]+/(?P<job_id>[0-9a-f]{8,64})-(?P<take>\d+)\.png")
UNJUDGED = "restored from the store alone; no manifest says how it was judged"


class Restored(NamedTuple):
    """What came back. `lost` are masters that a manifest names and the store does not hold as described."""

    runs: int
    jobs: int
    masters: int
    unjudged: int
    lost: tuple[str, ...]


class Restorer:
    """Enters every run of the store that the ledger does not know. Doing it twice changes nothing."""

    def __init__(self, workplace: Workplace) -> None:
        self._store, self._ledger = workplace.store, workplace.ledger
        self._known: set[str] = set()  # jobs that this restoring has entered
        self._present = set(self._store.keys("masters/"))
        self._masters = 0
        self._lost: list[str] = []

    def restore(self) -> Restored:
        """Runs in the order in which they began, then masters that no run lists."""
        known_runs = {run.run_id for run in self._ledger.runs(limit=1_000_000)}
        keys = set(self._store.keys("runs/"))
        names = sorted({key.split("/")[1] for key in keys if key.endswith(("/manifest.jsonl", f"/{NAME}"))})
        found = [self._open(name, keys) for name in names if name not in known_runs]
        for run, jobs in sorted(found, key=lambda opened: opened[0].started):
            self._ledger.enter_run(run)
            for place, batch in enumerate(_batches(jobs)):
                self._enter(run.run_id, batch, first=place * BATCH)
        unjudged = self._enter_unlisted()
        return Restored(len(found), len(self._known), self._masters, unjudged, tuple(self._lost))

    def _open(self, run_id: str, keys: set[str]) -> tuple[Campaign, Iterator[KeptJob]]:
        if snapshot_key(run_id) in keys:
            return read_snapshot(io.BytesIO(self._store.get(snapshot_key(run_id))))
        lines = list(read_manifest(self._store.get(manifest_key(run_id))))
        model = lines[0].model.name if lines else "kolors-nano"
        brief = CampaignBrief(catalog=f"restored: {run_id}", model=model)
        run = Campaign(run_id, brief.model_dump_json(), "done", False, {"stage": "publishing"}, 0.0, 0.0)
        return run, self._from_manifest(lines)

    def _from_manifest(self, lines: list[ManifestLine]) -> Iterator[KeptJob]:
        with ThreadPoolExecutor(READERS) as readers:
            for kept in readers.map(self._from_master, lines):
                if kept:
                    yield kept

    def _from_master(self, line: ManifestLine) -> KeptJob | None:
        if line.master is None:
            return None  # a failed job: the next plan knows it, and it gets another chance
        data = _read_master(self._store, line.master.key, sha256=line.master.sha256)
        if data is None:
            self._lost.append(line.master.key)
            return None
        recipe: dict[str, Any] = orjson.loads(read_recipe(data) or "{}")
        signature = str(sign(decode_master(data)))
        result = judged(line, product_box=Box(*recipe["product_box"]), signature=signature)
        renditions = tuple(Rendition(rule="", **each.model_dump(exclude={"findings"})) for each in line.renditions)
        if result is None:
            return None
        others = tuple(other_take(take, result) for take in line.takes if take.take != line.take)
        kept = kept_of_recipe(recipe, result=result, renditions=renditions)
        return kept._replace(others=others, cost=line.cost)

    def _enter(self, run_id: str, batch: Sequence[KeptJob], *, first: int) -> None:
        earlier = self._ledger.find_done(kept.planned.job_id for kept in batch) - self._known
        batch = [self._checked(kept) for kept in batch if kept.planned.job_id not in earlier]
        self._ledger.enter_jobs(run_id, batch, first=first)
        self._masters += sum(kept.result is not None and kept.planned.job_id not in self._known for kept in batch)
        self._known.update(kept.planned.job_id for kept in batch)

    def _checked(self, kept: KeptJob) -> KeptJob:
        """A master that is gone from the store is rendered again: its job is entered, its result is not."""
        if kept.result is None or kept.result.master.key in self._present:
            return kept
        self._lost.append(kept.result.master.key)
        return kept._replace(result=None)

    def _enter_unlisted(self) -> int:
        """Masters of runs that never came to a manifest: not rendered again, but a person looks at them first."""
        newest: dict[str, tuple[int, str]] = {}
        for key in self._present:
            found = MASTER.fullmatch(key)
            if found and found["job_id"] not in self._known:
                newest[found["job_id"]] = max(newest.get(found["job_id"], (-1, "")), (int(found["take"]), key))
        done = self._ledger.find_done(newest)
        left = [key for job_id, (_, key) in newest.items() if job_id not in done]
        if not left:
            return 0
        run_id = "restored"
        brief = CampaignBrief(catalog="restored: masters without a run")
        self._ledger.enter_run(Campaign(run_id, brief.model_dump_json(), "stopped", False, {}, 0.0, 0.0))
        with ThreadPoolExecutor(READERS) as readers:
            jobs = (kept for kept in readers.map(self._unjudged, left) if kept)
            entered = 0
            for place, batch in enumerate(_batches(jobs)):
                self._enter(run_id, batch, first=place * BATCH)
                entered += len(batch)
        return entered

    def _unjudged(self, key: str) -> KeptJob | None:
        data = self._store.get(key)
        try:
            recipe: dict[str, Any] = orjson.loads(read_recipe(data) or "{}")
            pixels = decode_master(data)
            box, take = Box(*recipe["product_box"]), int(recipe["take"])
        except (CompositionError, KeyError, TypeError, ValueError):
            return None  # no master of ours, or a damaged one: it will be rendered again
        found = self._store.head(key)
        height, width = pixels.shape[:2]
        finding = Finding(check="restored", value=0, limit=0, passed=False, severity="review", detail=UNJUDGED)
        result = JobResult(
            take=take,
            verdict=Verdict(status="review", findings=(finding,)),
            master=Master(key, found.sha256 if found else "", width, height),
            product_box=box,
            notes=(UNJUDGED,),
            signature=str(sign(pixels)),
        )
        return kept_of_recipe(recipe, result=result)


def _read_master(store: ObjectStore, key: str, *, sha256: str) -> bytes | None:
    try:
        found = store.head(key)
        return store.get(key) if found and found.sha256 == sha256 else None
    except StorageError:
        if store.exists(key):
            raise
        return None


def _batches(jobs: Iterator[KeptJob]) -> Iterator[list[KeptJob]]:
    while batch := list(itertools.islice(jobs, BATCH)):
        yield batch


def restore_ledger(workplace: Workplace) -> Restored:
    """Enter what the store holds into the ledger; LedgerError where the store holds nothing to enter."""
    restored = Restorer(workplace).restore()
    if not restored.runs and not restored.unjudged and not workplace.ledger.size():
        raise LedgerError(f"{workplace.store.uri}: holds no runs and no masters. Name the right store with --store.")
    return restored
