import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer, KolorsPipeline
from safetensors.torch import load_file
from transformers import CLIPVisionModelWithProjection

from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.toyset import BASE, CONTROLS, INPAINTING, IP_ADAPTER, IP_ADAPTER_FILE, build_random_set


@pytest.fixture(scope="module")
def model_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_random_set(tmp_path_factory.mktemp("random-set"))


def test_base_pipeline_loads_and_draws_through_the_fp16_variant(model_set: Path) -> None:
    pipe = KolorsPipeline.from_pretrained(model_set / BASE, variant="fp16", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    image = pipe("白色大理石", height=64, width=64, num_inference_steps=2, output_type="np").images[0]
    assert image.shape == (64, 64, 3)
    assert image.std() > 0


def test_text_encoder_is_sharded_under_the_old_index_spelling(model_set: Path) -> None:
    folder = model_set / BASE / "text_encoder"
    assert (folder / "model.safetensors.index.fp16.json").exists()
    assert len(list(folder.glob("model.fp16-*.safetensors"))) > 1
    encoder = ChatGLMModel.from_pretrained(folder, variant="fp16")
    assert all(torch.isfinite(parameter).all() for parameter in encoder.parameters())


def test_tokenizer_pads_left_and_begins_with_the_two_prefix_tokens(model_set: Path) -> None:
    tokenizer = ChatGLMTokenizer.from_pretrained(model_set / BASE / "tokenizer")
    ids = tokenizer("雪", padding="max_length", max_length=256)["input_ids"]
    assert len(ids) == 256
    assert ids[0] == tokenizer.pad_token_id
    assert len(tokenizer("")["input_ids"]) == 2


def test_inpainting_unet_takes_nine_channels_and_has_no_suffix(model_set: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(model_set / INPAINTING / "unet")
    assert unet.conv_in.in_channels == 9
    assert unet.encoder_hid_proj.in_features == unet.config.encoder_hid_dim


def test_scheduler_starts_from_the_noise_of_kolors(model_set: Path) -> None:
    scheduler = EulerDiscreteScheduler.from_pretrained(model_set / BASE / "scheduler")
    assert float(scheduler.sigmas.max()) == pytest.approx(29.06, abs=0.01)


def test_vae_shrinks_by_eight(model_set: Path) -> None:
    vae = AutoencoderKL.from_pretrained(model_set / BASE / "vae", variant="fp16", dtype=torch.float32)
    with torch.inference_mode():
        assert vae.encode(torch.zeros(1, 3, 64, 32)).latent_dist.mode().shape == (1, 4, 8, 4)


@pytest.mark.parametrize("kind", CONTROLS)
def test_controlnets_load_in_spite_of_the_private_class_name_and_say_something(model_set: Path, kind: str) -> None:
    folder = model_set / CONTROLS[kind]
    assert json.loads((folder / "config.json").read_text())["_class_name"] == "ControlNetModel_JQ"
    net = KolorsControlNet.from_pretrained(folder)
    assert all(block.weight.abs().sum() > 0 for block in net.controlnet_down_blocks)


def test_ip_adapter_loads_into_the_unet_and_moves_the_picture(model_set: Path) -> None:
    pipe = KolorsPipeline.from_pretrained(
        model_set / BASE,
        variant="fp16",
        dtype=torch.float32,
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(model_set / IP_ADAPTER / "image_encoder"),
    )
    pipe.set_progress_bar_config(disable=True)
    flat = load_file(model_set / IP_ADAPTER / IP_ADAPTER_FILE)
    groups: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, value in flat.items():
        group, _, name = key.partition(".")
        groups[group][name] = value.float()
    pipe.load_ip_adapter(groups, subfolder="", weight_name="", image_encoder_folder=None)
    tokens = pipe.image_encoder.config
    count = (tokens.image_size // tokens.patch_size) ** 2 + 1
    embeds = torch.randn(2, 1, count, tokens.hidden_size, generator=torch.Generator().manual_seed(0))

    def draw(scale: float) -> torch.Tensor:
        pipe.set_ip_adapter_scale(scale)
        return pipe(
            "雪",
            height=64,
            width=64,
            num_inference_steps=2,
            ip_adapter_image_embeds=[embeds],
            generator=torch.Generator().manual_seed(0),
            output_type="latent",
        ).images

    assert (draw(1.0) - draw(0.0)).abs().max() > 1e-3


def test_same_seed_gives_the_same_weights(model_set: Path, tmp_path: Path) -> None:
    again = build_random_set(tmp_path)
    name = "Kolors-Inpainting/unet/diffusion_pytorch_model.safetensors"
    assert (again / name).read_bytes() == (model_set / name).read_bytes()


def test_set_card_names_the_set(model_set: Path) -> None:
    card = json.loads((model_set / "set.json").read_text(encoding="utf-8"))
    assert set(card) == {"name", "revision", "native_size", "draft", "licence", "note"}
