"""Write the trained parts as one model set, and read them back."""

import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer

from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.nano.sample import NanoModel
from tasks.rendering.nano.vae_start import plain_latents
from tasks.rendering.nano.widths import GUIDANCE, NANO
from tasks.rendering.toyparts import LATENT_CHANNELS, make_unet
from tasks.rendering.toyset import BASE, CONTROLS, INPAINTING, ModelParts, write_set

CARD = {
    "name": "kolors-nano",
    "native_size": NANO.native_size,
    "margin": 16,
    "textured": True,
    "draft": True,
    "licence": "Apache-2.0",
    "note": "Draft model, trained on scenes that this project draws itself: for previews and tests, not for sale.",
    "sampler": {"preset": "dpm-25", "steps": 25, "guidance_scale": GUIDANCE},
}


def plain_unet(inpainting: UNet2DConditionModel) -> UNet2DConditionModel:
    """The 4-channel UNet that does what the 9-channel one does when nothing is kept.

    With a mask of ones and a grey masked picture the further channels are constants, so they go into the bias; only
    the outermost ring of latents differs, where the convolution's padding holds zeros instead of those constants.
    """
    plain = make_unet(NANO)
    weights = {name: value.clone() for name, value in inpainting.state_dict().items()}
    grey = plain_latents(torch.zeros(1, 3, 8, 8)).flatten()
    constants = torch.cat([torch.ones(1), grey])
    kernel = weights["conv_in.weight"]
    weights["conv_in.bias"] = weights["conv_in.bias"] + (kernel[:, LATENT_CHANNELS:].sum((2, 3)) * constants).sum(1)
    weights["conv_in.weight"] = kernel[:, :LATENT_CHANNELS].contiguous()
    plain.load_state_dict(weights)
    return plain


def export(folder: Path, parts: ModelParts, *, tokenizer: Path, revision: str) -> Path:
    """Write the set; `tokenizer` is the folder with the tokenizer's files."""
    target = folder / BASE / "tokenizer"
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(tokenizer.iterdir()):
        shutil.copyfile(file, target / file.name)
    return write_set(folder, parts, card={**CARD, "revision": revision})


def read_nano(folder: Path) -> NanoModel:
    """The parts of a written set that drawing needs, in fp32."""
    base = folder / BASE
    return NanoModel(
        tokenizer=ChatGLMTokenizer.from_pretrained(base / "tokenizer"),
        encoder=ChatGLMModel.from_pretrained(base / "text_encoder", variant="fp16", dtype=torch.float32).eval(),
        unet=UNet2DConditionModel.from_pretrained(folder / INPAINTING / "unet", dtype=torch.float32).eval(),
        vae=AutoencoderKL.from_pretrained(base / "vae", variant="fp16", dtype=torch.float32).eval(),
        scheduler=EulerDiscreteScheduler.from_pretrained(base / "scheduler"),
    )


def read_control(folder: Path, kind: str) -> KolorsControlNet:
    """One ControlNet of a written set, in fp32."""
    net: KolorsControlNet = KolorsControlNet.from_pretrained(folder / CONTROLS[kind], dtype=torch.float32)
    net.eval()
    return net
