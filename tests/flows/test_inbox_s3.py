"""Catalogues dropped into S3: by listing, half-uploaded, rewritten, with keys of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from flows.inbox import watch_inbox
from tasks.inbox import Desk
from tasks.settings import Settings, use_settings
from tasks.storage.arrivals import Arrival
from tasks.workplace import Workplace
from tests.flows.dropping import keys_of, upload
from tests.storage.faulty import FaultyStore
from tests.storage.test_s3 import FaultyProxy

pytestmark = pytest.mark.usefixtures("prefect_server")


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


def test_credentials_of_a_bucket_are_used_for_that_bucket_alone(in_s3: Callable[..., Workplace], bucket: str) -> None:
    workplace = in_s3(s3_access_key=SecretStr("all"), s3_secret_key=SecretStr("others"))
    assert workplace.access(f"s3://{bucket}/x")["access_key"].get_secret_value() == "a"  # type: ignore[union-attr]
    assert workplace.access("s3://pictures/x")["access_key"].get_secret_value() == "all"  # type: ignore[union-attr]
    assert workplace.access("s3://pictures/x")["tags"] == ()


# ---- what has not arrived whole, and what changes afterwards


def test_an_upload_in_parts_is_no_drop_until_it_is_complete(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    upload(s3, bucket, catalogue, "other.csv")
    s3.delete_object(Bucket=bucket, Key="shop/inbox/other.csv")
    place = {"Bucket": bucket, "Key": "shop/inbox/goods.csv"}
    begun = s3.create_multipart_upload(**place)["UploadId"]
    part = s3.upload_part(**place, UploadId=begun, PartNumber=1, Body=catalogue.read_bytes())
    assert Desk(workplace).waiting() == []
    done = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**place, UploadId=begun, MultipartUpload=done)
    assert [each.key for each in Desk(workplace).whole()] == ["inbox/goods.csv"]


def test_what_is_rewritten_between_two_looks_waits_for_the_next(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    upload(s3, bucket, catalogue, "goods.csv")

    class Rewritten(Desk):
        def waiting(self) -> list[Arrival]:
            found = super().waiting()
            s3.put_object(Bucket=bucket, Key="shop/inbox/goods.csv", Body=catalogue.read_bytes() + b"\n")
            return found

    assert Rewritten(workplace).whole() == []
    assert [each.key for each in Desk(workplace).whole()] == ["inbox/goods.csv"]


def test_a_rewrite_during_the_run_stays_in_the_inbox_and_is_made_next(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    upload(s3, bucket, catalogue, "goods.csv")
    newer = catalogue.read_bytes() + "E-5,新杯,p0.png,drinkware\n".encode()
    place = {"Bucket": bucket, "Key": "shop/inbox/goods.csv"}
    store = workplace.store
    workplace.store = FaultyStore(store, lambda key: key.startswith("masters/") and s3.put_object(**place, Body=newer))
    (first,) = watch_inbox()
    workplace.store = store
    assert s3.get_object(**place)["Body"].read() == newer
    (second,) = watch_inbox()

    assert first["run_id"] != second["run_id"]
    assert (first["counts"]["total"], second["counts"]["total"]) == (3, 4)
    moved = f"shop/processed/{second['run_id']}/goods.csv"
    assert s3.get_object(Bucket=bucket, Key=moved)["Body"].read() == newer
    assert "goods.csv" not in keys_of(s3, bucket, "shop/inbox/")


def test_what_cannot_be_made_moves_to_failed_with_its_reason(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    in_s3()
    upload(s3, bucket, catalogue, "goods.csv")
    s3.put_object(Bucket=bucket, Key="shop/inbox/goods.brief.yaml", Body=b"copy_file: ../../secrets.csv\n")
    (outcome,) = watch_inbox()
    assert outcome["state"] == "failed"
    assert keys_of(s3, bucket, f"shop/failed/{outcome['run_id']}/") == {"goods.csv", "goods.brief.yaml"}
    status = orjson.loads(s3.get_object(Bucket=bucket, Key="shop/inbox/goods.status.json")["Body"].read())
    assert "lies outside" in status["reason"]


def test_a_copy_file_beside_the_drop_is_used(
    catalogue: Path, bucket: str, s3: Any, in_s3: Callable[..., Workplace]
) -> None:
    workplace = in_s3()
    copy = "sku,copy_headline\nB-2,明前头采\n".encode()
    s3.put_object(Bucket=bucket, Key="shop/inbox/words.copy.txt", Body=copy)
    found = workplace.copy_file(f"s3://{bucket}/shop/inbox/words.copy.txt")
    assert found.cells == {"B-2": {"copy_headline": "明前头采"}}


# ---- buckets of their own


class Witness(FaultyProxy):
    """Notes whose key each request to each bucket was signed with."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.seen: set[tuple[str, str]] = set()

    def _pass_on(self, client: Any, request: bytes, *, cut: bool) -> None:
        first, _, rest = request.partition(b"\r\n")
        who = rest.partition(b"Credential=")[2].partition(b"/")[0].decode()
        self.seen.add((first.split(b" ")[1].decode().split("/")[1].partition("?")[0], who))
        super()._pass_on(client, request, cut=cut)


def test_each_bucket_is_asked_with_its_own_key_at_its_own_endpoint(  # noqa: PLR0917 fixtures
    catalogue: Path, bucket: str, s3: Any, s3_endpoint: str, tmp_path: Path, small_templates: Path
) -> None:
    s3.create_bucket(Bucket="their-inbox")
    ours, theirs = Witness(s3_endpoint), Witness(s3_endpoint)
    own = {"endpoint": theirs.endpoint, "access_key": "their-key", "secret_key": "their-word"}
    use_settings(
        Settings(
            out=tmp_path / "out",
            templates=small_templates,
            store=f"s3://{bucket}/pictures",
            s3_endpoint=ours.endpoint,
            s3_access_key=SecretStr("our-key"),
            s3_secret_key=SecretStr("our-word"),
            inbox="s3://their-inbox/shop",
            s3_buckets={"their-inbox": own},
            inbox_settle_seconds=0,
        )
    )
    upload(s3, "their-inbox", catalogue, "goods.csv")
    (outcome,) = watch_inbox()
    use_settings(None)
    assert outcome["state"] == "done"
    assert ours.seen == {(bucket, "our-key")}
    assert theirs.seen == {("their-inbox", "their-key")}
    ours.close()
    theirs.close()
