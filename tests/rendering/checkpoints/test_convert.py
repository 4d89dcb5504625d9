"""Pickles are read once, without running anything of theirs, and never again."""

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel, CLIPVisionModelWithProjection

from tasks.errors import ModelError
from tasks.rendering.checkpoints.check import check_repository
from tasks.rendering.checkpoints.convert import convert_image_encoder, convert_ip_adapter, convert_set
from tasks.rendering.checkpoints.fetch import pin_present
from tasks.rendering.checkpoints.layout import Located
from tasks.rendering.checkpoints.lock import read_lock
from tasks.rendering.checkpoints.names import IP_ADAPTER, IP_ADAPTER_FILE, IP_ADAPTER_PICKLES, VISION_PICKLE
from tasks.rendering.checkpoints.verify import verify
from tasks.rendering.loader import load_image_encoder, load_parts
from tasks.rendering.modelset import published_model_set

CPU = torch.device("cpu")


@pytest.fixture
def adapter(models_dir: Path) -> Path:
    return models_dir / "kolors" / IP_ADAPTER


def pickled(adapter: Path, name: str = IP_ADAPTER_PICKLES[0]) -> dict[str, dict[str, torch.Tensor]]:
    """Put the adapter back into the published form: one pickle of two dictionaries."""
    groups: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, value in load_file(adapter / IP_ADAPTER_FILE).items():
        group, rest = key.split(".", 1)
        groups[group][rest] = value
    torch.save(groups, adapter / name)
    (adapter / IP_ADAPTER_FILE).unlink()
    return groups


class Payload:
    """Unpickled carelessly, this makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", IP_ADAPTER_PICKLES)
def test_pickled_adapter_becomes_safetensors_of_the_same_values(adapter: Path, name: str) -> None:
    groups = pickled(adapter, name)
    made = load_file(convert_ip_adapter(adapter))
    flat = {f"{group}.{key}": value for group in groups for key, value in groups[group].items()}
    assert made.keys() == flat.keys()
    assert all(torch.equal(made[key], flat[key]) for key in flat)
    assert sorted(path.name for path in adapter.glob("*ip_adapter*")) == sorted([IP_ADAPTER_FILE, name])


def test_set_with_a_pickled_adapter_loads_and_later_needs_no_pickle(located: Located, adapter: Path) -> None:
    pickled(adapter)
    found = published_model_set(located).model_copy(update={"published": ""})
    first = load_parts(found, device=CPU).ip_adapter
    (adapter / IP_ADAPTER_PICKLES[0]).write_bytes(b"opened again, this would raise")
    second = load_parts(found, device=CPU).ip_adapter
    assert first is not None
    assert second is not None
    assert torch.equal(first["image_proj"]["latents"], second["image_proj"]["latents"])


@pytest.mark.parametrize("careless", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, 2))])
def test_malicious_pickle_is_refused_and_not_run(adapter: Path, tmp_path: Path, careless: Any) -> None:
    pickled(adapter)
    trap = tmp_path / "sprung"
    careless({"image_proj": {}, "ip_adapter": Payload(trap)}, adapter / IP_ADAPTER_PICKLES[0])
    with pytest.raises(ModelError, match=r"refused and nothing of it was run"):
        convert_ip_adapter(adapter)
    assert not trap.exists()
    assert not (adapter / IP_ADAPTER_FILE).exists()


def test_half_a_pickle_leaves_nothing_behind(adapter: Path) -> None:
    pickled(adapter)
    path = adapter / IP_ADAPTER_PICKLES[0]
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"half a file|refused"):
        convert_ip_adapter(adapter)
    assert [other.name for other in adapter.iterdir() if other.is_file()] == [path.name]


def test_lfs_pointer_in_place_of_a_pickle_is_told(adapter: Path) -> None:
    pickled(adapter)
    (adapter / IP_ADAPTER_PICKLES[0]).write_bytes(b"version https://git-lfs.github.com/spec/v1\nsize 1013104640\n")
    with pytest.raises(ModelError, match="git-lfs pointer"):
        convert_ip_adapter(adapter)


def test_pickle_of_something_else_is_refused(adapter: Path) -> None:
    pickled(adapter)
    torch.save({"state_dict": {"a": torch.zeros(2)}}, adapter / IP_ADAPTER_PICKLES[0])
    with pytest.raises(ModelError, match=r"holds \['state_dict'\]; expected the two groups image_proj, ip_adapter"):
        convert_ip_adapter(adapter)


def whole_clip(folder: Path) -> CLIPVisionModelWithProjection:
    """Replace the vision tower by a whole CLIP in one pickle, as OpenAI published it; returns the tower expected."""
    shutil.rmtree(folder)
    text = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "eos_token_id": 2}
    text |= {"num_attention_heads": 2, "projection_dim": 16, "bos_token_id": 0, "pad_token_id": 1}
    vision = {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision |= {"image_size": 28, "patch_size": 14, "projection_dim": 16}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    clip = CLIPModel(config).eval()
    config.save_pretrained(folder)
    older = {"vision_model.embeddings.position_ids": torch.arange(5)[None]}  # old exports stored this buffer
    torch.save({**clip.state_dict(), **older}, folder / VISION_PICKLE)
    tower = CLIPVisionModelWithProjection(clip.config.vision_config).eval()
    tower.load_state_dict({k: v for k, v in clip.state_dict().items() if k.startswith(("vision_model.", "visual_"))})
    return tower


def test_whole_clip_becomes_its_vision_tower_with_the_same_output(adapter: Path) -> None:
    tower = whole_clip(adapter / "image_encoder")
    loaded = load_image_encoder(adapter / "image_encoder", dtype=torch.float32)
    pixels = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(loaded(pixels).image_embeds, tower(pixels).image_embeds)
    made = load_file(convert_image_encoder(adapter / "image_encoder"))
    assert not [key for key in made if key.startswith("text_") or key.endswith("position_ids")]


def test_converting_a_pinned_set_pins_the_copies_so_that_pickles_may_go(located: Located, adapter: Path) -> None:
    pickled(adapter)
    whole_clip(adapter / "image_encoder")
    before = pin_present(located.published, located.folder, located.places).revision

    assert len(list(convert_set(located))) == 2
    (adapter / IP_ADAPTER_PICKLES[0]).unlink()
    (adapter / "image_encoder" / VISION_PICKLE).unlink()

    lock = read_lock(located.folder)
    assert lock is not None
    assert lock.revision == before
    assert [str(remark) for remark in verify(located, deep=True) if remark.state == "wrong"] == []


def test_pickle_not_yet_converted_is_noted_with_the_command(located: Located, adapter: Path) -> None:
    pickled(adapter)
    repo = located.published.repository(IP_ADAPTER)
    notes = [remark for remark in check_repository(repo, adapter) if remark.state == "note"]
    assert [remark.where.name for remark in notes if "a pickle" in remark.found] == [IP_ADAPTER_PICKLES[0]]
    assert "shangxin models convert" in notes[0].remedy
