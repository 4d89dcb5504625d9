"""Kolors on core diffusers classes: inpainting with any number of ControlNets and an IP-Adapter.

The SDXL inpainting pipelines take Kolors' UNet, schedule and embeddings once their own encoders are None; what they get
wrong for Kolors (strength, latent mask, text projection of the ControlNets, VAE dtype) is set right here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionXLControlNetInpaintPipeline, StableDiffusionXLInpaintPipeline
from diffusers.models.controlnets.multicontrolnet import MultiControlNetModel
from PIL import Image

from tasks.errors import RenderError
from tasks.rendering.acceleration import accelerated
from tasks.rendering.job import ControlUse, Sampler
from tasks.rendering.loader import Parts, load_control, quiet_loading
from tasks.rendering.modelset import ModelSet
from tasks.rendering.presets import find_preset
from tasks.rendering.renderer import Pixels
from tasks.rendering.text import Embedding
from tasks.rendering.tuning import QUANTISED, tune
from tasks.shapes import Size

STRENGTH = 1.0  # exactly: anything less starts from the noised canvas, drops a step and leaks the canvas' colour


@dataclass(frozen=True)
class Condition:
    """All that steers one picture. `canvas` (3,H,W) in 0..1, `mask` (1,H,W) with 1 where the picture is drawn.

    `controls` pairs each use with its control image (3,H,W) in 0..1; `reference` holds features of n pictures
    (2,n,N,C), those of no picture first, or None for no reference.
    """

    size: Size
    seed: int
    positive: Embedding
    negative: Embedding
    canvas: torch.Tensor
    mask: torch.Tensor
    sampler: Sampler
    controls: tuple[tuple[ControlUse, torch.Tensor], ...] = ()
    reference: torch.Tensor | None = None
    reference_scale: float = 0.0

    @property
    def acting(self) -> tuple[tuple[ControlUse, torch.Tensor], ...]:
        """The controls that act at all."""
        return tuple((use, image) for use, image in self.controls if use.controlnet_conditioning_scale > 0)


class ActingControlNets(MultiControlNetModel):
    """Several ControlNets, of which those with scale 0 at this step are not run: their residuals would be zero."""

    def forward(
        self,
        sample: torch.Tensor,
        timestep: Any,
        encoder_hidden_states: torch.Tensor,
        controlnet_cond: list[torch.Tensor],
        conditioning_scale: list[float],
        **kwargs: Any,
    ) -> Any:
        acting = [index for index, scale in enumerate(conditioning_scale) if scale != 0]
        if not acting:
            return None, None  # the UNet takes this for "no ControlNet"
        down: list[torch.Tensor] | None = None
        middle: torch.Tensor | None = None
        for index in acting:
            downs, mid = self.nets[index](
                sample,
                timestep,
                encoder_hidden_states,
                controlnet_cond=controlnet_cond[index],
                conditioning_scale=conditioning_scale[index],
                **{**kwargs, "return_dict": False},
            )
            down = list(downs) if down is None else [a + b for a, b in zip(down, downs, strict=True)]
            middle = mid if middle is None else middle + mid
        return down, middle


class Kolors:
    """One model in memory. Not safe to share between threads: schedulers and adapter scales are its state."""

    def __init__(self, found: ModelSet, parts: Parts, *, device: torch.device) -> None:
        self._found, self._parts, self._device = found, parts, device
        self._plain = _quiet(StableDiffusionXLInpaintPipeline(**self._components()))
        self._features = self._load_ip_adapter()
        tune(parts.unet, found.tuning, device=device)  # after the adapter, whose loading replaces the processors

    @torch.inference_mode()
    def denoise(self, batch: Sequence[Condition]) -> torch.Tensor:
        """Latents (batch, 4, H/8, W/8) of pictures that share size, sampler, kinds and uses of control, reference.

        They hold the set's margin, which `decode` cuts off.
        """
        for one in batch:
            _assert_sizes(one)
        batch = [_widened(one, self._found.margin) for one in batch]
        first = batch[0]
        pipe = self._pipeline(first)
        pipe.scheduler = self.scheduler(first.sampler)
        self._set_reference(first)
        nets = [self._control(use.kind) for use, _ in first.acting]
        with accelerated(self._parts.unet, nets, first.sampler):
            latents = pipe(**self._arguments(batch), **self._control_arguments(batch)).images
        return torch.as_tensor(latents)

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> list[Pixels]:
        """Pictures from latents, one at a time: a decode's memory is large and its batch gains nothing.

        Raises RenderError where a value is not finite.
        """
        return [self._decode(latent) for latent in latents]

    @torch.inference_mode()
    def encode_reference(self, images: Sequence[Pixels]) -> torch.Tensor:
        """Image features (2, n, N, C) of n reference pictures; those of an all-zero input first.

        Raises RenderError where the model set has no IP-Adapter.
        """
        encoder, processor = self._parts.image_encoder, self._parts.image_processor
        if encoder is None:
            raise RenderError(f"model set {self._found.name!r} has no IP-Adapter; drop the scene's reference pictures")
        pixels = processor([Image.fromarray(image) for image in images], return_tensors="pt").pixel_values
        pixels = pixels.to(self._device, self._parts.dtype)
        features = encoder(pixels, output_hidden_states=True).hidden_states[-2]
        # "no picture" is the features of zeros, not zero features
        nothing = encoder(torch.zeros_like(pixels), output_hidden_states=True).hidden_states[-2]
        return torch.stack([nothing, features])

    def scheduler(self, sampler: Sampler) -> Any:
        """A fresh scheduler of the preset with the model's own 1100 steps and betas."""
        preset = find_preset(sampler.preset)
        made = getattr(diffusers, preset.scheduler).from_config(self._parts.scheduler.config, **preset.options)
        if made.config.num_train_timesteps != self._parts.scheduler.config.num_train_timesteps:
            raise RenderError(f"sampler preset {sampler.preset!r} does not keep the model's schedule")
        return made

    @contextmanager
    def away(self) -> Iterator[None]:
        """Everything off the card meanwhile, so that the text encoder has room."""
        parts = self._parts
        nets = [
            net for net in (parts.unet, parts.vae, parts.image_encoder, *parts.controls.values()) if net is not None
        ]
        for net in nets:
            net.to("cpu")
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        try:
            yield
        finally:
            for net in nets:
                net.to(self._device)

    def in_fp32(self, batch: Sequence[Condition]) -> torch.Tensor | None:
        """Latents once more in full precision, None where that is what was used already or cannot be had back."""
        if self._parts.dtype == torch.float32 or QUANTISED.intersection(self._found.tuning):
            return None
        nets = [self._parts.unet, *self._parts.controls.values()]
        for net in nets:
            net.float()
        try:
            return self.denoise(batch)
        finally:
            for net in nets:
                net.to(self._parts.dtype)

    def _decode(self, latent: torch.Tensor) -> Pixels:
        vae = self._parts.vae
        if vae.dtype == torch.float16:
            vae.float()  # the pipelines' upcasting leaves it in fp16, in which it overflows
        picture = vae.decode(latent[None].to(vae.dtype) / vae.config.scaling_factor, return_dict=False)[0][0]
        if not torch.isfinite(picture).all():
            raise RenderError("the decoder gave values that are not finite; the picture is withheld")
        share = (picture.float() / 2 + 0.5).clamp(0, 1)
        pixels = np.asarray((share * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy())
        margin = self._found.margin
        return pixels[margin:-margin, margin:-margin].copy() if margin else pixels

    def _components(self) -> dict[str, Any]:
        nothing = dict.fromkeys(("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"))
        parts = self._parts
        return {
            **nothing,
            "vae": parts.vae,
            "unet": parts.unet,
            "scheduler": parts.scheduler,
            "force_zeros_for_empty_prompt": False,
            "add_watermarker": False,
        }

    def _pipeline(self, condition: Condition) -> Any:
        kinds = [use.kind for use, _ in condition.acting]
        if not kinds:
            return self._plain
        nets = ActingControlNets([self._control(kind) for kind in kinds])
        return _quiet(StableDiffusionXLControlNetInpaintPipeline(**self._components(), controlnet=nets))

    def _control(self, kind: str) -> Any:
        if kind not in self._parts.controls:
            net = load_control(self._found, kind, dtype=self._parts.dtype)
            self._parts.controls[kind] = net.to(self._device)
            tune(self._parts.controls[kind], self._found.tuning, device=self._device)
        return self._parts.controls[kind]

    def _arguments(self, batch: Sequence[Condition]) -> dict[str, Any]:
        first, dtype = batch[0], self._parts.unet.dtype
        positive, negative = [one.positive for one in batch], [one.negative for one in batch]
        arguments = {
            "prompt_embeds": _stacked([one.hidden for one in positive], self._device, dtype),
            "pooled_prompt_embeds": _stacked([one.pooled for one in positive], self._device, dtype),
            "negative_prompt_embeds": _stacked([one.hidden for one in negative], self._device, dtype),
            "negative_pooled_prompt_embeds": _stacked([one.pooled for one in negative], self._device, dtype),
            "image": torch.stack([one.canvas for one in batch]),
            "mask_image": torch.stack([one.mask for one in batch]),
            "width": first.size.width,
            "height": first.size.height,
            "strength": STRENGTH,
            "num_inference_steps": first.sampler.steps,
            "guidance_scale": first.sampler.guidance_scale,
            # on the CPU and one a picture: the same noise on any device, whatever else is in the batch
            "generator": [torch.Generator("cpu").manual_seed(one.seed) for one in batch],
            "output_type": "latent",
        }
        return {**arguments, **self._reference_arguments(batch)}

    def _control_arguments(self, batch: Sequence[Condition]) -> dict[str, Any]:
        uses = [use for use, _ in batch[0].acting]
        if not uses:
            return {}
        images = [torch.stack([one.acting[index][1] for one in batch]) for index in range(len(uses))]
        return {
            "control_image": images,
            "controlnet_conditioning_scale": [use.controlnet_conditioning_scale for use in uses],
            "control_guidance_start": [use.control_guidance_start for use in uses],
            "control_guidance_end": [use.control_guidance_end for use in uses],
        }

    def _load_ip_adapter(self) -> torch.Tensor | None:
        """Load the adapter once and for good, at scale 0; returns the features that stand for "no reference".

        diffusers loses the text projection when an adapter is unloaded and loaded again, and a UNet that holds one
        must be given image features on every call.
        """
        if self._parts.ip_adapter is None:
            return None
        with quiet_loading():  # the image encoder is ours: the library's would be asked once a call
            self._plain.load_ip_adapter(self._parts.ip_adapter, subfolder="", weight_name="", image_encoder_folder=None)
        self._plain.set_ip_adapter_scale(0.0)
        vision = self._parts.image_encoder.config
        tokens = (vision.image_size // vision.patch_size) ** 2 + 1
        return torch.zeros(2, 1, tokens, vision.hidden_size)

    def _set_reference(self, condition: Condition) -> None:
        if self._features is None:
            if condition.reference is not None:
                raise RenderError(f"model set {self._found.name!r} has no IP-Adapter; drop the reference pictures")
            return
        # with masks each reference attends by itself and all are added up
        scale = 0.0 if condition.reference is None else condition.reference_scale / condition.reference.shape[1]
        attentions = len(self._parts.unet.up_blocks[0].attentions)
        # style lives in the middle attention of the first up block; layout and content elsewhere stay the prompt's
        style = [scale if index == 1 else 0.0 for index in range(attentions)]
        self._plain.set_ip_adapter_scale({"up": {"block_0": style}} if scale else 0.0)

    def _reference_arguments(self, batch: Sequence[Condition]) -> dict[str, Any]:
        if self._features is None:
            return {}
        first, dtype = batch[0], self._parts.unet.dtype
        guided = first.sampler.guidance_scale > 1
        features = (self._features if first.reference is None else first.reference).to(self._device, dtype)
        embeds = [features if guided else features[1:]]
        if first.reference is None or not first.reference_scale:
            return {"ip_adapter_image_embeds": embeds}
        drawn = torch.stack([one.mask for one in batch]).to(self._device, dtype)
        # one mask for every reference and row: the reference tints what is drawn, never the product's place
        masks = torch.cat([drawn, drawn] if guided else [drawn]).expand(-1, features.shape[1], -1, -1)
        return {"ip_adapter_image_embeds": embeds, "cross_attention_kwargs": {"ip_adapter_masks": [masks]}}


def _assert_sizes(condition: Condition) -> None:
    """Raise RenderError where a control image has not the picture's size: it would be stretched without a word."""
    for use, image in condition.acting:
        found = Size(image.shape[-1], image.shape[-2])
        if found != condition.size:
            raise RenderError(f"the {use.kind} control image is {found}, the picture is {condition.size}; draw it anew")


def _widened(condition: Condition, margin: int) -> Condition:
    """The same picture with `margin` px more on every side, into which what is given at its edge goes on."""
    if not margin:
        return condition
    return replace(
        condition,
        size=Size(condition.size.width + 2 * margin, condition.size.height + 2 * margin),
        canvas=_spread(condition.canvas, margin),
        mask=_spread(condition.mask, margin),
        controls=tuple((use, _spread(image, margin)) for use, image in condition.controls),
    )


def _spread(image: torch.Tensor, margin: int) -> torch.Tensor:
    return torch.nn.functional.pad(image[None], [margin] * 4, mode="replicate")[0]


def _stacked(tensors: Sequence[torch.Tensor], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    return torch.stack(list(tensors)).to(device, dtype)


def _quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe
