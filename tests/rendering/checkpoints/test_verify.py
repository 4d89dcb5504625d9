"""Every trap of the published layouts, planted in a toy set: found by name, with what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.rendering.checkpoints.check import Remark, sigma_max
from tasks.rendering.checkpoints.fetch import pin_present
from tasks.rendering.checkpoints.layout import Located, locate
from tasks.rendering.checkpoints.table import PublishedSet
from tasks.rendering.checkpoints.verify import verify

UNET = Path("Kolors-Inpainting/unet/diffusion_pytorch_model.safetensors")
BASE_UNET = Path("Kolors-diffusers/unet/diffusion_pytorch_model.fp16.safetensors")
SHARDS = Path("Kolors-diffusers/text_encoder")
SCHEDULER = Path("Kolors-diffusers/scheduler/scheduler_config.json")
CANNY = Path("Kolors-ControlNet-Canny/config.json")
CLIP = Path("Kolors-IP-Adapter-Plus/image_encoder")


def wrong(located: Located, *, deep: bool = False) -> list[Remark]:
    return [remark for remark in verify(located, deep=deep) if remark.state == "wrong"]


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def set_value(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def drop_projection(home: Path) -> None:
    rewrite(home / UNET, lambda tensors: tensors.pop("encoder_hid_proj.weight"))


def drop_a_tensor(home: Path) -> None:
    rewrite(home / BASE_UNET, lambda tensors: tensors.pop("conv_out.bias"))


def rename_a_tensor(home: Path) -> None:
    rewrite(home / BASE_UNET, lambda tensors: tensors.update({"conv_out.offset": tensors.pop("conv_out.bias")}))


def cut_a_shard(home: Path) -> None:
    path = max((home / SHARDS).glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-64])


def lose_a_shard(home: Path) -> None:
    min((home / SHARDS).glob("*.safetensors")).unlink()


def leave_a_pointer(home: Path) -> None:
    (home / UNET).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:235db024\nsize 5159169040\n")


def use_sdxl_steps(home: Path) -> None:
    set_value(home / SCHEDULER, num_train_timesteps=1000, beta_end=0.012)


def use_linear_betas(home: Path) -> None:
    set_value(home / SCHEDULER, beta_schedule="linear")


def put_the_base_unet_for_inpainting(home: Path) -> None:
    shutil.copy(home / BASE_UNET, home / UNET)
    shutil.copy(home / BASE_UNET.parent / "config.json", home / UNET.parent / "config.json")


def use_clip_at_224(home: Path) -> None:
    set_value(home / CLIP / "config.json", image_size=224)


def drop_the_variant(home: Path) -> None:
    path = home / BASE_UNET
    path.rename(path.with_name("diffusion_pytorch_model.safetensors"))


def store_bytes(home: Path) -> None:
    path = home / BASE_UNET
    save_file({key: tensor.to(torch.int8) for key, tensor in load_file(path).items()}, path)


def lose_the_configuration(home: Path) -> None:
    (home / UNET.parent / "config.json").unlink()


TRAPS: dict[Callable[[Path], None], tuple[str, ...]] = {
    drop_projection: ("lacks encoder_hid_proj.weight", "5.14 GB", "Kwai-Kolors/Kolors-diffusers"),
    drop_a_tensor: ("Kolors-diffusers/unet", "tensors", "fetch the repository this folder is named for"),
    rename_a_tensor: ("Kolors-diffusers/unet", "some tensor has another name or shape"),
    cut_a_shard: ("-00003-of-00003", "is half a file or none", "delete it and fetch it again"),
    lose_a_shard: ("-00001-of-00003", "is missing", "shangxin models fetch"),
    leave_a_pointer: ("diffusion_pytorch_model.safetensors", "git-lfs pointer", "git lfs pull"),
    use_sdxl_steps: ("1000 steps, beta_end 0.012", "expected 1100 steps, beta_end 0.014", "29.06", "SDXL"),
    use_linear_betas: ("linear, sigma_max", "scaled_linear, sigma_max 29.06"),
    put_the_base_unet_for_inpainting: ("in_channels 4", "expected 9", "they were mixed"),
    use_clip_at_224: ("image_size 224", "expected 28", "ViT-L/14-336"),
    drop_the_variant: ("no fp16 files", "Kwai-Kolors/Kolors-diffusers"),
    store_bytes: ("holds I8", "BF16, F16, F32"),
    lose_the_configuration: ("config.json", "missing", "fetch this file again"),
}


def test_set_as_published_has_nothing_wrong(located: Located) -> None:
    remarks = list(verify(located))
    assert [remark for remark in remarks if remark.state == "wrong"] == []
    assert sum(remark.state == "ok" for remark in remarks) == 10
    assert [remark.where.name for remark in remarks if remark.state == "note"] == [
        "Kolors-ControlNet-Pose",
        "set.lock.json",
    ]


@pytest.mark.parametrize("plant", TRAPS, ids=lambda plant: plant.__name__)
def test_trap_is_named_with_what_was_found_expected_and_to_do(located: Located, plant: Callable[[Path], None]) -> None:
    plant(located.folder)
    text = "\n".join(map(str, wrong(located)))
    assert text
    for part in TRAPS[plant]:
        assert part in text


def test_fault_in_one_repository_does_not_hide_another(located: Located) -> None:
    drop_projection(located.folder)
    use_sdxl_steps(located.folder)
    assert len({remark.where for remark in wrong(located)}) == 2


def test_full_precision_instead_of_half_is_accepted_with_a_note(located: Located) -> None:
    path = located.folder / UNET
    save_file({key: tensor.float() for key, tensor in load_file(path).items()}, path)
    remarks = list(verify(located))
    assert [remark for remark in remarks if remark.state == "wrong"] == []
    assert any("holds F32" in remark.found and remark.state == "note" for remark in remarks)


def test_new_index_spelling_is_as_good_as_the_published_old_one(located: Located) -> None:
    folder = located.folder / SHARDS
    old = folder / "model.safetensors.index.fp16.json"
    old.rename(folder / "model.fp16.safetensors.index.json")
    assert wrong(located) == []


def test_private_class_name_and_prefixed_keys_are_accepted(located: Located) -> None:
    assert json.loads((located.folder / CANNY).read_text())["_class_name"] == "ControlNetModel_JQ"
    for shard in (located.folder / SHARDS).glob("*.safetensors"):
        save_file({f"transformer.{key}": value for key, value in load_file(shard).items()}, shard, {"format": "pt"})
    assert wrong(located) == []


def test_missing_base_is_wrong_and_a_missing_extra_is_a_note(table: PublishedSet, models_dir: Path) -> None:
    shutil.rmtree(models_dir / "kolors" / "Kolors-diffusers")
    shutil.rmtree(models_dir / "kolors" / "Kolors-ControlNet-Depth")
    found = {remark.where.name: remark.state for remark in verify(locate(table, models_dir))}
    assert found["Kolors-diffusers"] == "wrong"
    assert found["Kolors-ControlNet-Depth"] == "note"


def test_changed_bytes_of_a_pinned_file_are_found_by_a_deep_look_only(located: Located) -> None:
    pin_present(located.published, located.folder, located.places)
    path = located.folder / UNET
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert wrong(located) == []
    [found] = wrong(located, deep=True)
    assert found.where == path
    assert "as pinned" in found.expected


def test_pinned_file_that_is_gone_or_of_another_length_is_found(located: Located) -> None:
    pin_present(located.published, located.folder, located.places)
    set_value(located.folder / CANNY, extra=1)
    (located.folder / "Kolors-diffusers" / "model_index.json").unlink()
    assert {remark.where.name for remark in wrong(located)} == {"config.json", "model_index.json"}


@pytest.mark.parametrize(("steps", "end", "expected"), [(1100, 0.014, 29.06), (1000, 0.012, 14.61)])
def test_highest_noise_level_of_known_schedules(steps: int, end: float, expected: float) -> None:
    assert sigma_max(steps, 0.00085, end, "scaled_linear") == pytest.approx(expected, abs=0.005)
