"""How a loaded model set is made faster: names after a colon, as in `kolors:compiled+fused-qkv`. Imports no torch.

The name with its tunings is the model's name in a job: a master never claims weights or kernels it was not made with.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelError

if TYPE_CHECKING:
    import torch

# what each may change in the picture, in Chinese and English
TUNINGS: Mapping[str, str] = {
    "channels-last": "换一种内存排布，末几位舍入不同"
    " another memory layout: other kernels, rounding differs in the last bits",
    "fused-qkv": "自注意力三次投影并为一次，末几位舍入不同"
    " one projection instead of three in self-attention: rounding differs in the last bits",
    "compiled": "局部编译、算子融合，末几位舍入不同，首批要等"
    " regional torch.compile: fused kernels, rounding differs in the last bits; the first batch waits",
    "int8": "UNet 线性层用 int8；细微纹理和小道具会不同"
    " UNet's linear layers in int8, activations too (torchao): fine texture and small props differ",
    "fp8": "UNet 线性层用 float8；细微纹理会不同"
    " UNet's linear layers in float8, activations too (torchao, cards from 2022 on): fine texture differs",
}
QUANTISED = {"int8", "fp8"}


def parse_name(name: str) -> tuple[str, tuple[str, ...]]:
    """A model set's own name and its tunings, sorted. Raises ModelError for a tuning that is not in the table."""
    own, _, listed = name.partition(":")
    wanted = tuple(sorted(filter(None, listed.split("+"))))
    unknown = [tuning for tuning in wanted if tuning not in TUNINGS]
    if unknown or len(QUANTISED.intersection(wanted)) > 1:
        raise ModelError(
            f"model {name!r}: {', '.join(unknown) or 'int8 and fp8 together'} cannot be; after the colon go, joined "
            f"by +: {', '.join(TUNINGS)}, of int8 and fp8 one at most"
        )
    return own, wanted


def full_name(own: str, tunings: tuple[str, ...]) -> str:
    return f"{own}:{'+'.join(tunings)}" if tunings else own


def tune(net: Any, tunings: tuple[str, ...], *, device: "torch.device") -> None:
    """Apply the tunings to a UNet or ControlNet in place. Raises ModelError where the device cannot carry one out."""
    import torch

    if "fused-qkv" in tunings:
        _fuse_self_attention(net)
    for kind in QUANTISED.intersection(tunings):
        _quantise(net, kind, device=device)
    if "channels-last" in tunings:
        net.to(memory_format=torch.channels_last)
    if "compiled" in tunings:
        net.compile_repeated_blocks(dynamic=True)


def _fuse_self_attention(net: Any) -> None:
    """diffusers' own fuse_qkv_projections would take the IP-Adapter's processors out of cross-attention."""
    from diffusers.models.attention_processor import FusedAttnProcessor2_0

    for name, module in net.named_modules():
        if name.endswith("attn1"):
            module.fuse_projections(fuse=True)
            module.set_processor(FusedAttnProcessor2_0())


def _quantise(net: Any, kind: str, *, device: "torch.device") -> None:
    import torch

    try:
        from torchao.quantization import (
            Float8DynamicActivationFloat8WeightConfig,
            Int8DynamicActivationInt8WeightConfig,
            quantize_,
        )
    except ImportError as error:
        raise ModelError(
            f"{kind} needs torchao, which is not installed: `pip install -c constraints.txt torchao`, or leave it out"
        ) from error
    if kind == "fp8" and device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 9):
        raise ModelError(f"{torch.cuda.get_device_name(device)} has no float8; take int8 or none")
    config = Float8DynamicActivationFloat8WeightConfig() if kind == "fp8" else Int8DynamicActivationInt8WeightConfig()
    try:
        quantize_(net, config, filter_fn=_is_large_linear)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(f"{kind} cannot be set up on {device}: {error}; leave it out") from error


def _is_large_linear(module: Any, name: str) -> bool:
    """Linear layers inside transformer blocks: time and text projections are small and steer everything."""
    import torch

    if not isinstance(module, torch.nn.Linear) or "transformer_blocks" not in name or "_ip" in name:
        return False
    return module.in_features % 16 == 0 and module.out_features % 16 == 0
