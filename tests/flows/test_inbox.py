"""Catalogues dropped into an inbox: in a folder, in S3 by listing, in S3 by events through SQS."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
from pydantic import SecretStr

from flows.inbox import take_drop, watch_inbox
from tasks.delivery.keys import manifest_key
from tasks.inbox import Desk, is_catalogue, run_id_of
from tasks.settings import PROJECT, Settings, use_settings
from tasks.storage.arrivals import Arrival
from tasks.workplace import Workplace, open_workplace
from tests.storage.faulty import FaultyStore, NthPut, never

pytestmark = pytest.mark.usefixtures("prefect_server")

BRIEF = "scenes: [white-studio]\nplacements: [taobao-main]\nmodel: sleep-1ms\n"
QUEUES = count()


@pytest.fixture
def folder(tmp_path: Path, small_templates: Path) -> Iterator[Path]:
    """An inbox in a folder, empty."""
    root = tmp_path / "drops"
    (root / "inbox").mkdir(parents=True)
    use_settings(
        Settings(
            out=tmp_path / "out", templates=small_templates, inbox=str(root), inbox_settle_seconds=0, inbox_tries=2
        )
    )
    yield root
    use_settings(None)


def drop(catalogue: Path, root: Path, *, brief: str = BRIEF, name: str = "goods.csv") -> Path:
    for picture in catalogue.parent.glob("p*.png"):
        shutil.copy(picture, root / "inbox")
    stem = name.partition(".")[0]
    if brief:
        (root / "inbox" / f"{stem}.brief.yaml").write_text(brief, encoding="utf-8")
    return Path(shutil.copy(catalogue, root / "inbox" / name))


def status_of(root: Path, stem: str = "goods") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "inbox" / f"{stem}.status.json").read_text(encoding="utf-8"))
    return found


def test_a_drop_is_made_by_its_brief_and_answered_beside_it(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder)
    (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    assert outcome["counts"]["total"] == outcome["counts"]["approved"] == 3
    status = status_of(folder)
    assert (status["run_id"], status["state"], status["tries"]) == (outcome["run_id"], "done", 1)
    assert ",image,no.png," in (folder / "inbox" / "goods.bad_rows.csv").read_text(encoding="utf-8-sig")
    assert len((folder / "inbox" / "goods.results.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    moved = folder / "processed" / status["run_id"]
    assert {path.name for path in moved.iterdir()} == {"goods.csv", "goods.brief.yaml"}
    assert not (folder / "inbox" / "goods.csv").exists()
    assert watch_inbox() == []


def test_the_same_file_twice_is_the_same_run_and_renders_nothing(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder)
    (first,) = watch_inbox()
    drop(catalogue, folder)
    (second,) = watch_inbox()

    assert second["run_id"] == first["run_id"]
    assert second["counts"]["fresh"] == 0 or second["counts"] == first["counts"]
    assert len(open_workplace().ledger.runs()) == 1
    assert open_workplace().ledger.size() == 3
    assert not (folder / "inbox" / "goods.csv").exists()


@pytest.mark.parametrize(
    ("brief", "text", "expected"),
    [
        ("scenes: [white-studio]\ncatalog: /etc/passwd.csv\n", None, "Leave it out"),
        ("scens: [white-studio]\n", None, "scens"),
        (BRIEF + "copy_file: ../../etc/passwd\n", None, "lies outside"),
        (BRIEF + "copy_file: /etc/passwd\n", None, "lies outside"),
        ("scenes: [white-studoi]\nmodel: sleep-1ms\n", None, "white-studio"),
        (BRIEF, "sku,title,image\n", "no rows"),
        (BRIEF, "sku,title,image\nA,B,gone.png\n", "none of the 1 rows"),
    ],
)
def test_what_cannot_be_made_moves_to_failed_with_its_reason(
    brief: str, text: str | None, expected: str, catalogue: Path, folder: Path
) -> None:
    path = drop(catalogue, folder, brief=brief)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    (outcome,) = watch_inbox()

    assert outcome["state"] == "failed"
    assert expected in status_of(folder)["reason"]
    assert (folder / "failed" / outcome["run_id"] / "goods.csv").exists()
    assert watch_inbox() == []


def test_one_bad_drop_does_not_keep_the_others_waiting(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder, name="a.csv").write_text("nonsense", encoding="utf-8")
    drop(catalogue, folder, name="b.csv")
    outcomes = {outcome["file"]: outcome["state"] for outcome in watch_inbox()}
    assert outcomes == {"a.csv": "failed", "b.csv": "done"}


def test_what_changes_between_two_looks_is_left_for_later(catalogue: Path, folder: Path) -> None:
    """The second look is made while somebody still writes: `grow` runs between the two."""
    path = drop(catalogue, folder)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:40], encoding="utf-8")

    class Writing(Desk):
        def waiting(self) -> list[Arrival]:
            found = super().waiting()
            path.write_text(whole, encoding="utf-8")
            return found

    assert Writing(open_workplace()).whole() == []
    assert [each.key for each in Desk(open_workplace()).whole()] == ["inbox/goods.csv"]


def test_a_rewrite_during_the_run_is_a_new_campaign_afterwards(catalogue: Path, folder: Path) -> None:
    path = drop(catalogue, folder)
    workplace = open_workplace()
    store = workplace.store
    newer = catalogue.read_text(encoding="utf-8") + "E-5,新杯,p0.png,drinkware\n"
    workplace.store = FaultyStore(store, lambda key: rewrite(path, newer) if key.startswith("masters/") else None)
    (first,) = watch_inbox()
    workplace.store = store
    assert path.read_text(encoding="utf-8") == newer
    (second,) = watch_inbox()

    assert first["run_id"] != second["run_id"]
    assert (first["counts"]["total"], second["counts"]["total"]) == (3, 4)
    assert (folder / "processed" / second["run_id"] / "goods.csv").read_text(encoding="utf-8") == newer
    assert (folder / "processed" / second["run_id"] / "goods.brief.yaml").exists()


def rewrite(path: Path, text: str) -> None:
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def test_an_outage_leaves_the_drop_waiting_and_the_next_look_finishes_it(catalogue: Path, folder: Path) -> None:
    from tasks.errors import StorageUnavailable

    drop(catalogue, folder)
    workplace = open_workplace()
    store = FaultyStore(workplace.store, NthPut("masters/", 2, StorageUnavailable("the store is away")))
    workplace.store = store
    (first,) = watch_inbox()
    assert (first["state"], first["tries"]) == ("interrupted", 1)
    assert (folder / "inbox" / "goods.csv").exists()

    store.fault = never
    (second,) = watch_inbox()
    assert (second["state"], second["tries"], second["run_id"]) == ("done", 2, first["run_id"])


def test_what_dies_each_time_is_set_aside(catalogue: Path, folder: Path) -> None:
    """Two beginnings that nobody finished, as a killed watcher leaves them: the third sets the drop aside."""
    drop(catalogue, folder)
    desk = Desk(open_workplace())
    for _ in range(2):
        desk.begin(desk.waiting()[0])
    (outcome,) = watch_inbox()
    assert outcome["state"] == "failed"
    assert "2 interrupted tries" in outcome["reason"]
    assert (folder / "failed" / outcome["run_id"] / "goods.csv").exists()


@pytest.mark.slow
def test_a_watcher_killed_in_the_middle_loses_nothing(
    catalogue: Path, folder: Path, warm_home: Path, small_templates: Path
) -> None:
    """A real process, kill -9 when some pictures are made: the next watcher goes on, and renders only the rest."""
    out = open_workplace().settings.out
    shutil.copytree(warm_home, out / ".prefect")
    drop(
        catalogue, folder, brief=BRIEF.replace("[white-studio]", "[white-studio, wood-morning]").replace("1ms", "900ms")
    )
    environment = {
        **os.environ,
        "SHANGXIN_OUT": str(out),
        "SHANGXIN_TEMPLATES": str(small_templates),
        "SHANGXIN_INBOX_SETTLE_SECONDS": "0",
        "PYTHONPATH": str(PROJECT),
    }
    command = [sys.executable, "-m", "flows", "inbox", str(folder)]
    with (out / "watcher.log").open("wb") as log:
        watcher = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 150
    while not list((out / "masters").rglob("*.png")):
        assert watcher.poll() is None, (out / "watcher.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(watcher.pid, signal.SIGKILL)
    watcher.wait()
    before = {path: path.stat().st_mtime_ns for path in (out / "masters").rglob("*.png")}
    ledger = open_workplace().ledger
    committed = ledger.states().get("done", 0)
    assert status_of(folder)["state"] == "running"
    for owner in ledger.owners():
        ledger.bury(owner)  # as its leases would run out
    (outcome,) = watch_inbox()

    assert (outcome["state"], outcome["tries"]) == ("done", 2)
    assert outcome["counts"]["total"] == 6
    assert outcome["run_id"] == ledger.runs()[0].run_id
    assert len(ledger.runs()) == 1
    untouched = [path for path, written in before.items() if path.stat().st_mtime_ns == written]
    assert len(untouched) >= committed
    assert (folder / "processed" / outcome["run_id"] / "goods.csv").exists()


def test_two_watchers_with_one_drop_make_it_once(catalogue: Path, folder: Path) -> None:
    drop(catalogue, folder)
    here, there = Desk(open_workplace()), Desk(open_workplace())
    (seen_here,), (seen_there,) = here.whole(), there.whole()
    done = take_in_flow(here, seen_here)
    assert done["state"] == "done"
    assert take_in_flow(there, seen_there) is None


def take_in_flow(desk: Desk, arrival: Arrival) -> Any:
    outcome = take_drop(desk, arrival)
    return outcome.model_dump() if outcome else None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("inbox/goods.csv", True),
        ("inbox/货 品.XLSX", True),
        ("inbox/goods.csv.gz", True),
        ("inbox/goods.bad_rows.csv", False),
        ("inbox/goods.brief.yaml", False),
        ("inbox/old/goods.csv", False),
        ("inbox/.goods.csv", False),
        ("processed/goods.csv", False),
    ],
)
def test_only_tables_right_under_the_inbox_are_drops(key: str, expected: bool) -> None:
    assert is_catalogue(key) is expected


def test_a_run_id_is_a_key_whatever_the_file_is_called() -> None:
    names = ("inbox/../../etc.csv", "inbox/新品 目录.xlsx", "inbox/" + "x" * 200 + ".csv")
    for name in names:
        assert manifest_key(run_id_of(Arrival(name, "e", 1, 0.0), "")).startswith("runs/inbox-")


# ---- S3


@pytest.fixture
def s3(s3_endpoint: str) -> Iterator[Any]:
    client = boto3.client("s3", endpoint_url=s3_endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    yield client
    client.close()


@pytest.fixture
def sqs(s3_endpoint: str) -> Iterator[Any]:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client("sqs", endpoint_url=s3_endpoint, region_name="us-east-1", **keys)
    yield client
    client.close()


@pytest.fixture
def in_s3(s3_endpoint: str, bucket: str, tmp_path: Path, small_templates: Path) -> Iterator[Callable[..., Workplace]]:
    """Puts settings with an inbox in S3 in force; the inbox's bucket has access of its own, the pictures' has none."""

    def open_with(**changes: Any) -> Workplace:
        own = {"endpoint": s3_endpoint, "access_key": "a", "secret_key": "b", "tags": {"from": "inbox"}}
        settings = Settings(
            out=tmp_path / "out",
            templates=small_templates,
            inbox=f"s3://{bucket}/shop",
            s3_buckets={bucket: own},
            inbox_settle_seconds=0,
            inbox_queue_endpoint=s3_endpoint,
            **changes,
        )
        use_settings(settings)
        return open_workplace()

    yield open_with
    use_settings(None)


def upload(s3: Any, bucket: str, catalogue: Path, name: str = "新 品+1.csv") -> None:
    for picture in catalogue.parent.glob("p*.png"):
        s3.upload_file(str(picture), bucket, f"shop/inbox/{picture.name}")
    s3.put_object(Bucket=bucket, Key=f"shop/inbox/{name.partition('.')[0]}.brief.yaml", Body=BRIEF.encode())
    s3.upload_file(str(catalogue), bucket, f"shop/inbox/{name}")


def keys_of(s3: Any, bucket: str, prefix: str) -> set[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
    return {entry["Key"].removeprefix(prefix) for entry in found}


def make_queue(sqs: Any, **attributes: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=f"drops-{next(QUEUES)}", Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_without_a_queue_the_bucket_is_listed(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    in_s3()
    upload(s3, bucket, catalogue)
    (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    assert keys_of(s3, bucket, f"shop/processed/{outcome['run_id']}/") == {"新 品+1.csv", "新 品+1.brief.yaml"}
    here = keys_of(s3, bucket, "shop/inbox/")
    assert {"新 品+1.status.json", "新 品+1.bad_rows.csv", "新 品+1.results.jsonl"} <= here
    assert "新 品+1.csv" not in here
    tagged = s3.get_object_tagging(Bucket=bucket, Key="shop/inbox/新 品+1.status.json")["TagSet"]
    assert tagged == [{"Key": "from", "Value": "inbox"}]


def test_an_event_through_the_queue_starts_a_campaign_and_its_messages_are_settled(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    url, arn = make_queue(sqs)
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]})
    workplace = in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue)
    notices = Desk(workplace).receive(wait_seconds=1)
    assert (bucket, "shop/inbox/新 品+1.csv") in {place for notice in notices for place in notice.places}
    with Desk(workplace).attending(notices):
        (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    while Desk(workplace).waiting() or depth(sqs, url):  # the answers' own events
        assert watch_inbox() == []


def event(bucket: str, key: str) -> str:
    from urllib.parse import quote_plus

    place = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}}
    return orjson.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": place}]}).decode()


def test_doubled_reordered_and_foreign_messages_do_no_harm(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    url, _ = make_queue(sqs)
    in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue, "goods.csv")
    bodies = [
        event(bucket, "shop/inbox/later.csv"),
        *3 * [event(bucket, "shop/inbox/goods.csv")],
        event("another-bucket", "shop/inbox/goods.csv"),
        event(bucket, "shop/inbox/../../etc/passwd.csv"),
        '{"Event": "s3:TestEvent"}',
        "no JSON at all",
        orjson.dumps({"Message": event(bucket, "shop/inbox/goods.csv")}).decode(),
    ]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (outcome,) = watch_inbox()

    assert outcome["state"] == "done"
    assert watch_inbox() == []
    assert depth(sqs, url) == 0
    assert len(open_workplace().ledger.runs()) == 1


def test_the_message_of_a_watcher_that_died_comes_back_and_the_run_goes_on(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    """Its message was received and never settled, its run had begun: the next watcher goes on with both."""
    dead, dead_arn = make_queue(sqs)
    policy = orjson.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5}).decode()
    url, _ = make_queue(sqs, RedrivePolicy=policy)
    workplace = in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue, "goods.csv")
    sqs.send_message(QueueUrl=url, MessageBody=event(bucket, "shop/inbox/goods.csv"))
    desk = Desk(workplace)
    (notice,) = desk.receive(wait_seconds=1)
    first = desk.begin(desk.whole()[0])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=notice.handle, VisibilityTimeout=0)  # time passes

    (outcome,) = watch_inbox()
    assert (outcome["state"], outcome["run_id"], outcome["tries"]) == ("done", first.status.run_id, 2)
    assert depth(sqs, url) == depth(sqs, dead) == 0


def test_a_message_whose_drop_must_wait_goes_back(
    catalogue: Path, bucket: str, s3: Any, sqs: Any, in_s3: Callable[..., Workplace]
) -> None:
    from tasks.errors import StorageUnavailable

    url, _ = make_queue(sqs)
    workplace = in_s3(inbox_queue=url)
    upload(s3, bucket, catalogue, "goods.csv")
    sqs.send_message(QueueUrl=url, MessageBody=event(bucket, "shop/inbox/goods.csv"))
    workplace.store = FaultyStore(workplace.store, NthPut("masters/", 1, StorageUnavailable("away")))
    (outcome,) = watch_inbox()

    assert outcome["state"] == "interrupted"
    assert depth(sqs, url) == 1


def test_credentials_of_a_bucket_are_used_for_that_bucket_alone(in_s3: Callable[..., Workplace], bucket: str) -> None:
    workplace = in_s3(s3_access_key=SecretStr("all"), s3_secret_key=SecretStr("others"))
    assert workplace.access(f"s3://{bucket}/x")["access_key"].get_secret_value() == "a"  # type: ignore[union-attr]
    assert workplace.access("s3://pictures/x")["access_key"].get_secret_value() == "all"  # type: ignore[union-attr]
    assert workplace.access("s3://pictures/x")["tags"] == ()
