"""Stores and ledgers other than a folder with room: S3, PostgreSQL, outages in the middle of a run, a full disk."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from pydantic import SecretStr

from flows.campaign import produce_campaign
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import bad_rows_key, manifest_key, report_key
from tasks.delivery.ledger import Ledger
from tasks.delivery.manifest import comparable, read_manifest
from tasks.errors import LedgerError, StorageError, StorageUnavailable
from tasks.settings import Settings, use_settings
from tasks.storage.base import ObjectStore
from tasks.workplace import Workplace, open_workplace
from tests.storage.faulty import FaultyStore, NthPut, never

pytestmark = pytest.mark.usefixtures("prefect_server", "here")

TINY_DISK_KB = 1024


def brief_for(catalogue: object) -> CampaignBrief:
    scenes, placements = ("white-studio", "wood-morning"), ("taobao-main", "taobao-white")
    return CampaignBrief(catalog=str(catalogue), scenes=scenes, placements=placements, model="sleep-1ms")


def manifest_of(store: ObjectStore, run_id: str) -> list[dict[str, object]]:
    return [comparable(line) for line in read_manifest(store.get(manifest_key(run_id)))]


def lies_of(ledger: Ledger, store: ObjectStore, run_id: str) -> list[str]:
    """Keys that the ledger calls stored and the store does not have as described."""
    described = [
        (each.key, each.sha256)
        for record in ledger.results(run_id)
        for each in (*([record.master] if record.master else []), *record.renditions)
        if each.key
    ]
    return [key for key, sha256 in described if getattr(store.head(key), "sha256", "") != sha256]


def test_catalogue_pictures_and_deliveries_may_all_live_in_s3(
    catalogue: Path, bucket: str, s3_endpoint: str, here: Path, small_templates: Path
) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    for path in catalogue.parent.glob("*.*"):
        client.upload_file(str(path), bucket, f"tonight/{path.name}")
    client.close()
    elsewhere = Settings(
        out=here / "out",
        store=f"s3://{bucket}/shop",
        templates=small_templates,
        s3_endpoint=s3_endpoint,
        s3_access_key=SecretStr("a"),
        s3_secret_key=SecretStr("b"),
    )
    use_settings(elsewhere)
    counts = produce_campaign(brief_for(f"s3://{bucket}/tonight/{catalogue.name}"), "run-1")

    store, ledger = open_workplace().store, open_workplace().ledger
    assert (counts["total"], counts["failed"], counts["unfinished"]) == (6, 0, 0)
    assert len(manifest_of(store, "run-1")) == 6
    assert lies_of(ledger, store, "run-1") == []
    assert "5,image,no.png," in store.get(bad_rows_key("run-1")).decode()
    assert store.exists(report_key("run-1"))
    assert not (here / "out" / "masters").exists()


def test_the_ledger_may_live_in_postgresql(
    catalogue: Path, postgres_url: str, here: Path, small_templates: Path
) -> None:
    produce_campaign(brief_for(catalogue), "run-1")
    in_sqlite = manifest_of(open_workplace().store, "run-1")
    use_settings(Settings(out=here / "elsewhere", database=postgres_url, templates=small_templates))
    produce_campaign(brief_for(catalogue), "run-1")
    again = produce_campaign(brief_for(catalogue), "run-2")
    workplace = open_workplace()
    workplace.ledger.close()

    assert manifest_of(workplace.store, "run-1") == in_sqlite
    assert again["fresh"] == 0
    assert not (here / "elsewhere" / "ledger.db").exists()


OUTAGES = {
    "bad rows": ("runs/run-1/bad_rows.csv", 1, StorageUnavailable),
    "a master": ("masters/", 3, StorageUnavailable),
    "a rendition": ("renditions/", 2, StorageError),
    "the manifest": ("runs/run-1/manifest.jsonl", 1, StorageError),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_loses_nothing_and_the_next_run_finishes(outage: str, catalogue: Path) -> None:
    prefix, nth, kind = OUTAGES[outage]
    workplace = open_workplace()
    store = FaultyStore(workplace.store, NthPut(prefix, nth, kind("the store is away. Try again.")))
    workplace.store = store

    with pytest.raises(kind, match="the store is away"):
        produce_campaign(brief_for(catalogue), "run-1")
    assert workplace.ledger.owners() == []
    assert lies_of(workplace.ledger, store, "run-1") == []
    assert not store.exists(manifest_key("run-1"))
    before = workplace.ledger.counts("run-1")

    store.fault = never
    finished = produce_campaign(brief_for(catalogue), "run-2")
    assert (finished["total"], finished["unfinished"], finished["failed"]) == (6, 0, 0)
    assert finished["fresh"] == 6 - (before.total - before.unfinished)
    assert lies_of(workplace.ledger, store, "run-2") == []
    assert len(manifest_of(store, "run-2")) == 6


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TINY_DISK_KB}k", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk to fill: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("full", ["store", "ledger"])
def test_a_full_disk_is_told_leaves_no_half_object_and_is_gone_on_from(
    full: str, catalogue: Path, tiny_disk: Path, here: Path, small_templates: Path
) -> None:
    on_disk = {"store": {"store": str(tiny_disk)}, "ledger": {"database": f"sqlite:///{tiny_disk / 'ledger.db'}"}}
    use_settings(Settings(out=here / "out", templates=small_templates, **on_disk[full]))
    workplace = open_workplace()
    workplace.ledger.counts("none")  # its tables stand before the disk fills
    filler = tiny_disk / "filler"
    fill(filler, leave=12_000)

    with pytest.raises((StorageError, LedgerError), match=r"full|space"):
        produce_campaign(brief_for(catalogue), "run-1")
    filler.unlink()
    assert files_under(Path(workplace.store.uri)) == sorted(workplace.store.keys())
    assert lies_in_all(workplace) == []

    finished = produce_campaign(brief_for(catalogue), "run-2")
    assert (finished["total"], finished["unfinished"], finished["failed"]) == (6, 0, 0)
    workplace.ledger.close()


def files_under(store: Path) -> list[str]:
    """What a store's folders hold, leftovers of cut writes included."""
    folders = (store / name for name in ("masters", "renditions", "runs"))
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(store).as_posix() for path in files)


def fill(path: Path, *, leave: int) -> None:
    """Fill the disk with one file until `leave` bytes are free."""
    block = b"\0" * 4096
    with path.open("wb", buffering=0) as file:
        while free_bytes(path.parent) > leave:
            file.write(block)


def free_bytes(folder: Path) -> int:
    stats = os.statvfs(folder)
    return stats.f_bavail * stats.f_frsize


def lies_in_all(workplace: Workplace) -> list[str]:
    return [key for run in workplace.ledger.runs() for key in lies_of(workplace.ledger, workplace.store, run.run_id)]
