"""A damaged or wrong model set is told from a right one, by name and with a way out."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.errors import ModelError
from tasks.rendering.checkpoints.names import BASE, INPAINTING, IP_ADAPTER, IP_ADAPTER_FILE
from tasks.rendering.loader import load_control, load_parts
from tasks.rendering.modelset import find_model_set, read_model_set, resolve_model

CPU = torch.device("cpu")
UNET = Path(INPAINTING, "unet", "diffusion_pytorch_model.safetensors")


@pytest.fixture
def copied(random_set: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(random_set, tmp_path / "copied"))


def load(folder: Path) -> object:
    return load_parts(read_model_set(folder), device=CPU)


def rewrite(path: Path, change: object) -> None:
    tensors = load_file(path)
    change(tensors)  # type: ignore[operator]
    save_file(tensors, path, metadata={"format": "pt"})


def test_whole_set_loads_with_nine_channels(random_set: Path) -> None:
    parts = load_parts(read_model_set(random_set), device=CPU)
    assert parts.unet.conv_in.in_channels == 9
    assert parts.vae.dtype == torch.float32


def test_half_downloaded_file_is_named_with_its_size(copied: Path) -> None:
    path = copied / UNET
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match=r"diffusion_pytorch_model\.safetensors \(\d+ bytes\) is half a file"):
        load(copied)


def test_missing_shard_of_the_text_encoder_is_named(copied: Path) -> None:
    shard = min((copied / BASE / "text_encoder").glob("*.safetensors"))
    shard.unlink()
    with pytest.raises(ModelError, match=shard.name):
        load(copied)


def test_missing_folder_is_named(copied: Path) -> None:
    shutil.rmtree(copied / BASE / "vae")
    with pytest.raises(ModelError, match=r"vae is missing"):
        load(copied)


def test_tensor_that_the_file_lacks_is_named_instead_of_left_random(copied: Path) -> None:
    shard = max((copied / BASE / "text_encoder").glob("*.safetensors"))
    lost = sorted(load_file(shard))[0]
    rewrite(shard, lambda tensors: tensors.pop(lost))
    with pytest.raises(ModelError, match=r"missing \['" + lost):
        load(copied)


def test_unet_without_text_projection_is_told_from_the_original_repository(copied: Path) -> None:
    rewrite(copied / UNET, lambda tensors: tensors.pop("encoder_hid_proj.weight"))
    with pytest.raises(ModelError, match=r"lacks encoder_hid_proj\.weight"):
        load(copied)


def test_projection_that_is_not_finite_is_refused(copied: Path) -> None:
    rewrite(copied / UNET, lambda tensors: tensors["encoder_hid_proj.weight"].fill_(float("nan")))
    with pytest.raises(ModelError, match="not finite"):
        load(copied)


def test_base_unet_in_the_inpainting_folder_is_noticed(copied: Path) -> None:
    base = copied / BASE / "unet"
    shutil.copy(base / "config.json", copied / UNET.parent / "config.json")
    shutil.copy(base / "diffusion_pytorch_model.fp16.safetensors", copied / UNET)
    with pytest.raises(ModelError, match="takes 4 channels, 9 expected"):
        load(copied)


def test_files_without_the_fp16_suffix_point_to_the_right_repository(copied: Path) -> None:
    folder = copied / BASE / "vae"
    (folder / "diffusion_pytorch_model.fp16.safetensors").rename(folder / "diffusion_pytorch_model.safetensors")
    with pytest.raises(ModelError, match="Kolors-diffusers"):
        load(copied)


def test_weights_of_another_type_are_refused(copied: Path) -> None:
    path = copied / BASE / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    save_file({key: tensor.to(torch.int8) for key, tensor in load_file(path).items()}, path)
    with pytest.raises(ModelError, match="holds I8; usable are"):
        load(copied)


@pytest.mark.parametrize(("key", "value"), [("num_train_timesteps", 1000), ("beta_end", 0.012)])
def test_schedule_of_sdxl_is_refused(copied: Path, key: str, value: float) -> None:
    path = copied / BASE / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ModelError, match=r"1100, 0\.014, 29\.06"):
        load(copied)


def test_adapter_that_is_neither_safetensors_nor_a_pickle_of_tensors_is_refused(copied: Path) -> None:
    path = copied / IP_ADAPTER / IP_ADAPTER_FILE
    path.rename(path.with_suffix(".bin"))
    with pytest.raises(ModelError, match=r"ip_adapter_plus_general\.bin \(\d+ bytes\) is half a file or none"):
        load(copied)


def test_set_without_adapter_or_inpainting_loads_with_four_channels(copied: Path) -> None:
    shutil.rmtree(copied / IP_ADAPTER)
    shutil.rmtree(copied / INPAINTING)
    parts = load_parts(read_model_set(copied), device=CPU)
    assert parts.ip_adapter is None
    assert parts.unet.conv_in.in_channels == 4


def test_control_that_the_set_lacks_is_named(random_set: Path) -> None:
    with pytest.raises(ModelError, match="Kolors-ControlNet-Pose is missing"):
        load_control(read_model_set(random_set), "pose", dtype=torch.float32)


def test_set_is_found_by_folder_and_by_the_name_on_its_card(random_set: Path) -> None:
    by_name = find_model_set("kolors-random", models_dir=random_set.parent)
    assert by_name.folder == random_set
    assert resolve_model("kolors-random", models_dir=random_set).revision == by_name.revision


def test_unknown_set_lists_what_there_is(random_set: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is: kolors-random"):
        find_model_set("kolors-huge", models_dir=random_set.parent, built_in=tmp_path)


def test_card_without_a_revision_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text('{"name": "x"}')
    with pytest.raises(ModelError, match="revision"):
        read_model_set(tmp_path)
