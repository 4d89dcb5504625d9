"""The IP-Adapter inside a UNet, and out of it again under the published names."""

from collections.abc import Mapping

import torch
from diffusers import UNet2DConditionModel
from torch import nn

# Where the renderer lets a reference act: the second attention of the first up block carries style.
STYLE = "up_blocks.0.attentions.1.transformer_blocks.0.attn2.processor"
_BLOCK = {
    "ln0": "0.norm1", "ln1": "0.norm2", "attn.to_q": "0.to_q", "attn.to_out.0": "0.to_out", "ff.0": "1.0",
    "ff.1.net.0.proj": "1.1", "ff.1.net.2": "1.3",
}  # fmt: skip

Weights = Mapping[str, Mapping[str, torch.Tensor]]


def put_in(unet: UNet2DConditionModel, weights: Weights, *, scale: float = 1.0) -> nn.ModuleDict:
    """Load the adapter into the UNet, acting at the style block alone; returns what of it can learn."""
    unet._load_ip_adapter_weights([weights], low_cpu_mem_usage=False)
    set_scale(unet, scale)
    return nn.ModuleDict(
        {"image_proj": unet.encoder_hid_proj.image_projection_layers[0], "style": unet.attn_processors[STYLE]}
    )


def set_scale(unet: UNet2DConditionModel, scale: float) -> None:
    """How much the reference counts, at the style block; nothing elsewhere."""
    for name, processor in unet.attn_processors.items():
        if hasattr(processor, "to_k_ip"):
            processor.scale = [scale if name == STYLE else 0.0]


def take_out(unet: UNet2DConditionModel) -> dict[str, dict[str, torch.Tensor]]:
    """The two groups of the published file, from a UNet that holds an adapter."""
    projection = unet.encoder_hid_proj.image_projection_layers[0].state_dict()
    image_proj: dict[str, torch.Tensor] = {}
    for name, value in projection.items():
        if name.endswith("attn.to_v.weight"):
            continue
        if name.endswith("attn.to_k.weight"):
            both = torch.cat([value, projection[name.replace("to_k", "to_v")]])
            image_proj[name.replace("attn.to_k", "0.to_kv")] = both
        else:
            image_proj[_published(name)] = value
    keys: dict[str, torch.Tensor] = {}
    crosses = [p for p in unet.attn_processors.values() if hasattr(p, "to_k_ip")]
    for number, processor in enumerate(crosses):
        keys[f"{2 * number + 1}.to_k_ip.weight"] = processor.to_k_ip[0].weight.detach()
        keys[f"{2 * number + 1}.to_v_ip.weight"] = processor.to_v_ip[0].weight.detach()
    return {"image_proj": image_proj, "ip_adapter": keys}


def _published(name: str) -> str:
    if not name.startswith("layers."):
        return name
    layer, rest = name.removeprefix("layers.").split(".", 1)
    part, leaf = rest.rsplit(".", 1)
    return f"layers.{layer}.{_BLOCK[part]}.{leaf}"
