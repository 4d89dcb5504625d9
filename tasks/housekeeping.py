"""What grows without end: reports of old runs, takes that later ones replaced, objects that belong to no job."""

import itertools
import re
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tasks.delivery.keys import manifest_key, run_prefix
from tasks.delivery.manifest import read_manifest
from tasks.errors import LedgerError
from tasks.storage.arrivals import Arrival, open_arrivals
from tasks.workplace import Workplace

PICTURES = ("masters/", "renditions/")
TAKE = re.compile(r"/(?P<job>[0-9a-f]{8,64})-(?P<take>\d+)\.[a-z0-9]+$")
PAGE = 500
DAY_SECONDS = 86_400
MOST_STRANGE = 0.5  # a larger share of objects that the ledger does not know means: the ledger is the stranger


class Tidied(NamedTuple):
    """What went, or would go. `superseded` are pictures of earlier takes, `orphans` those of no job."""

    runs: int
    superseded: int
    orphans: int
    bytes: int


def tidy_store(workplace: Workplace, *, days: int, dry_run: bool) -> Tidied:
    """Sweep what is older than `days`; `dry_run` only counts. LedgerError where the ledger does not fit the store.

    Pictures that a manifest in the store lists are never orphans, whoever's ledger knows them. Snapshots and manifests
    of runs that stay keep what they list.
    """
    before = time.time() - days * DAY_SECONDS
    runs = workplace.ledger.runs_before(before, keep=workplace.settings.keep_runs)
    listed = _listed_elsewhere(workplace, going=set(runs))
    superseded, orphans = _stale_pictures(workplace, before, listed)
    if not dry_run:
        for arrival in (*superseded, *orphans):
            workplace.store.delete(arrival.key)
        workplace.ledger.forget_old_takes()
        for run_id in runs:
            for key in list(workplace.store.keys(run_prefix(run_id))):
                workplace.store.delete(key)
        workplace.ledger.forget_runs(runs)
    gone = sum(arrival.bytes for arrival in (*superseded, *orphans))
    return Tidied(len(runs), len(superseded), len(orphans), gone)


def _stale_pictures(workplace: Workplace, before: float, listed: set[str]) -> tuple[list[Arrival], list[Arrival]]:
    arrivals = open_arrivals(workplace.settings.store_uri, **workplace.access(workplace.settings.store_uri))
    superseded: list[Arrival] = []
    orphans: list[Arrival] = []
    seen = 0
    for prefix in PICTURES:
        for page in _pages(arrivals.listed(prefix, deep=True)):
            seen += len(page)
            current = workplace.ledger.current_keys(arrival.key for arrival in page) | listed
            old = [arrival for arrival in page if arrival.key not in current and arrival.modified < before]
            jobs = [match["job"] for arrival in old if (match := TAKE.search(arrival.key))]
            busy, known = workplace.ledger.unsettled(jobs), workplace.ledger.find_done(jobs)
            for arrival in old:
                match = TAKE.search(arrival.key)
                if match and match["job"] in busy:
                    continue  # stored, and about to be committed
                (superseded if match and match["job"] in known else orphans).append(arrival)
    if seen and len(orphans) > MOST_STRANGE * seen:
        raise LedgerError(
            f"{len(orphans)} of {seen} pictures in {workplace.store.uri} are unknown to {workplace.ledger.name}: it is "
            "another store's ledger, or a new one. Nothing was deleted. `shangxin restore` enters what the store holds."
        )
    return superseded, orphans


def _listed_elsewhere(workplace: Workplace, *, going: set[str]) -> set[str]:
    """Keys in manifests of runs that this ledger does not know: another ledger may share the store."""
    known = {run.run_id for run in workplace.ledger.runs(limit=1_000_000)}
    names = {key.split("/")[1] for key in workplace.store.keys("runs/") if key.endswith("/manifest.jsonl")}
    keys: set[str] = set()
    for run_id in names - known - going:
        for line in read_manifest(workplace.store.get(manifest_key(run_id))):
            keys.update(made.key for made in line.renditions)
            keys.update(take.key for take in line.takes)
            if line.master:
                keys.add(line.master.key)
    return keys


def _pages(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    iterator = iter(arrivals)
    while page := list(itertools.islice(iterator, PAGE)):
        yield page
