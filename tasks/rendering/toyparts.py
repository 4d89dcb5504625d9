"""The parts of Kolors at any width: the same classes and the same kind of configuration as the published weights."""

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from tasks.rendering.controlnet import KolorsControlNet

LATENT_CHANNELS = 4
INPAINT_CHANNELS = 9  # noisy latents, mask, masked-image latents
IP_DEPTH = 4  # the IP-Adapter loader builds four resampler layers, whatever the file holds
IP_HEAD_DIM = 64  # the IP-Adapter loader infers heads = rows of to_q / 64
TIME_IDS = 6  # (original h, w, crop top, left, target h, w)


@dataclass(frozen=True)
class ToyWidths:
    """How wide and deep each part is; the defaults are the narrowest that exercise every part of Kolors."""

    native_size: int = 64  # pixels
    unet_blocks: tuple[int, ...] = (16, 32, 32)
    unet_heads: tuple[int, ...] = (2, 4, 4)
    unet_transformers: tuple[int, ...] = (1, 1, 2)
    unet_layers: int = 2
    unet_down: tuple[str, ...] = ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")
    unet_up: tuple[str, ...] = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
    norm_groups: int = 8
    cross_dim: int = 32
    time_id_dim: int = 8
    control_channels: tuple[int, ...] = (8, 8, 8, 8)
    text_hidden: int = 64
    text_layers: int = 3
    text_ffn: int = 96
    text_heads: int = 4
    text_groups: int = 2
    text_kv: int = 16
    vocabulary: int = 1000  # pieces of the sentencepiece model, before ChatGLM's nine special tokens
    vae_blocks: tuple[int, ...] = (16, 16, 16, 16)  # four levels: the factor stays 8
    vae_layers: int = 1
    vae_groups: int = 8
    vae_attention: bool = True  # in the VAE's middle block, as published
    clip_hidden: int = 32
    clip_layers: int = 2
    clip_heads: int = 4
    clip_image: int = 28  # pixels
    clip_patch: int = 14  # pixels
    clip_projection: int = 16
    ip_hidden: int = 64
    ip_heads: int = 1
    ip_queries: int = 4

    @property
    def padded_vocabulary(self) -> int:
        """Room for the pieces and the nine special tokens, rounded up to 64 as in ChatGLM3."""
        return math.ceil((self.vocabulary + 9) / 64) * 64


def kolors_scheduler(*, prediction_type: str = "epsilon") -> EulerDiscreteScheduler:
    """The published schedule: 1100 steps, beta_end 0.014, leading spacing (sigma_max 29.06)."""
    return EulerDiscreteScheduler(
        num_train_timesteps=1100,
        beta_start=0.00085,
        beta_end=0.014,
        beta_schedule="scaled_linear",
        prediction_type=prediction_type,
        timestep_spacing="leading",
        steps_offset=1,
        interpolation_type="linear",
        use_karras_sigmas=False,
    )


def train_tokenizer(
    corpus: Iterable[str], folder: Path, *, vocabulary: int, longest_piece: int = 16
) -> ChatGLMTokenizer:
    """Train a BPE model with byte fallback on `corpus` and write a ChatGLM tokenizer into `folder`.

    No piece is longer than `longest_piece` characters: short ones keep the words of a phrase apart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        byte_fallback=True,
        character_coverage=1.0,
        max_sentencepiece_length=longest_piece,
        pad_id=-1,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        num_threads=1,
        minloglevel=2,
    )
    path = folder / "tokenizer.model"
    path.write_bytes(model.getvalue())
    tokenizer = ChatGLMTokenizer(str(path))
    tokenizer.save_pretrained(folder)
    return tokenizer


def initialise(module: nn.Module, *, generator: torch.Generator, std: float = 0.02) -> None:
    """Fill every parameter: normal weights of `std`, norms to one, biases to zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)


def make_text_encoder(widths: ToyWidths, *, seed: int | None) -> ChatGLMModel:
    """A ChatGLM with every parameter initialised: the class itself leaves them as whatever the memory held.

    With `seed` None that is left to the caller.
    """
    config = ChatGLMConfig(
        num_layers=widths.text_layers,
        padded_vocab_size=widths.padded_vocabulary,
        hidden_size=widths.text_hidden,
        ffn_hidden_size=widths.text_ffn,
        kv_channels=widths.text_kv,
        num_attention_heads=widths.text_heads,
        multi_query_attention=True,
        multi_query_group_num=widths.text_groups,
        seq_length=512,
        add_qkv_bias=True,
        attention_softmax_in_fp32=True,
        original_rope=True,  # read by the model, absent from the configuration's signature
    )
    encoder = ChatGLMModel(config)
    if seed is not None:
        initialise(encoder, generator=torch.Generator().manual_seed(seed), std=0.08)
    return encoder.eval()


