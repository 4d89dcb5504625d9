"""The ControlNet of Kolors: diffusers' own, with the net's own text projection applied."""

from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.controlnets.controlnet import ControlNetOutput

from tasks.errors import ModelError


class KolorsControlNet(ControlNetModel):
    """ControlNetModel that projects the encoder's hidden states with its own `encoder_hid_proj`.

    diffusers creates that layer for `encoder_hid_dim_type="text_proj"` but applies it in the UNet alone; each
    published Kolors net carries trained weights of its own, so the UNet's projection is no stand-in.
    """

    @classmethod
    def from_unet(cls, unet: UNet2DConditionModel, *args: Any, **kwargs: Any) -> "KolorsControlNet":
        """As ControlNetModel.from_unet, and the text projection too, which diffusers leaves random."""
        net: KolorsControlNet = super().from_unet(unet, *args, **kwargs)
        if net.encoder_hid_proj is not None:
            net.encoder_hid_proj.load_state_dict(unet.encoder_hid_proj.state_dict())
        return net

    def forward(
        self, sample: torch.Tensor, timestep: Any, encoder_hidden_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> ControlNetOutput | tuple[Any, ...]:
        """As ControlNetModel.forward, but for raw hidden states (batch, 256, encoder_hid_dim); else ModelError."""
        if self.encoder_hid_proj is not None:
            expected, found = self.encoder_hid_proj.in_features, encoder_hidden_states.shape[-1]
            if found != expected:
                raise ModelError(
                    f"ControlNet: text embeddings are {found} wide, its projection takes {expected}. Give it the text "
                    f"encoder's raw hidden states, from the encoder of the same model set and not yet projected."
                )
            encoder_hidden_states = self.encoder_hid_proj(encoder_hidden_states)
        return super().forward(sample, timestep, encoder_hidden_states, *args, **kwargs)
