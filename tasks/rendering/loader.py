"""A model set from disk into memory, and the assertions without which a wrong file would run happily.

Layout and rules are those of the published repositories: Kolors-diffusers has fp16 file names only, the inpainting UNet
and the ControlNets have no suffix, the IP-Adapter is one safetensors file with two groups of keys.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from diffusers.utils import logging as diffusers_logging
from safetensors.torch import load_file
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection
from transformers.utils import logging as transformers_logging

from tasks.errors import ModelError
from tasks.loading import LOADING
from tasks.rendering.checkpoints.check import check_repository, read_config
from tasks.rendering.checkpoints.convert import convert_image_encoder, convert_ip_adapter
from tasks.rendering.checkpoints.names import BASE, BETA_END, CONTROLS, INPAINTING, IP_ADAPTER, SIGMA_MAX, TRAIN_STEPS
from tasks.rendering.checkpoints.table import published_sets
from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.modelset import ModelSet
from tasks.rendering.weights import assert_finite, assert_keys, file_keys, read_keys

DIFFUSION, TRANSFORMER = "diffusion_pytorch_model", "model"  # the stems of diffusers' and transformers' files
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Parts:
    """A model set in memory. ControlNets come on first use; the IP-Adapter is None where the set has none."""

    tokenizer: Any
    text_encoder: Any
    unet: Any
    vae: Any
    scheduler: Any
    dtype: torch.dtype
    ip_adapter: dict[str, dict[str, torch.Tensor]] | None = None
    image_encoder: Any = None
    image_processor: Any = None
    controls: dict[str, Any] = field(default_factory=dict)


def load_parts(found: ModelSet, *, device: torch.device, with_text: bool = True) -> Parts:
    """Load everything but the ControlNets onto `device`; the text encoder too unless it is to be borrowed.

    Raises ModelError that names the file and the way out.
    """
    with quiet_loading():
        return _load_parts(found, device=device, with_text=with_text)


def _load_parts(found: ModelSet, *, device: torch.device, with_text: bool) -> Parts:
    assert_as_published(found)
    dtype = DTYPES[found.precision]
    base = found.repository(BASE)
    parts = Parts(
        tokenizer=load_tokenizer(base / "tokenizer"),
        text_encoder=load_text_encoder(base / "text_encoder", dtype=dtype).to(device) if with_text else None,
        unet=load_unet(found, dtype=dtype).to(device),
        vae=load_vae(base / "vae", dtype=dtype).to(device),
        scheduler=load_scheduler(base / "scheduler"),
        dtype=dtype,
    )
    _assert_widths(parts, base / "text_encoder")
    adapter = found.repository(IP_ADAPTER)
    if adapter.is_dir():
        parts.ip_adapter = load_ip_adapter(convert_ip_adapter(adapter), dtype=dtype)
        encoder = adapter / "image_encoder"
        parts.image_encoder = load_image_encoder(encoder, dtype=dtype).to(device)
        parts.image_processor = load_image_processor(encoder, size=parts.image_encoder.config.image_size)
    return parts


def assert_as_published(found: ModelSet) -> None:
    """Raise ModelError where a file of a published set is not what its reviewed table expects; headers only."""
    published = published_sets().get(found.published)
    for repo in published.repositories if published else ():
        if repo.folder in found.places:
            for remark in check_repository(repo, found.places[repo.folder]):
                if remark.state == "wrong":
                    raise ModelError(f"{remark}. All there is to say: `shangxin models verify {found.name}`")


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bars and no advice from the libraries while weights are read; what matters is asserted here.

    One thread at a time: see tasks.loading.
    """
    with LOADING, _quiet():
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    levels = diffusers_logging.get_verbosity(), transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(levels[0])
        transformers_logging.set_verbosity(levels[1])
        if bars:
            transformers_logging.enable_progress_bar()