def make_unet(widths: ToyWidths, *, in_channels: int = LATENT_CHANNELS) -> UNet2DConditionModel:
    """The UNet with the text projection inside, for plain (4) or inpainting (9) input channels."""
    return UNet2DConditionModel(
        sample_size=widths.native_size // 8,
        in_channels=in_channels,
        out_channels=LATENT_CHANNELS,
        down_block_types=widths.unet_down,
        up_block_types=widths.unet_up,
        block_out_channels=widths.unet_blocks,
        layers_per_block=widths.unet_layers,
        transformer_layers_per_block=list(widths.unet_transformers),
        attention_head_dim=list(widths.unet_heads),
        norm_num_groups=widths.norm_groups,
        cross_attention_dim=widths.cross_dim,
        use_linear_projection=True,
        encoder_hid_dim=widths.text_hidden,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text_time",
        addition_time_embed_dim=widths.time_id_dim,
        projection_class_embeddings_input_dim=widths.text_hidden + TIME_IDS * widths.time_id_dim,
    ).eval()


def make_controlnet(unet: UNet2DConditionModel, widths: ToyWidths, *, noise_seed: int | None) -> KolorsControlNet:
    """A ControlNet of a 4- or 9-channel UNet; `noise_seed` fills the zero convolutions, so that it does something.

    The net itself always sees the four noisy channels alone.
    """
    net: KolorsControlNet = KolorsControlNet.from_unet(
        make_unet(widths) if unet.config.in_channels != LATENT_CHANNELS else unet,
        conditioning_embedding_out_channels=widths.control_channels,
        load_weights_from_unet=unet.config.in_channels == LATENT_CHANNELS,
    )
    if noise_seed is not None:
        generator = torch.Generator().manual_seed(noise_seed)
        zeroed = [*net.controlnet_down_blocks.parameters(), *net.controlnet_mid_block.parameters()]
        with torch.no_grad():
            for parameter in [*zeroed, *net.controlnet_cond_embedding.conv_out.parameters()]:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    net.eval()
    return net


def make_vae(widths: ToyWidths, *, scaling_factor: float = 0.13025) -> AutoencoderKL:
    """A VAE of four levels (factor 8) in the shape of SDXL's."""
    levels = len(widths.vae_blocks)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=widths.vae_blocks,
        layers_per_block=widths.vae_layers,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=widths.vae_groups,
        mid_block_add_attention=widths.vae_attention,
        sample_size=widths.native_size,
        scaling_factor=scaling_factor,
    ).eval()


def make_image_encoder(widths: ToyWidths) -> CLIPVisionModelWithProjection:
    """The vision tower that the IP-Adapter looks through."""
    config = CLIPVisionConfig(
        hidden_size=widths.clip_hidden,
        intermediate_size=widths.clip_hidden * 4,
        num_hidden_layers=widths.clip_layers,
        num_attention_heads=widths.clip_heads,
        image_size=widths.clip_image,
        patch_size=widths.clip_patch,
        projection_dim=widths.clip_projection,
    )
    return CLIPVisionModelWithProjection(config).eval()


def make_ip_adapter(
    unet: UNet2DConditionModel, widths: ToyWidths, *, seed: int, std: float = 0.05
) -> dict[str, dict[str, torch.Tensor]]:
    """IP-Adapter-Plus weights for `unet`: the two dicts `image_proj` and `ip_adapter` under the published key names."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * std

    hidden, inner, cross = widths.ip_hidden, widths.ip_heads * IP_HEAD_DIM, widths.cross_dim
    image_proj: dict[str, torch.Tensor] = {
        "latents": torch.randn((1, widths.ip_queries, hidden), generator=generator) / hidden**0.5,
        "proj_in.weight": noise(hidden, widths.clip_hidden),
        "proj_in.bias": torch.zeros(hidden),
        "proj_out.weight": noise(cross, hidden),
        "proj_out.bias": torch.zeros(cross),
        "norm_out.weight": torch.ones(cross),
        "norm_out.bias": torch.zeros(cross),
    }
    for layer in range(IP_DEPTH):
        attention, feed = f"layers.{layer}.0", f"layers.{layer}.1"
        for norm in (f"{attention}.norm1", f"{attention}.norm2", f"{feed}.0"):
            image_proj |= {f"{norm}.weight": torch.ones(hidden), f"{norm}.bias": torch.zeros(hidden)}
        image_proj |= {
            f"{attention}.to_q.weight": noise(inner, hidden),
            f"{attention}.to_kv.weight": noise(2 * inner, hidden),
            f"{attention}.to_out.weight": noise(hidden, inner),
            f"{feed}.1.weight": noise(4 * hidden, hidden),
            f"{feed}.3.weight": noise(hidden, 4 * hidden),
        }
    return {"image_proj": image_proj, "ip_adapter": _image_keys(unet, cross, noise)}


def _image_keys(unet: UNet2DConditionModel, cross: int, noise: Any) -> dict[str, torch.Tensor]:
    """One key and one value matrix per cross-attention, numbered 1, 3, 5, ... in the order of `attn_processors`."""
    weights: dict[str, torch.Tensor] = {}
    crosses = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(crosses):
        width = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        weights[f"{2 * number + 1}.to_k_ip.weight"] = noise(width, cross)
        weights[f"{2 * number + 1}.to_v_ip.weight"] = noise(width, cross)
    return weights
