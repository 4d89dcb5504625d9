"""Fetching with the Hub's own client from a Hub on this machine: pins, resumes, refuses silent changes."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tasks.errors import ModelError
from tasks.rendering.checkpoints.convert import convert_set
from tasks.rendering.checkpoints.fetch import fetch_set, pin_present
from tasks.rendering.checkpoints.hub import HuggingFaceHub
from tasks.rendering.checkpoints.layout import Located, locate
from tasks.rendering.checkpoints.lock import LOCK, Lock, read_lock
from tasks.rendering.checkpoints.names import IP_ADAPTER, IP_ADAPTER_FILE
from tasks.rendering.checkpoints.table import PublishedSet
from tasks.rendering.checkpoints.verify import verify
from tests.rendering.checkpoints.toyhub import ToyHub

INPAINTING = "Kolors-Inpainting"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def fetch(table: PublishedSet, folder: Path, hub: ToyHub, *, only: str = INPAINTING, update: bool = False) -> Lock:
    client = HuggingFaceHub(hub.address)
    return fetch_set(table, folder, hub=client, say=lambda _: None, only=(only,) if only else (), update=update)


def test_first_fetch_brings_wanted_files_only_and_pins_commit_and_digests(
    table: PublishedSet, tmp_path: Path, hub: ToyHub, random_set: Path
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


def test_second_fetch_sends_nothing_again(table: PublishedSet, tmp_path: Path, hub: ToyHub) -> None:
    first = fetch(table, tmp_path, hub)
    hub.requested.clear()
    second = fetch(table, tmp_path, hub)
    assert hub.requested == []
    assert second.revision == first.revision


def test_half_a_file_is_fetched_again(table: PublishedSet, tmp_path: Path, hub: ToyHub, random_set: Path) -> None:
    fetch(table, tmp_path, hub)
    path = tmp_path / INPAINTING / WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])
    fetch(table, tmp_path, hub)
    assert path.read_bytes() == (random_set / INPAINTING / WEIGHTS).read_bytes()


def test_repository_that_moved_on_is_refused_until_update(table: PublishedSet, tmp_path: Path, hub: ToyHub) -> None:
    before = fetch(table, tmp_path, hub)
    hub.commits[INPAINTING] = "2" * 40
    with pytest.raises(ModelError, match=r"pinned is commit 111111111111, the Hub answers with 222222222222"):
        fetch(table, tmp_path, hub)
    assert read_lock(tmp_path) == before
    assert fetch(table, tmp_path, hub, update=True).commits == {INPAINTING: "2" * 40}


def test_other_bytes_under_the_pinned_commit_are_refused(
    table: PublishedSet, tmp_path: Path, hub: ToyHub, random_set: Path
) -> None:
    own = shutil.copytree(random_set, tmp_path / "hub")
    hub.folder = own
    fetch(table, tmp_path / "kolors", hub)
    path = own / INPAINTING / "unet" / "config.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(ModelError, match=r"config\.json is not the file that was pinned"):
        fetch(table, tmp_path / "kolors", hub)


def test_pickle_that_was_converted_and_deleted_is_not_fetched_again(
    table: PublishedSet, tmp_path: Path, hub: ToyHub, random_set: Path
) -> None:
    own = shutil.copytree(random_set, tmp_path / "hub")
    hub.folder = own
    published = own / IP_ADAPTER / IP_ADAPTER_FILE
    groups: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, value in load_file(published).items():
        group, rest = key.split(".", 1)
        groups[group][rest] = value
    torch.save(groups, published.with_suffix(".bin"))
    published.unlink()

    home = tmp_path / "kolors"
    first = fetch(table, home, hub, only=IP_ADAPTER)
    list(convert_set(locate(table, tmp_path)))
    (home / IP_ADAPTER / IP_ADAPTER_FILE).with_suffix(".bin").unlink()
    hub.requested.clear()
    again = fetch(table, home, hub, only=IP_ADAPTER)

    assert hub.requested == []
    assert again.revision == first.revision
    assert [r for r in verify(locate(table, tmp_path), deep=True) if IP_ADAPTER in str(r) and r.state == "wrong"] == []


def test_digest_that_the_table_does_not_know_is_refused(table: PublishedSet, tmp_path: Path, hub: ToyHub) -> None:
    repo = table.repository(INPAINTING).model_copy(update={"sha256_starts": {WEIGHTS: "235db024"}})
    reviewed = table.model_copy(update={"repositories": (repo,)})
    with pytest.raises(ModelError, match=r"the reviewed table knows 235db024"):
        fetch(reviewed, tmp_path, hub)
    assert not (tmp_path / LOCK).exists()


def test_disk_without_room_is_named_before_anything_is_sent(
    table: PublishedSet, tmp_path: Path, hub: ToyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 10**10 - 10**9, 10**9))
    with pytest.raises(ModelError, match=r"has 1\.00 GB free"):
        fetch(table, tmp_path, hub)
    assert hub.requested == []


def test_repository_that_is_not_there_is_named(table: PublishedSet, tmp_path: Path, hub: ToyHub) -> None:
    with pytest.raises(ModelError, match=r"Kwai-Kolors/Kolors-ControlNet-Pose@main is not on the Hub"):
        fetch(table, tmp_path, hub, only="Kolors-ControlNet-Pose")


def test_no_way_to_the_hub_says_what_to_do_without_one(table: PublishedSet, tmp_path: Path, hub: ToyHub) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ModelError, match=r"could not be fetched .*copy the folder into SHANGXIN_MODELS_DIR"):
        fetch(table, tmp_path, hub)


def test_files_put_here_by_hand_can_be_pinned(located: Located) -> None:
    lock = pin_present(located.published, located.folder, located.places, commit="by hand")
    assert set(lock.repositories) == set(located.places)
    assert lock.repositories["Kolors-ControlNet-Canny"].commit == "by hand"
