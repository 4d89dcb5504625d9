"""The manifest says all of it, and reads back."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tasks.delivery.ledger import JobRecord, Ledger, Rendition, open_ledger
from tasks.delivery.manifest import comparable, manifest_line, manifest_lines, read_manifest
from tasks.errors import LedgerError
from tasks.findings import Finding
from tasks.rendering.job import take_seed
from tests.delivery.small_jobs import plan, result

FIELDS = {
    *("sku", "scene", "variant", "take", "job_id", "status", "verdict", "prompt", "negative_prompt", "seed", "size"),
    *("model", "master", "renditions", "timings", "cost"),
}
ADDED = {"takes", "reason", "notes", "refused"}


@pytest.fixture
def finished(tmp_path: Path) -> Ledger:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    jobs = plan(3)
    ledger.begin_run("r", "{}")
    ledger.add_jobs("r", jobs)
    made, dead = ledger.lease([job.job_id for job in jobs[:2]], owner="a", seconds=60)
    ledger.commit(made.job_id, owner="a", attempt=1, result=result(made.job_id, take=2))
    findings = (Finding(check="bytes", value=1000, limit=2000, passed=True),)
    taobao = Rendition("taobao", "rule", "renditions/taobao/x.jpg", "0" * 64, 800, 800, 1000, "jpeg", findings)
    ledger.put_renditions(made.job_id, 2, [taobao])
    ledger.fail(dead.job_id, owner="a", attempt=1, reason="image is gone", final=True)
    return ledger


@pytest.fixture
def records(finished: Ledger) -> list[JobRecord]:
    found = list(finished.results("r"))
    finished.close()
    return found


def test_a_line_holds_exactly_the_fields_of_the_contract(records: list[JobRecord]) -> None:
    line = orjson.loads(next(manifest_lines(records)))
    assert set(line) == FIELDS | ADDED
    assert set(line["verdict"]) == {"status", "findings"}
    assert {"check", "value", "limit", "passed"} <= set(line["verdict"]["findings"][0])
    assert set(line["model"]) == {"name", "revision", "precision"}
    assert set(line["master"]) == {"key", "sha256", "width", "height"}
    assert set(line["renditions"][0]) == {
        *("placement", "key", "sha256", "width", "height", "bytes", "format", "findings"),
    }


def test_a_finished_job_says_what_was_delivered(records: list[JobRecord]) -> None:
    line, job = manifest_line(records[0]), plan(1)[0].job
    assert (line.status, line.take, line.reason) == ("approved", 2, "")
    assert line.seed == take_seed(job.seed, 2)
    assert (line.prompt, line.negative_prompt, line.size) == (job.prompt, job.negative_prompt, (512, 512))
    assert line.timings == {"denoise": 1.5}
    assert line.notes == ("prompt was cut",)


def test_dead_and_unfinished_jobs_are_failed_with_their_reason(records: list[JobRecord]) -> None:
    dead, waiting = manifest_line(records[1]), manifest_line(records[2])
    assert (dead.status, dead.reason, dead.verdict, dead.master) == ("failed", "image is gone", None, None)
    assert (waiting.status, waiting.renditions) == ("failed", ())
    assert "not rendered" in waiting.reason


def test_a_manifest_reads_back_whole_or_line_by_line(records: list[JobRecord], tmp_path: Path) -> None:
    lines = list(manifest_lines(records))
    expected = [manifest_line(record) for record in records]
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    assert list(read_manifest(b"".join(lines))) == expected
    (tmp_path / "manifest.jsonl").write_bytes(b"".join(lines))
    with (tmp_path / "manifest.jsonl").open("rb") as file:
        assert list(read_manifest(file)) == expected


def test_chinese_and_line_separators_stay_on_one_line(records: list[JobRecord]) -> None:
    record = replace(records[1], sku="杯\u2028子\n", reason="第一行\n第二行")
    data = next(manifest_lines([record]))
    assert data.count(b"\n") == 1
    assert "第一行".encode() in data
    assert next(read_manifest(data)).sku == "杯\u2028子\n"


def test_a_field_from_a_later_version_is_no_obstacle(records: list[JobRecord]) -> None:
    line = orjson.loads(next(manifest_lines(records))) | {"added_later": 1}
    assert next(read_manifest(orjson.dumps(line))).sku == "SKU-0"


def test_a_damaged_line_is_named(records: list[JobRecord]) -> None:
    lines = list(manifest_lines(records))
    with pytest.raises(LedgerError, match="manifest line 2"):
        list(read_manifest([lines[0], lines[1][:40]]))
    with pytest.raises(LedgerError, match="line 1: sku"):
        list(read_manifest(lines[0].replace(b'"sku"', b'"sk"')))


def test_time_and_money_alone_are_not_compared(records: list[JobRecord]) -> None:
    line = manifest_line(records[0])
    assert comparable(line) == comparable(line.model_copy(update={"cost": 9.0, "timings": {"denoise": 9.0}}))
    for change in ({"seed": 1}, {"status": "review"}, {"notes": ()}, {"renditions": ()}):
        assert comparable(line) != comparable(line.model_copy(update=change))