def load_tokenizer(folder: Path) -> Any:
    if not (folder / "tokenizer.model").is_file():
        raise ModelError(f"{folder / 'tokenizer.model'} is missing; fetch Kolors-diffusers/tokenizer again")
    return ChatGLMTokenizer.from_pretrained(folder)


def load_text_encoder(folder: Path, *, dtype: torch.dtype) -> Any:
    keys = read_keys(folder, TRANSFORMER, variant="fp16")
    encoder = ChatGLMModel.from_pretrained(folder, variant="fp16", dtype=dtype, use_safetensors=True).eval()
    # ChatGLMModel leaves what a file lacks as uninitialised memory
    assert_keys(keys, encoder, where=folder)
    assert_finite(encoder.embedding.word_embeddings.weight, name="word_embeddings", where=folder)
    return encoder


@contextmanager
def borrow_text_encoder(found: ModelSet, *, device: torch.device, quantised: bool) -> Iterator[Any]:
    """The text encoder for as long as prompts are encoded; afterwards its memory is free, whoever still names it."""
    with quiet_loading():
        encoder = load_text_encoder(found.repository(BASE) / "text_encoder", dtype=DTYPES[found.precision])
    if quantised:
        quantise(encoder)
    encoder.to(device)
    try:
        yield encoder
    finally:
        for module in encoder.modules():
            module._parameters.clear()
            module._buffers.clear()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def quantise(encoder: torch.nn.Module) -> None:
    """Weights of the linear layers to int8, in place: hidden states keep a cosine of 0.9999 to those of bf16."""
    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise ModelError(
            "a card this small needs the text encoder in int8, and torchao is not installed: "
            "`pip install -c constraints.txt torchao`, or use a card of 16 GB or more"
        ) from error
    quantize_(encoder, Int8WeightOnlyConfig())


def load_unet(found: ModelSet, *, dtype: torch.dtype) -> Any:
    """The nine-channel inpainting UNet where the set has one, else the base UNet with four."""
    inpainting = found.repository(INPAINTING) / "unet"
    if not inpainting.is_dir():
        return _load_unet(found.repository(BASE) / "unet", variant="fp16", channels=4, dtype=dtype)
    return _load_unet(inpainting, variant=None, channels=9, dtype=dtype)


def _load_unet(folder: Path, *, variant: str | None, channels: int, dtype: torch.dtype) -> Any:
    keys = read_keys(folder, DIFFUSION, variant=variant)
    if "encoder_hid_proj.weight" not in keys:
        raise ModelError(
            f"{folder} lacks encoder_hid_proj.weight (the 5.14 GB files of the original repository do); "
            f"take Kwai-Kolors/Kolors-diffusers or Kolors-Inpainting, 5.16 GB"
        )
    unet = UNet2DConditionModel.from_pretrained(folder, variant=variant, dtype=dtype, use_safetensors=True).eval()
    assert_keys(keys, unet, where=folder)
    _assert_projection(unet, folder)
    if unet.conv_in.in_channels != channels:
        raise ModelError(
            f"{folder} takes {unet.conv_in.in_channels} channels, {channels} expected: "
            f"the base UNet has 4 (Kolors-diffusers), the inpainting UNet 9 (Kolors-Inpainting); they were mixed up"
        )
    return unet


def load_vae(folder: Path, *, dtype: torch.dtype) -> Any:
    """In bf16 for bf16 sets, else in fp32: in fp16 this VAE overflows (diffusers' force_upcast)."""
    keys = read_keys(folder, DIFFUSION, variant="fp16")
    exact = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    vae = AutoencoderKL.from_pretrained(folder, variant="fp16", dtype=exact, use_safetensors=True).eval()
    assert_keys(keys, vae, where=folder)
    # else every encode flips the shared module's dtype to and fro
    vae.register_to_config(force_upcast=dtype == torch.float16)
    return vae


def load_scheduler(folder: Path) -> Any:
    if not (folder / "scheduler_config.json").is_file():
        raise ModelError(f"{folder / 'scheduler_config.json'} is missing; fetch Kolors-diffusers/scheduler again")
    scheduler = EulerDiscreteScheduler.from_pretrained(folder)
    assert_noise(scheduler, where=folder)
    return scheduler


