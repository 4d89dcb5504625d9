"""Published sets are found in plain folders and in the Hub's cache, under a revision that changes with the files."""

import shutil
from pathlib import Path

import pytest
import torch

from tasks.errors import ModelError
from tasks.rendering.checkpoints.fetch import pin_present
from tasks.rendering.checkpoints.layout import Located, locate
from tasks.rendering.checkpoints.present import find_published, revision
from tasks.rendering.checkpoints.table import PublishedSet
from tasks.rendering.loader import load_control, load_parts
from tasks.rendering.modelset import find_model_set, published_model_set

A, B = "a" * 40, "b" * 40


def in_hub_cache(models_dir: Path, commits: tuple[str, ...] = (A,)) -> Path:
    """The same repositories as the Hub's client caches them."""
    cache = models_dir / "cache"
    for place in sorted((models_dir / "kolors").iterdir()):
        cached = cache / f"models--Kwai-Kolors--{place.name}"
        for commit in commits:
            shutil.copytree(place, cached / "snapshots" / commit)
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text(commits[-1])
    return cache


def test_plain_folders_are_found_and_what_lacks_is_known(located: Located) -> None:
    assert set(located.places) >= {"Kolors-diffusers", "Kolors-Inpainting", "Kolors-IP-Adapter-Plus"}
    assert [repo.folder for repo in located.missing] == ["Kolors-ControlNet-Pose"]
    assert located.lacks_required == ()


def test_hub_cache_is_found_at_the_snapshot_its_ref_names(table: PublishedSet, models_dir: Path) -> None:
    cache = in_hub_cache(models_dir, (A, B))
    assert {place.name for place in locate(table, cache).places.values()} == {B}


def test_lock_decides_between_snapshots(table: PublishedSet, models_dir: Path) -> None:
    cache = in_hub_cache(models_dir, (A, B))
    located = locate(table, cache, commits={"Kolors-Inpainting": A})
    assert located.places["Kolors-Inpainting"].name == A
    assert located.places["Kolors-diffusers"].name == B


def test_pinned_snapshot_that_is_gone_is_refused(table: PublishedSet, models_dir: Path) -> None:
    cache = in_hub_cache(models_dir)
    with pytest.raises(ModelError, match=r"set\.lock\.json pins cccccccccccc"):
        locate(table, cache, commits={"Kolors-Inpainting": "c" * 40})


def test_several_snapshots_without_a_ref_are_not_guessed_at(table: PublishedSet, models_dir: Path) -> None:
    cache = in_hub_cache(models_dir, (A, B))
    shutil.rmtree(cache / "models--Kwai-Kolors--Kolors-Inpainting" / "refs")
    with pytest.raises(ModelError, match="holds 2 snapshots"):
        locate(table, cache)


def test_set_in_the_hub_cache_loads_every_part(table: PublishedSet, models_dir: Path) -> None:
    found = published_model_set(locate(table, in_hub_cache(models_dir))).model_copy(update={"published": ""})
    parts = load_parts(found, device=torch.device("cpu"))
    assert parts.unet.conv_in.in_channels == 9
    assert parts.unet.dtype == torch.bfloat16
    assert parts.ip_adapter is not None
    assert load_control(found, "canny", dtype=torch.float32).config.encoder_hid_dim == 64


def test_revision_of_unpinned_files_changes_with_a_weight(table: PublishedSet, models_dir: Path) -> None:
    before = revision(locate(table, models_dir))
    assert before == revision(locate(table, models_dir))
    path = models_dir / "kolors" / "Kolors-diffusers" / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert revision(locate(table, models_dir)) != before
    assert before.startswith("unpinned-")


def test_revision_of_a_pinned_set_is_the_digest_of_its_lock(located: Located) -> None:
    lock = pin_present(located.published, located.folder, located.places)
    assert revision(located) == lock.revision


def test_file_that_changed_since_it_was_pinned_is_refused(located: Located, models_dir: Path) -> None:
    pin_present(located.published, located.folder, located.places)
    config = located.places["Kolors-Inpainting"] / "unet" / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(ModelError, match=r"config\.json has \d+ bytes, pinned in set\.lock\.json are \d+"):
        find_published(located.published, models_dir)


def test_set_without_its_base_is_named(table: PublishedSet, models_dir: Path) -> None:
    shutil.rmtree(models_dir / "kolors" / "Kolors-diffusers")
    with pytest.raises(ModelError, match=r"lacks Kolors-diffusers; run `shangxin models fetch kolors`"):
        find_published(table, models_dir)


def test_set_that_is_not_here_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="run `shangxin models fetch kolors`"):
        find_model_set("kolors", models_dir=tmp_path)


def test_published_folder_is_a_model_set_with_terms_from_the_table(models_dir: Path) -> None:
    found = find_model_set("kolors", models_dir=models_dir)
    assert (found.precision, found.native_size, found.draft) == ("bf16", 1024, False)
    assert "ChatGLM3" in found.licence
    assert found.repository("Kolors-Inpainting") == models_dir / "kolors" / "Kolors-Inpainting"


def test_published_set_of_the_wrong_width_is_refused_before_weights_are_read(models_dir: Path) -> None:
    found = find_model_set("kolors", models_dir=models_dir)
    told = (
        r"embedding\.word_embeddings\.weight is \[1024, 64\]; expected \[65024, 4096\].*shangxin models verify kolors"
    )
    with pytest.raises(ModelError, match=told):
        load_parts(found, device=torch.device("cpu"))
