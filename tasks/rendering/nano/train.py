"""Train kolors-nano from nothing: scenes, then text encoder, decoder, UNet and ControlNets, then the set.

    python -m tasks.rendering.nano.train --stage all

Every stage goes on where it stopped; budgets are wall-clock seconds, so the same command suits a laptop and a server.
"""

import argparse
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPVisionModelWithProjection

from tasks.rendering.loader import load_image_processor
from tasks.rendering.nano.adapter import put_in, take_out
from tasks.rendering.nano.checkpoint import read_average, write_start
from tasks.rendering.nano.dataset import draw_all, read_buckets
from tasks.rendering.nano.export import export, plain_unet, read_control, read_nano
from tasks.rendering.nano.latents import encode_buckets
from tasks.rendering.nano.learn_controls import control_of, learn_controls
from tasks.rendering.nano.learn_text import learn_text
from tasks.rendering.nano.learn_unet import calm_start, learn_unet
from tasks.rendering.nano.learn_vae import learn_vae
from tasks.rendering.nano.lesson import Lesson
from tasks.rendering.nano.palette_aim import aim, read_own, start_of, told_by
from tasks.rendering.nano.resampler_start import set_by_hand as read_by_hand
from tasks.rendering.nano.sample import PROMPTS, NanoModel, draw
from tasks.rendering.nano.style_wire import lay_wire
from tasks.rendering.nano.tokens import make_tokenizer
from tasks.rendering.nano.vae_start import set_by_hand
from tasks.rendering.nano.vision_start import set_by_hand as look_by_hand
from tasks.rendering.nano.widths import NANO
from tasks.rendering.toyparts import (
    INPAINT_CHANNELS,
    kolors_scheduler,
    make_image_encoder,
    make_ip_adapter,
    make_text_encoder,
    make_unet,
    make_vae,
)
from tasks.rendering.toyset import BASE, CONTROLS, IP_ADAPTER, IP_ADAPTER_FILE, ModelParts

MODELS = Path(__file__).parent.parent / "models"
PREDICTION = "v_prediction"
RATES = {"unet": 1.5e-3, "controls": 8e-4}
READ = 200  # batches by which the adapter is aimed


def tokenizer_of(folder: Path) -> ChatGLMTokenizer:
    target = folder / "tokenizer"
    if (target / "tokenizer.model").exists():
        return ChatGLMTokenizer.from_pretrained(target)
    return make_tokenizer(target, vocabulary=NANO.vocabulary)


def encoder_of(folder: Path) -> ChatGLMModel:
    encoder = make_text_encoder(NANO, seed=0)
    read_average(encoder, folder / "text.safetensors", prefix="0.")
    return encoder.eval()


def unet_of(folder: Path) -> UNet2DConditionModel:
    """The inpainting UNet as far as it has got, or fresh."""
    torch.manual_seed(0)
    unet = make_unet(NANO, in_channels=INPAINT_CHANNELS)
    calm_start(unet)
    for stage in ("unet", "controls"):
        read_average(unet, folder / f"{stage}.safetensors", prefix="unet.")
    return unet


def seed_folder(folder: Path, options: argparse.Namespace) -> None:
    """Begin from a finished set: its tokenizer, text encoder, VAE, UNet and ControlNets, as if trained here."""
    shipped = read_nano(options.start)
    shutil.copytree(options.start / BASE / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)
    write_start(shipped.encoder, folder / "text.safetensors", prefix="0.")
    write_start(shipped.vae, folder / "vae.safetensors")
    write_start(shipped.unet, folder / "unet.safetensors", prefix="unet.")
    # its UNet holds the wire already, which must not be laid twice
    found = shipped_adapter(options.start)
    save_file({"start": start_of(style_values(read_nano(options.start).unet, found))}, folder / "wire.safetensors")
    adapter = put_in(read_nano(options.start).unet, found)
    write_start(adapter, folder / "adapter.safetensors", prefix="adapter.")
    nets = nn.ModuleDict({f"control_{kind}": read_control(options.start, kind) for kind in CONTROLS})
    write_start(nets, folder / "controls.safetensors")