def assert_noise(scheduler: Any, *, where: Path) -> None:
    """Raise ModelError unless the schedule is Kolors': 1100 steps, beta_end 0.014, sigma_max 29.06."""
    config = scheduler.config
    alphas = scheduler.alphas_cumprod
    sigma_max = float(((1 - alphas[-1]) / alphas[-1]) ** 0.5)
    fits = config.num_train_timesteps == TRAIN_STEPS and abs(config.beta_end - BETA_END) < 1e-9
    if not fits or abs(sigma_max - SIGMA_MAX) > 0.01:
        raise ModelError(
            f"{where}: {config.num_train_timesteps} steps, beta_end {config.beta_end}, sigma_max {sigma_max:.2f}; "
            f"Kolors has {TRAIN_STEPS}, {BETA_END}, {SIGMA_MAX}. This may be the schedule of SDXL; take the one of "
            f"Kolors-diffusers/scheduler"
        )


def load_control(found: ModelSet, kind: str, *, dtype: torch.dtype) -> Any:
    """One ControlNet of a set. Raises ModelError where the set lacks that kind."""
    where = found.repository(CONTROLS[kind])
    keys = read_keys(where, DIFFUSION, variant=None)
    with quiet_loading():
        net = KolorsControlNet.from_pretrained(where, dtype=dtype, use_safetensors=True).eval()
    assert_keys(keys, net, where=where)
    _assert_projection(net, where)
    return net


def load_ip_adapter(path: Path, *, dtype: torch.dtype) -> dict[str, dict[str, torch.Tensor]]:
    """The two groups that diffusers' loader takes, from keys "image_proj.*" and "ip_adapter.*"."""
    groups: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    strangers = [key for key in file_keys(path) if key.split(".", 1)[0] not in groups]
    if strangers:
        raise ModelError(f"{path} has keys of neither image_proj nor ip_adapter, such as {strangers[0]}")
    for key, tensor in load_file(path).items():
        group, name = key.split(".", 1)
        groups[group][name] = tensor.to(dtype)
    return groups


def load_image_encoder(folder: Path, *, dtype: torch.dtype) -> Any:
    convert_image_encoder(folder)
    read_keys(folder, TRANSFORMER, variant=None)  # a whole CLIP has the text tower too: keys may exceed the class
    encoder, info = CLIPVisionModelWithProjection.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, output_loading_info=True
    )
    missing = sorted(key for key in info["missing_keys"] if "position_ids" not in key)
    if missing:
        raise ModelError(f"{folder} lacks {missing[:3]} of CLIP's vision tower; fetch Kolors-IP-Adapter-Plus again")
    return encoder.eval()


def load_image_processor(folder: Path, *, size: int) -> Any:
    """CLIP's preprocessing at the encoder's own size: 336 for Kolors, where diffusers' default would be 224."""
    return CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size})


def _assert_projection(model: Any, where: Path) -> None:
    """Raise ModelError unless the text projection is there, finite and from encoder width to cross-attention width."""
    projection = getattr(model, "encoder_hid_proj", None)
    expected = (model.config.cross_attention_dim, model.config.encoder_hid_dim)
    found = tuple(projection.weight.shape) if projection is not None else None
    if projection is None or found != expected:
        raise ModelError(
            f"{where}: encoder_hid_proj is {found}, expected {expected}; take the Kolors repositories' files"
        )
    assert_finite(projection.weight, name="encoder_hid_proj.weight", where=where)


def _assert_widths(parts: Parts, text_encoder: Path) -> None:
    text, unet = read_config(text_encoder / "config.json").get("hidden_size"), parts.unet.config.encoder_hid_dim
    if text != unet:
        raise ModelError(f"{text_encoder} is {text} wide, the UNet takes {unet}; they are of different model sets")
