"""Fetching with the Hub's own client from a Hub on this machine: pins, resumes, refuses silent changes."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tasks.errors import ModelError
from tasks.rendering.checkpoints.fetch import fetch_set, pin_present
from tasks.rendering.checkpoints.hub import HuggingFaceHub
from tasks.rendering.checkpoints.layout import Located
from tasks.rendering.checkpoints.lock import LOCK, Lock, read_lock
from tasks.rendering.checkpoints.table import PublishedSet

INPAINTING = "Kolors-Inpainting"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def fetch(table: PublishedSet, folder: Path, hub: object, *, only: str = INPAINTING, update: bool = False) -> Lock:
    client = HuggingFaceHub(hub.address)  # type: ignore[attr-defined]
    return fetch_set(table, folder, hub=client, say=lambda _: None, only=(only,) if only else (), update=update)


def test_first_fetch_brings_wanted_files_only_and_pins_commit_and_digests(
    table: PublishedSet, tmp_path: Path, hub: object, random_set: Path
) -> None:
    base = "Kolors-diffusers"
    lock = fetch(table, tmp_path / "kolors", hub, only=base)

    there = {p.relative_to(random_set / base).as_posix() for p in (random_set / base).rglob("*") if p.is_file()}
    assert set(lock.repositories[base].files) <= there
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in lock.repositories[base].files
    assert lock.repositories[base].commit == "d" * 40
    for name, file in lock.repositories[base].files.items():
        assert (tmp_path / "kolors" / base / name).read_bytes() == (random_set / base / name).read_bytes()
        assert file.size == (random_set / base / name).stat().st_size
    assert read_lock(tmp_path / "kolors") == lock


def test_second_fetch_sends_nothing_again(table: PublishedSet, tmp_path: Path, hub: object) -> None:
    first = fetch(table, tmp_path, hub)
    hub.requested.clear()  # type: ignore[attr-defined]
    second = fetch(table, tmp_path, hub)
    assert hub.requested == []  # type: ignore[attr-defined]
    assert second.revision == first.revision


def test_half_a_file_is_fetched_again(table: PublishedSet, tmp_path: Path, hub: object, random_set: Path) -> None:
    fetch(table, tmp_path, hub)
    path = tmp_path / INPAINTING / WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])
    fetch(table, tmp_path, hub)
    assert path.read_bytes() == (random_set / INPAINTING / WEIGHTS).read_bytes()


def test_repository_that_moved_on_is_refused_until_update(table: PublishedSet, tmp_path: Path, hub: object) -> None:
    before = fetch(table, tmp_path, hub)
    hub.commits[INPAINTING] = "2" * 40  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"pinned is commit 111111111111, the Hub answers with 222222222222"):
        fetch(table, tmp_path, hub)
    assert read_lock(tmp_path) == before
    assert fetch(table, tmp_path, hub, update=True).commits == {INPAINTING: "2" * 40}


def test_other_bytes_under_the_pinned_commit_are_refused(
    table: PublishedSet, tmp_path: Path, hub: object, random_set: Path
) -> None:
    own = shutil.copytree(random_set, tmp_path / "hub")
    hub.folder = own  # type: ignore[attr-defined]
    fetch(table, tmp_path / "kolors", hub)
    path = own / INPAINTING / "unet" / "config.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(ModelError, match=r"config\.json is not the file that was pinned"):
        fetch(table, tmp_path / "kolors", hub)


def test_digest_that_the_table_does_not_know_is_refused(table: PublishedSet, tmp_path: Path, hub: object) -> None:
    repo = table.repository(INPAINTING).model_copy(update={"sha256_starts": {WEIGHTS: "235db024"}})
    reviewed = table.model_copy(update={"repositories": (repo,)})
    with pytest.raises(ModelError, match=r"the reviewed table knows 235db024"):
        fetch(reviewed, tmp_path, hub)
    assert not (tmp_path / LOCK).exists()


def test_disk_without_room_is_named_before_anything_is_sent(
    table: PublishedSet, tmp_path: Path, hub: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 10**10 - 10**9, 10**9))
    with pytest.raises(ModelError, match=r"has 1\.00 GB free"):
        fetch(table, tmp_path, hub)
    assert hub.requested == []  # type: ignore[attr-defined]


def test_repository_that_is_not_there_is_named(table: PublishedSet, tmp_path: Path, hub: object) -> None:
    with pytest.raises(ModelError, match=r"Kwai-Kolors/Kolors-ControlNet-Pose@main is not on the Hub"):
        fetch(table, tmp_path, hub, only="Kolors-ControlNet-Pose")


def test_no_way_to_the_hub_says_what_to_do_without_one(table: PublishedSet, tmp_path: Path, hub: object) -> None:
    hub.shutdown()  # type: ignore[attr-defined]
    hub.server_close()  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"could not be fetched .*copy the folder into SHANGXIN_MODELS_DIR"):
        fetch(table, tmp_path, hub)


def test_files_put_here_by_hand_can_be_pinned(located: Located) -> None:
    lock = pin_present(located.published, located.folder, located.places, commit="by hand")
    assert set(lock.repositories) == set(located.places)
    assert lock.repositories["Kolors-ControlNet-Canny"].commit == "by hand"