def shipped_adapter(start: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The adapter of a finished set, in the published groups."""
    groups: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, value in load_file(start / IP_ADAPTER / IP_ADAPTER_FILE).items():
        group, key = name.split(".", 1)
        groups[group][key] = value.float()
    return groups


def train_scenes(folder: Path, options: argparse.Namespace) -> None:
    draw_all(folder / "scenes", options.pictures, workers=options.workers)


def train_text(folder: Path, options: argparse.Namespace) -> None:
    learn_text(tokenizer_of(folder), make_text_encoder(NANO, seed=0), folder=folder, seconds=options.text_seconds)


def train_vae(folder: Path, options: argparse.Namespace) -> None:
    vae = make_vae(NANO, scaling_factor=1.0)
    set_by_hand(vae)
    pictures = [bucket.pixels for bucket in read_buckets(folder / "scenes")]
    learn_vae(vae, pictures[:1], folder=folder, seconds=options.vae_seconds)


def train_unet(folder: Path, options: argparse.Namespace) -> None:
    (folder / "wire.safetensors").unlink(missing_ok=True)  # it is unlearnt here
    path = folder / "unet.safetensors"
    learn_unet(unet_of(folder), _lesson(folder), path=path, rate=RATES["unet"], seconds=options.unet_seconds)
    save_sheet(folder)


def train_controls(folder: Path, options: argparse.Namespace) -> None:
    """The UNet learns on beside the ControlNets, with the adapter's wire laid through it."""
    path, lesson = folder / "controls.safetensors", _lesson(folder)
    wire, unet = wire_of(folder, lesson), unet_of(folder)
    nets = {kind: control_of(unet, NANO) for kind in CONTROLS}
    learn_controls(unet, nets, lesson, wire=wire, path=path, rate=RATES["controls"], seconds=options.control_seconds)


def wire_of(folder: Path, lesson: Lesson) -> torch.Tensor:
    """Where the wire begins, (channels, 3); it is laid through the UNet of "unet.safetensors" where there is none."""
    path = folder / "wire.safetensors"
    if not path.exists():
        unet = unet_of(folder).requires_grad_(False).eval()
        lesson.begin(3)
        start = lay_wire(unet, [lesson.batch(4, dropped=0.4, whole=0.5) for _ in range(8)])
        write_start(unet, folder / "unet.safetensors", prefix="unet.")
        save_file({"start": start.contiguous()}, path)
    return torch.as_tensor(load_file(path)["start"])


def train_adapter(folder: Path, options: argparse.Namespace) -> None:
    """Aim the adapter along the wire; nothing is learnt by descent."""
    lesson = _lesson(folder)
    start, unet = wire_of(folder, lesson), unet_of(folder).requires_grad_(False).eval()
    processor = load_image_processor(folder, size=NANO.clip_image)
    lesson.begin(3)
    adapter = put_in(unet_of(folder), fresh_adapter())
    told, own = told_by(adapter["image_proj"], image_encoder(), processor), read_own(unet, lesson, batches=READ)
    style: Any = adapter["style"]
    keys, values = aim(start, told, own, width=NANO.cross_dim, heads=NANO.unet_heads[-1])
    with torch.no_grad():
        style.to_k_ip[0].weight.copy_(keys)
        style.to_v_ip[0].weight.copy_(values)
    write_start(adapter, folder / "adapter.safetensors", prefix="adapter.")


def style_values(unet: UNet2DConditionModel, weights: dict[str, dict[str, torch.Tensor]]) -> torch.Tensor:
    """`to_v_ip` of the style block, (channels, width), of an adapter that is put into the UNet."""
    style: Any = put_in(unet, weights)["style"]
    return torch.as_tensor(style.to_v_ip[0].weight.detach())


def image_encoder() -> CLIPVisionModelWithProjection:
    torch.manual_seed(0)
    encoder = make_image_encoder(NANO)
    look_by_hand(encoder)
    return encoder


def fresh_adapter() -> dict[str, dict[str, torch.Tensor]]:
    """An adapter that reads a picture's mean colour and adds nothing to the UNet yet."""
    weights = make_ip_adapter(make_unet(NANO), NANO, seed=0, std=0.1)
    read_by_hand(weights["image_proj"])
    for value in weights["ip_adapter"].values():
        value.zero_()
    return weights


def adapter_of(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The adapter as far as it has got, under the published names."""
    unet = unet_of(folder)
    read_average(put_in(unet, fresh_adapter()), folder / "adapter.safetensors", prefix="adapter.")
    return take_out(unet)


def _lesson(folder: Path) -> Lesson:
    buckets = encode_buckets(list(read_buckets(folder / "scenes")), folder=folder / "scenes")
    return Lesson(buckets, tokenizer_of(folder), encoder_of(folder))


def write_model(folder: Path, options: argparse.Namespace) -> None:
    """Write the set from whatever has been trained so far; what has not is present and does nothing."""
    torch.manual_seed(0)
    model = nano_of(folder)
    nets = {kind: control_of(model.unet, NANO) for kind in CONTROLS}
    for kind, net in nets.items():
        read_average(net, folder / "controls.safetensors", prefix=f"control_{kind}.")
    plain = plain_unet(model.unet)
    parts = ModelParts(
        text_encoder=model.encoder,
        unet=plain,
        inpaint_unet=model.unet,
        vae=model.vae,
        controls=nets,
        image_encoder=image_encoder(),
        ip_adapter=adapter_of(folder),
        clip_image=NANO.clip_image,
        prediction_type=PREDICTION,
    )
    export(options.output, parts, tokenizer=folder / "tokenizer", revision=options.revision)


def nano_of(folder: Path) -> NanoModel:
    vae = make_vae(NANO, scaling_factor=1.0)
    set_by_hand(vae)
    read_average(vae, folder / "vae.safetensors")
    scheduler = kolors_scheduler(prediction_type=PREDICTION)
    return NanoModel(tokenizer_of(folder), encoder_of(folder), unet_of(folder).eval(), vae.eval(), scheduler)


def save_sheet(folder: Path) -> None:
    """One picture of each sample scene, as the model draws them now."""
    pictures = draw(nano_of(folder), list(PROMPTS.values()), seeds=range(len(PROMPTS)), steps=12)
    Image.fromarray(np.concatenate(list(pictures), axis=1)).save(folder / "sheet.png")


STAGES: Mapping[str, Callable[[Path, argparse.Namespace], None]] = {
    "seed": seed_folder,
    "scenes": train_scenes,
    "text": train_text,
    "vae": train_vae,
    "unet": train_unet,
    "controls": train_controls,
    "adapter": train_adapter,
    "export": write_model,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train kolors-nano, stage by stage; each goes on where it stopped.")
    parser.add_argument("--stage", choices=["all", *STAGES], default="all", help="all but seed, or one")
    shipped = MODELS / "kolors-nano"
    parser.add_argument("--from", dest="start", type=Path, default=shipped, help="the set that the seed stage takes")
    parser.add_argument("--folder", type=Path, default=Path("out/nano"), help="checkpoints, drawn scenes, logs, sheets")
    parser.add_argument("--output", type=Path, default=MODELS / "kolors-nano", help="where the finished set is written")
    parser.add_argument("--revision", default="1", help="what set.json calls this training")
    parser.add_argument("--pictures", type=int, default=20000, help="training pictures to draw")
    parser.add_argument("--workers", type=int, default=2, help="processes that draw")
    for name, seconds in (("text", 600), ("vae", 2400), ("unet", 14400), ("control", 5400)):
        parser.add_argument(f"--{name}-seconds", type=float, default=seconds, help=f"budget of the {name} stage")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    whole = [name for name in STAGES if name != "seed"]
    for name in whole if options.stage == "all" else [options.stage]:
        STAGES[name](options.folder, options)


if __name__ == "__main__":
    main()
