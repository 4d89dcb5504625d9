from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from tasks.errors import ModelError
from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.toyparts import ToyWidths, make_controlnet, make_unet


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return make_unet(ToyWidths())


@pytest.fixture(scope="module")
def net(unet: UNet2DConditionModel) -> KolorsControlNet:
    return make_controlnet(unet, ToyWidths(), noise_seed=1)


def residuals(net: ControlNetModel, text: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(2)
    conditions = {"text_embeds": torch.zeros(1, 64), "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]])}
    with torch.inference_mode():
        _, middle = net(
            torch.randn(1, 4, 8, 8),
            10,
            encoder_hidden_states=text,
            controlnet_cond=torch.ones(1, 3, 64, 64),
            added_cond_kwargs=conditions,
            return_dict=False,
        )
    return middle


def test_raw_hidden_states_go_through_the_nets_own_projection(net: KolorsControlNet) -> None:
    text = torch.randn(1, 256, 64)
    plain = ControlNetModel.from_config(net.config)
    plain.load_state_dict(net.state_dict())
    with torch.inference_mode():
        projected = net.encoder_hid_proj(text)
    assert torch.equal(residuals(net, text), residuals(plain, projected))


def test_projected_embeddings_are_refused_with_both_widths_named(net: KolorsControlNet) -> None:
    with pytest.raises(ModelError, match="32 wide, its projection takes 64"):
        residuals(net, torch.randn(1, 256, 32))


def test_saved_net_comes_back_the_same(net: KolorsControlNet, tmp_path: Path) -> None:
    net.save_pretrained(tmp_path)
    again = KolorsControlNet.from_pretrained(tmp_path).state_dict()
    assert again.keys() == net.state_dict().keys()
    assert all(torch.equal(again[key], value) for key, value in net.state_dict().items())


def test_from_unet_copies_the_text_projection(unet: UNet2DConditionModel) -> None:
    net = KolorsControlNet.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 8, 8))
    assert isinstance(net, KolorsControlNet)
    assert torch.equal(net.encoder_hid_proj.weight, unet.encoder_hid_proj.weight)


def test_net_of_a_nine_channel_unet_sees_four_channels() -> None:
    net = make_controlnet(make_unet(ToyWidths(), in_channels=9), ToyWidths(), noise_seed=None)
    assert net.conv_in.in_channels == 4
