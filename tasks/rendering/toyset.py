"""Toy-width model sets in the layout of the published Kolors repositories.

A random set steers nothing well, but every input moves its output: what the renderer's tests need. The trained
draft set uses the same writer.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel
from safetensors.torch import save_file
from transformers import CLIPVisionModelWithProjection

from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.toyparts import (
    INPAINT_CHANNELS,
    ToyWidths,
    kolors_scheduler,
    make_controlnet,
    make_image_encoder,
    make_ip_adapter,
    make_text_encoder,
    make_unet,
    make_vae,
    train_tokenizer,
)

BASE = "Kolors-diffusers"
INPAINTING = "Kolors-Inpainting"
CONTROLS = {"canny": "Kolors-ControlNet-Canny", "depth": "Kolors-ControlNet-Depth"}
IP_ADAPTER = "Kolors-IP-Adapter-Plus"
IP_ADAPTER_FILE = "ip_adapter_plus_general.safetensors"

CORPUS = (
    "白色大理石台面，浴室，柔和的自然光，水滴，高级感，产品摄影",
    "木质桌面，清晨阳光，窗影，绿叶，温暖的色调，浅景深",
    "红色喜庆背景，丝绸，灯笼，金色光斑，春节，年货",
    "夏日海滩，细沙，贝壳，蓝天，大海，明亮的阳光",
    "冬季雪景，白雪，松林，冷色调，晨光，安静",
    "秋天，茶席，深色木纹，枫叶，暖光，亚麻布",
    "春天花园，苔藓，花瓣，粉色，草地，虚化的花丛",
    "城市夜景，霓虹，黑色镜面，反光，紫色与蓝色光斑",
    "粉彩背景，纯色，渐变，柔光，极简，工作室",
    "水泥墙，混凝土，灰色，侧光，现代，空间感",
    "厨房，白色瓷砖，橙色，绿色，干净，早餐",
    "低质量，模糊，文字，水印，多余的产品，人物，变形",
)


@dataclass(frozen=True)
class ModelParts:
    """What a model set is made of, in memory; the tokenizer's files already lie in the set's folder."""

    text_encoder: ChatGLMModel
    unet: UNet2DConditionModel
    inpaint_unet: UNet2DConditionModel
    vae: AutoencoderKL
    controls: Mapping[str, KolorsControlNet]  # "canny", "depth"
    image_encoder: CLIPVisionModelWithProjection
    ip_adapter: Mapping[str, Mapping[str, torch.Tensor]]
    clip_image: int  # pixels
    prediction_type: str = "epsilon"


def build_random_set(folder: Path, *, seed: int = 0, widths: ToyWidths | None = None) -> Path:
    """Write a whole random model set into `folder` (made if need be) in a few seconds, and return the folder."""
    widths = widths or ToyWidths()
    tokenizer = folder / BASE / "tokenizer"
    train_tokenizer(CORPUS, tokenizer, vocabulary=widths.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = make_unet(widths)
        parts = ModelParts(
            text_encoder=make_text_encoder(widths, seed=seed),
            unet=unet,
            inpaint_unet=make_unet(widths, in_channels=INPAINT_CHANNELS),
            vae=make_vae(widths),
            controls={kind: make_controlnet(unet, widths, noise_seed=seed + n) for n, kind in enumerate(CONTROLS)},
            image_encoder=make_image_encoder(widths),
            ip_adapter=make_ip_adapter(unet, widths, seed=seed),
            clip_image=widths.clip_image,
        )
    card = {
        "name": "kolors-random",
        "revision": f"seed-{seed}",
        "native_size": widths.native_size,
        "draft": True,
        "licence": "Apache-2.0",
        "note": "Random weights at toy width: for tests of the machinery, not for pictures.",
    }
    return write_set(folder, parts, card=card)


def write_set(folder: Path, parts: ModelParts, *, card: Mapping[str, Any]) -> Path:
    """Write the parts in fp16 where and as the published repositories have them; `card` becomes set.json.

    The base has fp16 file names and a sharded text encoder under the old index spelling; the others have no suffix.
    """
    base = folder / BASE
    _write_json(base / "model_index.json", _model_index())
    kolors_scheduler(prediction_type=parts.prediction_type).save_pretrained(base / "scheduler")
    _write_text_encoder(parts.text_encoder, base / "text_encoder")
    parts.unet.half().save_pretrained(base / "unet", variant="fp16")
    parts.vae.half().save_pretrained(base / "vae", variant="fp16")
    parts.inpaint_unet.half().save_pretrained(folder / INPAINTING / "unet")
    for kind, net in parts.controls.items():
        _write_control(net, folder / CONTROLS[kind])
    _write_ip_adapter(parts, folder / IP_ADAPTER)
    _write_json(folder / "set.json", dict(card))
    return folder


def _write_text_encoder(encoder: ChatGLMModel, folder: Path) -> None:
    size = sum(parameter.numel() * 2 for parameter in encoder.parameters())
    encoder.half().save_pretrained(folder, variant="fp16", max_shard_size=max(size // 2, 1))
    for index in folder.glob("*.index*.json"):
        index.rename(folder / "model.safetensors.index.fp16.json")


def _write_control(net: KolorsControlNet, folder: Path) -> None:
    net.half().save_pretrained(folder)
    config = folder / "config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    _write_json(config, {**values, "_class_name": "ControlNetModel_JQ"})  # as published: a private name


def _write_ip_adapter(parts: ModelParts, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    flat = {
        f"{group}.{key}": value.half().contiguous() for group, d in parts.ip_adapter.items() for key, value in d.items()
    }
    save_file(flat, folder / IP_ADAPTER_FILE, metadata={"format": "pt"})
    parts.image_encoder.half().save_pretrained(folder / "image_encoder")
    _write_json(folder / "image_encoder" / "preprocessor_config.json", _preprocessor(parts.clip_image))


def _model_index() -> dict[str, Any]:
    return {
        "_class_name": "KolorsPipeline",
        "_diffusers_version": "0.42.1",
        "force_zeros_for_empty_prompt": False,
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["kolors", "ChatGLMModel"],
        "tokenizer": ["kolors", "ChatGLMTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def _preprocessor(size: int) -> dict[str, Any]:
    """CLIP's own constants, at the encoder's own size."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "crop_size": {"height": size, "width": size},
        "size": {"shortest_edge": size},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
    }


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print(build_random_set(Path(sys.argv[1])))  # noqa: T201
