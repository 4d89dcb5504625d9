"""What differs between a round's end and the same campaign undisturbed."""

from collections.abc import Iterator

from tasks.delivery.keys import manifest_key
from tasks.delivery.manifest import comparable, read_manifest
from tasks.workplace import Workplace
from tests.chaos.installation import Undisturbed


def differences(place: Workplace, run_id: str, expected: Undisturbed, poisoned: str = "") -> Iterator[str]:
    """The same job ids, the same checksums, nothing twice, nothing missing; the poisoned job set aside and reported."""
    yield from _in_ledger(place, run_id, expected, poisoned)
    yield from _in_store(place, expected, poisoned)
    yield from _in_manifest(place, run_id, expected, poisoned)


def _in_ledger(place: Workplace, run_id: str, expected: Undisturbed, poisoned: str) -> Iterator[str]:
    records = list(place.ledger.results(run_id))
    found = {record.job_id: record for record in records}
    if len(found) != len(records):
        yield f"{len(records) - len(found)} jobs are in the run twice"
    yield from (f"{job_id} is not in the ledger" for job_id in sorted(expected.lines.keys() - found.keys()))
    yield from (f"{job_id} nobody asked for" for job_id in sorted(found.keys() - expected.lines.keys()))
    for job_id in expected.lines.keys() & found.keys():
        record, wanted = found[job_id], expected.lines[job_id]["master"]["sha256"]
        if job_id == poisoned:
            if record.state != "dead" or "killed its renderer" not in record.reason:
                yield f"poisoned {job_id} is {record.state} ({record.reason})"
            continue
        stored = place.store.head(record.master.key) if record.master else None
        if record.state != "done" or stored is None or stored.sha256 != wanted:
            yield f"{job_id} is {record.state}, stored {stored}, expected {wanted} ({record.reason})"


def _in_store(place: Workplace, expected: Undisturbed, poisoned: str) -> Iterator[str]:
    keys = {key for key in place.store.keys("masters/") if any(job_id in key for job_id in expected.lines)}
    missing = {key for key in expected.masters - keys if not poisoned or poisoned not in key}
    yield from (f"{key} is missing" for key in sorted(missing))
    yield from (f"{key} nobody asked for" for key in sorted(keys - expected.masters))
    for rendition in (each for line in expected.lines.values() for each in line["renditions"]):
        if poisoned and poisoned in rendition["key"]:
            continue
        stored = place.store.head(rendition["key"])
        if stored is None or stored.sha256 != rendition["sha256"]:
            yield f"{rendition['key']} is {stored}, expected {rendition['sha256']}"


def _in_manifest(place: Workplace, run_id: str, expected: Undisturbed, poisoned: str) -> Iterator[str]:
    lines = list(read_manifest(place.store.get(manifest_key(run_id))))
    if len(lines) != len(expected.lines):
        yield f"the manifest has {len(lines)} lines, expected {len(expected.lines)}"
    found = {line.job_id: comparable(line) for line in lines}
    wrong = [job_id for job_id, line in expected.lines.items() if job_id != poisoned and found.get(job_id) != line]
    if wrong:
        yield f"{len(wrong)} manifest lines differ, {wrong[0]}: {found.get(wrong[0])} != {expected.lines[wrong[0]]}"
    if poisoned and found.get(poisoned, {}).get("status") != "failed":
        yield f"poisoned {poisoned} is not reported as failed: {found.get(poisoned)}"
