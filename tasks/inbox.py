"""The desk where catalogues are dropped: which are whole, what their briefs say, what became of each.

`<root>/inbox/goods.csv` is a drop; `goods.brief.yaml` beside it may set the brief. `goods.status.json`,
`goods.bad_rows.csv` and `goods.results.jsonl` come back beside it, and the catalogue moves, with its brief, to
`<root>/processed/<run>/` or `<root>/failed/<run>/`. What is to be done is read from the inbox itself and from the
status files: events and messages only say when to look, so that lost, doubled and reordered ones do no harm.
"""

import datetime as dt
import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from tasks.catalog.brief import CampaignBrief, parse_brief
from tasks.catalog.source import SUFFIXES
from tasks.confinement import confined
from tasks.delivery.keys import bad_rows_key, manifest_key, report_key
from tasks.errors import ConfigurationError
from tasks.storage.arrivals import Arrival, Arrivals, open_arrivals
from tasks.storage.base import ObjectStore
from tasks.storage.open import open_store, parse_s3
from tasks.storage.queue import EventQueue, Notice
from tasks.workplace import Workplace

INBOX = "inbox/"
BRIEF, STATUS, BAD_ROWS, RESULTS = ".brief.yaml", ".status.json", ".bad_rows.csv", ".results.jsonl"
FINAL = frozenset({"done", "stopped", "failed"})
LARGEST_COPY = 64 << 20  # bytes; a longer list of results is named, not copied
SLUG = re.compile(r"[^A-Za-z0-9._-]+")
AGAIN_SECONDS = 30  # before a message whose drop is still waiting comes back

State = Literal["running", "interrupted", "done", "stopped", "failed"]


class DropStatus(BaseModel):
    """What became of one version of one drop, as its sender reads it. `tries` counts beginnings."""

    file: str
    etag: str
    bytes: int
    modified: float
    run_id: str
    state: State
    tries: int = 1
    reason: str = ""
    counts: Mapping[str, int] = {}
    files: Mapping[str, str] = {}
    updated: str = ""


class Order(NamedTuple):
    """A drop that is to be made now."""

    arrival: Arrival
    brief: CampaignBrief
    status: DropStatus


class Desk:
    """One inbox. `root` is what holds `inbox/`, `processed/` and `failed/`."""

    def __init__(self, workplace: Workplace, root: str = "") -> None:
        self.root = (root or workplace.settings.inbox).rstrip("/")
        if not self.root:
            raise ConfigurationError("no inbox is named. Give s3://bucket/prefix or set SHANGXIN_INBOX.")
        workplace.confine(self.root)
        self._workplace, self._settings = workplace, workplace.settings

    @cached_property
    def _arrivals(self) -> Arrivals:
        return open_arrivals(self.root, **self._workplace.access(self.root))

    @cached_property
    def _store(self) -> ObjectStore:
        return open_store(self.root, **self._workplace.access(self.root))

    @cached_property
    def _queue(self) -> EventQueue | None:
        url = self._settings.inbox_queue
        access = {**self._workplace.access(self.root), "endpoint": self._settings.inbox_queue_endpoint}
        return EventQueue(url, **access) if url else None  # type: ignore[arg-type]

    def receive(self, *, wait_seconds: float) -> list[Notice]:
        """Messages that say something has come, at once or within the time; without a queue it only waits."""
        if self._queue:
            return self._queue.receive(wait_seconds=int(wait_seconds))
        time.sleep(wait_seconds)
        return []

    @contextmanager
    def attending(self, notices: list[Notice]) -> Iterator[None]:
        """Keep messages hidden from other watchers during the work; those whose drops still wait come back after it."""
        if not self._queue:
            yield
            return
        with self._queue.keeping(notices):
            yield
        waiting = {arrival.key for arrival in self.waiting()} if any(notice.places for notice in notices) else set()
        for notice in notices:
            if waiting & {key for place in notice.places if (key := self._own_key(*place))}:
                self._queue.give_back(notice, seconds=AGAIN_SECONDS)
            else:
                self._queue.settle(notice)

    def waiting(self) -> list[Arrival]:
        """Catalogues in the inbox that were not brought to an end as they are now; the oldest first."""
        drops = [arrival for arrival in self._arrivals.listed(INBOX) if is_catalogue(arrival.key)]
        return sorted(
            (drop for drop in drops if not self._is_settled(drop)), key=lambda drop: (drop.modified, drop.key)
        )

    def whole(self) -> list[Arrival]:
        """Those that are the same at two looks, some seconds apart: what is still being written is left for later."""
        first = self.waiting()
        if not first:
            return []
        time.sleep(self._settings.inbox_settle_seconds)
        return [drop for drop in first if self._arrivals.look(drop.key) == drop]

    def is_current(self, arrival: Arrival) -> bool:
        """Nobody has rewritten, moved or deleted it since."""
        found = self._arrivals.look(arrival.key)
        return found is not None and found.etag == arrival.etag

    def begin(self, arrival: Arrival) -> Order:
        """Note that it is being worked on. ConfigurationError where its brief cannot be used or all tries are spent."""
        brief_arrival = self._arrivals.look(_beside(arrival.key, BRIEF))
        run_id = run_id_of(arrival, brief_arrival.etag if brief_arrival else "")
        before = self.status(arrival)
        tries = before.tries + 1 if before and before.run_id == run_id and before.state not in FINAL else 1
        status = DropStatus(**_facts(arrival), run_id=run_id, state="running", tries=tries)
        self._write_status(status)
        if before and tries > self._settings.inbox_tries:
            last = before.reason or "the process that worked on it died each time"
            raise ConfigurationError(f"set aside after {before.tries} interrupted tries; the last: {last}")
        brief = self._brief(arrival, brief_arrival)
        return Order(arrival, brief, status)

    def finish(self, order: Order, counts: Mapping[str, int]) -> DropStatus:
        """Put the results beside the drop and move it to `processed/`."""
        state: State = "stopped" if counts.get("unfinished") else "done"
        return self._settle(order.arrival, order.status, state=state, counts=counts)

    def fail(self, arrival: Arrival, reason: str) -> DropStatus:
        """Say why nothing can be made of it and move it to `failed/`."""
        status = self.status(arrival)
        if status is None:
            status = DropStatus(**_facts(arrival), run_id=run_id_of(arrival, ""), state="running")
        return self._settle(arrival, status, state="failed", reason=reason)

    def interrupt(self, arrival: Arrival, reason: str) -> DropStatus | None:
        """Say why it has to wait for another try."""
        status = self.status(arrival)
        return (
            self._write_status(status.model_copy(update={"state": "interrupted", "reason": reason})) if status else None
        )

    def status(self, arrival: Arrival) -> DropStatus | None:
        """What is known of this version of a drop."""
        key = _beside(arrival.key, STATUS)
        if not self._store.exists(key):
            return None
        try:
            status = DropStatus.model_validate_json(self._store.get(key))
        except ValidationError:
            return None  # somebody else's file: it will be replaced
        return status if (status.file, status.etag) == (_facts(arrival)["file"], arrival.etag) else None

    def _is_settled(self, arrival: Arrival) -> bool:
        """Brought to an end, but it could not be moved: only dropping it again makes it wait again."""
        status = self.status(arrival)
        return status is not None and status.state in FINAL and status.modified == arrival.modified

    def _brief(self, arrival: Arrival, brief: Arrival | None) -> CampaignBrief:
        catalog = f"{self.root}/{arrival.key}"
        if brief is None:
            return CampaignBrief(catalog=catalog)
        found = parse_brief(self._store.get(brief.key), where=brief.key, catalog=catalog)
        return confined(found, (f"{self.root}/{INBOX}",))  # whoever may drop files may read no others

    def _settle(self, arrival: Arrival, status: DropStatus, *, state: State, **facts: Any) -> DropStatus:
        files = {**self._copy_results(arrival, status.run_id), **self._addresses(status.run_id)}
        status = self._write_status(status.model_copy(update={"state": state, "files": files, **facts}))
        folder = f"{'failed' if state == 'failed' else 'processed'}/{status.run_id}/"
        moved = self._arrivals.move(arrival, folder + _name(arrival.key))
        brief = self._arrivals.look(_beside(arrival.key, BRIEF))
        if moved and brief:  # not moved: another watcher did it, or a newer one came, which the brief belongs to
            self._arrivals.move(brief, folder + _name(brief.key))
        return status

    def _copy_results(self, arrival: Arrival, run_id: str) -> dict[str, str]:
        """The run's bad rows and manifest beside the drop, as far as the run came to have them."""
        store = self._workplace.store
        copies = {}
        for suffix, key, kind in (
            (BAD_ROWS, bad_rows_key, "text/csv"),
            (RESULTS, manifest_key, "application/x-ndjson"),
        ):
            found = store.head(key(run_id))
            if found and found.bytes <= LARGEST_COPY:
                beside = _beside(arrival.key, suffix)
                self._store.put(beside, store.get(key(run_id)), content_type=kind)
                copies[suffix.split(".")[1]] = f"{self.root}/{beside}"
        return copies

    def _addresses(self, run_id: str) -> dict[str, str]:
        store = self._workplace.store
        named = {"report": report_key(run_id), "manifest": manifest_key(run_id)}
        return {name: f"{store.uri.rstrip('/')}/{key}" for name, key in named.items() if store.exists(key)}

    def _write_status(self, status: DropStatus) -> DropStatus:
        status = status.model_copy(update={"updated": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")})
        key = f"{INBOX}{status.file}"
        self._store.put(
            _beside(key, STATUS), status.model_dump_json(indent=2).encode(), content_type="application/json"
        )
        return status

    def _own_key(self, bucket: str, key: str) -> str:
        """The key under this root, or nothing where the event is about something else."""
        if not self.root.startswith("s3://"):
            return ""
        own, prefix = parse_s3(self.root)
        inside = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        return key.removeprefix(inside) if bucket == own and key.startswith(inside + INBOX) else ""


def is_catalogue(key: str) -> bool:
    """A table right under `inbox/` that we did not write ourselves."""
    name = key.removeprefix(INBOX)
    return (
        key.startswith(INBOX)
        and "/" not in name
        and not name.startswith(".")
        and name.casefold().endswith(SUFFIXES)
        and not name.endswith((BAD_ROWS, RESULTS))
    )


def run_id_of(arrival: Arrival, brief_etag: str) -> str:
    """The same bytes under the same name with the same brief are the same run, however often they come."""
    digest = hashlib.sha256(f"{arrival.key}\n{arrival.etag}\n{brief_etag}".encode()).hexdigest()[:12]
    slug = SLUG.sub("-", _stem(arrival.key)).strip("-.")[:40]
    return f"inbox-{slug}-{digest}" if slug else f"inbox-{digest}"


def _facts(arrival: Arrival) -> dict[str, Any]:
    return {
        "file": _name(arrival.key),
        "etag": arrival.etag,
        "bytes": arrival.bytes,
        "modified": arrival.modified,
    }


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _stem(key: str) -> str:
    name = _name(key)
    endings: Sequence[str] = sorted(SUFFIXES, key=len, reverse=True)
    ending = next((ending for ending in endings if name.casefold().endswith(ending)), "")
    return name[: len(name) - len(ending)]


def _beside(key: str, suffix: str) -> str:
    return f"{key[: len(key) - len(_name(key))]}{_stem(key)}{suffix}"
