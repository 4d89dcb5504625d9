"""The published numbers against the real classes at full size: headers as they would be, data a hole in the file."""

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.pipelines.kolors import ChatGLMModel
from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from tasks.rendering.checkpoints.check import Remark, check_repository
from tasks.rendering.checkpoints.names import CONTROLS, IP_ADAPTER_FILE
from tasks.rendering.checkpoints.table import published_sets
from tasks.rendering.modelset import ModelSet
from tasks.rendering.tiers import set_facts
from tasks.rendering.toyparts import kolors_scheduler, make_controlnet, make_unet
from tests.full_width import FULL

Shapes = Mapping[str, tuple[int, ...]]


def sparse(path: Path, shapes: Shapes) -> None:
    """A safetensors file in F16 of these shapes whose weights take no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * int(torch.Size(shape).numel())
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + end)


def shapes_of(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def adapter_shapes(unet: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """IP-Adapter-Plus as published: a resampler of four layers, and a key and a value for each cross-attention."""
    shapes: dict[str, tuple[int, ...]] = {
        "latents": (1, 16, 2048),
        "proj_in.weight": (2048, 1024),
        "proj_in.bias": (2048,),
        "proj_out.weight": (2048, 2048),
        "proj_out.bias": (2048,),
        "norm_out.weight": (2048,),
        "norm_out.bias": (2048,),
    }
    for layer in range(4):
        attention, feed = f"layers.{layer}.0", f"layers.{layer}.1"
        norms = (f"{attention}.norm1", f"{attention}.norm2", f"{feed}.0")
        shapes |= {f"{norm}.{kind}": (2048,) for norm in norms for kind in ("weight", "bias")}
        shapes |= {f"{attention}.to_q.weight": (768, 2048), f"{attention}.to_kv.weight": (1536, 2048)}
        shapes |= {f"{attention}.to_out.weight": (2048, 768)}
        shapes |= {f"{feed}.1.weight": (8192, 2048), f"{feed}.3.weight": (2048, 8192)}
    shapes = {f"image_proj.{name}": shape for name, shape in shapes.items()}
    widths = [module.out_features for name, module in unet.named_modules() if name.endswith("attn2.to_k")]
    for number, width in enumerate(widths):
        for kind in ("k", "v"):
            shapes[f"ip_adapter.{2 * number + 1}.to_{kind}_ip.weight"] = (width, 2048)
    return shapes


def full_vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
    )


def full_vision() -> CLIPVisionModelWithProjection:
    sizes = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes, image_size=336, patch_size=14, projection_dim=768))


def full_text_encoder() -> ChatGLMModel:
    config = ChatGLMConfig(
        num_layers=28,
        padded_vocab_size=65024,
        hidden_size=4096,
        ffn_hidden_size=13696,
        kv_channels=128,
        num_attention_heads=32,
        multi_query_attention=True,
        multi_query_group_num=2,
        add_qkv_bias=True,
        original_rope=True,
    )
    return ChatGLMModel(config)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole of Kolors at full size: 29 GB by its files' lengths, a few megabytes on the disk."""
    folder = tmp_path_factory.mktemp("full") / "kolors"
    base, inpainting = folder / "Kolors-diffusers", folder / "Kolors-Inpainting" / "unet"
    adapter = folder / "Kolors-IP-Adapter-Plus"
    with torch.device("meta"):
        unet, nine = make_unet(FULL), make_unet(FULL, in_channels=9)
        control = make_controlnet(unet, FULL, noise_seed=None)
        text, vae, vision = full_text_encoder(), full_vae(), full_vision()
    kolors_scheduler().save_pretrained(base / "scheduler")
    (base / "tokenizer").mkdir()
    (base / "tokenizer" / "tokenizer.model").write_bytes(b"\n\x0e" * 8)
    sparse(base / "text_encoder" / "model.fp16.safetensors", shapes_of(text))
    sparse(base / "unet" / "diffusion_pytorch_model.fp16.safetensors", shapes_of(unet))
    sparse(base / "vae" / "diffusion_pytorch_model.fp16.safetensors", shapes_of(vae))
    sparse(inpainting / "diffusion_pytorch_model.safetensors", shapes_of(nine))
    for kind in CONTROLS.values():
        sparse(folder / kind / "diffusion_pytorch_model.safetensors", shapes_of(control))
        write_config(folder / kind)
    sparse(adapter / IP_ADAPTER_FILE, adapter_shapes(unet))
    sparse(adapter / "image_encoder" / "model.safetensors", shapes_of(vision))
    write_config(adapter / "image_encoder", image_size=336)
    for place, channels in ((base / "text_encoder", 0), (base / "unet", 4), (base / "vae", 0), (inpainting, 9)):
        write_config(place, in_channels=channels)
    return folder


def write_config(folder: Path, **values: object) -> None:
    (folder / "config.json").write_text(json.dumps(values))


def remarks(home: Path) -> list[Remark]:
    published = published_sets()["kolors"]
    return [remark for repo in published.repositories for remark in check_repository(repo, home / repo.folder)]


def test_published_numbers_are_those_of_the_classes_at_full_size(home: Path) -> None:
    found = remarks(home)
    assert [str(remark) for remark in found if remark.state != "ok"] == []
    assert {remark.found for remark in found if "tensors" in remark.found} >= {
        "200 tensors, 6,243,584,032 numbers",
        "1682 tensors, 2,579,458,820 numbers",
        "1682 tensors, 2,579,473,220 numbers",
        "846 tensors, 1,263,009,296 numbers",
        "191 tensors, 506,552,320 numbers",
    }


def test_looking_at_full_size_reads_no_weights(home: Path) -> None:
    files = list(home.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) > 28e9
    assert sum(path.stat().st_blocks * 512 for path in files) < 10e6


def test_unet_of_the_original_repository_is_named_as_the_514_gb_trap(home: Path, tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = shapes_of(make_unet(FULL))
    short = {name: shape for name, shape in shapes.items() if not name.startswith("encoder_hid_proj")}
    path = tmp_path / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    sparse(path, short)
    write_config(path.parent, in_channels=4)
    assert round(path.stat().st_size / 1e9, 2) == 5.14

    repo = published_sets()["kolors"].repository("Kolors-diffusers")
    unet = repo.model_copy(update={"components": tuple(part for part in repo.components if part.kind == "unet")})
    [found] = [remark for remark in check_repository(unet, tmp_path) if remark.state == "wrong"]
    assert found.found == "lacks encoder_hid_proj.weight"
    assert found.expected == "it with shape [2048, 4096]"
    assert "Kwai-Kolors/Kolors-diffusers" in found.remedy


def test_facts_for_the_memory_tiers_are_the_published_sizes(home: Path) -> None:
    found = ModelSet(name="kolors", revision="1", precision="bf16", folder=home)
    facts = set_facts(found)
    assert round(facts.text_encoder / 1e9, 2) == 12.49
    assert round(facts.rest / 1e9, 2) == 9.47
    assert round(set_facts(found, controls=2).rest / 1e9, 2) == 12.0


def test_facts_count_an_adapter_that_is_still_a_pickle(home: Path) -> None:
    adapter = home / "Kolors-IP-Adapter-Plus"
    found = ModelSet(name="kolors", revision="1", precision="bf16", folder=home, published="kolors")
    whole = set_facts(found)
    files = [adapter / IP_ADAPTER_FILE, adapter / "image_encoder" / "model.safetensors"]
    for path in files:
        path.rename(path.with_suffix(".away"))
    try:
        assert set_facts(found) == whole
    finally:
        for path in files:
            path.with_suffix(".away").rename(path)
