"""The pipeline on the tiny random set: parity with the library where the library is right, and every input acts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLInpaintPipeline, UNet2DConditionModel
from diffusers.pipelines.kolors import KolorsPipeline

from tasks.errors import ModelError, RenderError
from tasks.rendering.checkpoints.names import BASE, INPAINTING
from tasks.rendering.job import ControlUse, Sampler
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import Parts, load_parts
from tasks.rendering.modelset import ModelSet, read_model_set
from tasks.rendering.text import TextService
from tasks.shapes import Size

CPU = torch.device("cpu")
EULER = Sampler(preset="euler-50", steps=3, guidance_scale=5.0)
CANNY = ControlUse(kind="canny", controlnet_conditioning_scale=0.8, control_guidance_end=1.0)
DEPTH = ControlUse(kind="depth", controlnet_conditioning_scale=0.8, control_guidance_end=1.0)

SQUARE = Size(64, 64)
Make = Callable[..., Condition]


@pytest.fixture(scope="module")
def found(random_set: Path) -> ModelSet:
    return read_model_set(random_set)


@pytest.fixture(scope="module")
def parts(found: ModelSet) -> Parts:
    return load_parts(found, device=CPU)


@pytest.fixture(scope="module")
def text(parts: Parts) -> TextService:
    return TextService(parts.tokenizer, parts.text_encoder, encoder_key="random")


@pytest.fixture(scope="module")
def kolors(found: ModelSet, parts: Parts) -> Kolors:
    return Kolors(found, parts, device=CPU)


@pytest.fixture(scope="module")
def make(text: TextService) -> Make:
    def condition(prompt: str = "白色大理石台面", *, size: Size = SQUARE, **changes: Any) -> Condition:
        positive, negative = text.encode([prompt, "模糊"])
        mask = torch.ones(1, size.height, size.width)
        mask[:, 16:48, 16:48] = 0
        fields = {"seed": 5, "sampler": EULER, "canvas": _stripes(size), "mask": mask, **changes}
        return Condition(size=size, positive=positive, negative=negative, **fields)

    return condition


def _stripes(size: Size, *, period: int = 9) -> torch.Tensor:
    rows = (torch.arange(size.height) % period < period // 2).float()
    return rows[None, :, None].expand(3, size.height, size.width).clone()


def test_embeddings_are_those_of_the_librarys_own_pipeline(random_set: Path, text: TextService) -> None:
    pipe = KolorsPipeline.from_pretrained(random_set / BASE, variant="fp16", dtype=torch.float32)
    hidden, _, pooled, _ = pipe.encode_prompt("红色丝绸，节日", do_classifier_free_guidance=False)
    (ours,) = text.encode(["红色丝绸，节日"])
    assert ours.hidden.shape[0] == 256
    assert torch.equal(ours.hidden, hidden[0])
    assert torch.equal(ours.pooled, pooled[0])


def test_nine_channels_without_controls_match_the_librarys_inpainting(random_set: Path, make: Make) -> None:
    condition = make()
    unet = UNet2DConditionModel.from_pretrained(random_set / INPAINTING / "unet", dtype=torch.float32)
    vae = AutoencoderKL.from_pretrained(random_set / BASE / "vae", variant="fp16", dtype=torch.float32)
    scheduler = KolorsPipeline.from_pretrained(random_set / BASE, variant="fp16").scheduler
    nothing = dict.fromkeys(("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"))
    pipe = StableDiffusionXLInpaintPipeline(vae=vae, unet=unet, scheduler=scheduler, **nothing)
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        prompt_embeds=condition.positive.hidden[None],
        pooled_prompt_embeds=condition.positive.pooled[None],
        negative_prompt_embeds=condition.negative.hidden[None],
        negative_pooled_prompt_embeds=condition.negative.pooled[None],
        image=condition.canvas[None],
        mask_image=condition.mask[None],
        width=64,
        height=64,
        strength=1.0,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=[torch.Generator("cpu").manual_seed(5)],
        output_type="latent",
    ).images
    assert torch.equal(fresh(random_set).denoise([condition]), expected)


def test_four_channels_with_all_to_draw_match_the_librarys_text_to_image(random_set: Path, make: Make) -> None:
    base_only = ModelSet(name="base", revision="0", folder=random_set)
    parts = load_parts(base_only, device=CPU)
    parts.unet = load_unet_of_base(random_set)
    condition = make(mask=torch.ones(1, 64, 64))
    ours = Kolors(base_only, replace(parts, ip_adapter=None), device=CPU).denoise([condition])
    pipe = KolorsPipeline.from_pretrained(random_set / BASE, variant="fp16", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(5)
    # the first draw is that of the canvas' own latents, which four channels blend in where nothing is drawn
    noise = [torch.randn(1, 4, 8, 8, generator=generator) for _ in range(2)]
    expected = pipe(
        prompt="白色大理石台面",
        negative_prompt="模糊",
        width=64,
        height=64,
        num_inference_steps=3,
        guidance_scale=5.0,
        latents=noise[1],
        output_type="latent",
    ).images
    assert torch.equal(ours, expected)


def load_unet_of_base(folder: Path) -> Any:
    return UNet2DConditionModel.from_pretrained(folder / BASE / "unet", variant="fp16", dtype=torch.float32).eval()


def fresh(folder: Path, *, with_adapter: bool = False) -> Kolors:
    found = read_model_set(folder)
    parts = load_parts(found, device=CPU)
    return Kolors(found, parts if with_adapter else replace(parts, ip_adapter=None), device=CPU)


def test_adapter_that_is_off_changes_no_bit(random_set: Path, kolors: Kolors, make: Make) -> None:
    with_adapter = kolors.denoise([make()])
    assert torch.equal(with_adapter, fresh(random_set).denoise([make()]))
    reference = kolors.encode_reference([np.full((40, 40, 3), 200, np.uint8)])
    assert torch.equal(with_adapter, kolors.denoise([make(reference=reference, reference_scale=0.0)]))


def test_reference_pictures_act_and_each_of_several_does(kolors: Kolors, make: Make) -> None:
    red, blue = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40, 3), np.uint8)
    red[..., 0], blue[..., 2] = 220, 220
    sets = [[red], [blue], [red, blue]]
    done = [kolors.denoise([make(reference=kolors.encode_reference(one), reference_scale=1.0)]) for one in sets]
    off = kolors.denoise([make()])
    assert all(not torch.equal(one, off) for one in done)
    assert not torch.equal(done[0], done[1])
    assert not torch.equal(done[0], done[2])


def test_prompt_and_negative_prompt_change_the_picture(kolors: Kolors, make: Make, text: TextService) -> None:
    base = make()
    (other,) = text.encode(["夏日海滩，细沙"])
    assert not torch.equal(kolors.denoise([base]), kolors.denoise([replace(base, positive=other)]))
    assert not torch.equal(kolors.denoise([base]), kolors.denoise([replace(base, negative=other)]))


def test_both_of_two_controls_act(kolors: Kolors, make: Make) -> None:
    size = Size(64, 64)
    image, other = _stripes(size), _stripes(size, period=21)
    none, canny, depth, both, swapped = (
        kolors.denoise([make(controls=controls)])
        for controls in (
            (),
            ((CANNY, image),),
            ((DEPTH, image),),
            ((CANNY, image), (DEPTH, image)),
            ((CANNY, image), (DEPTH, other)),
        )
    )
    results = [none, canny, depth, both, swapped]
    assert all(not torch.equal(a, b) for i, a in enumerate(results) for b in results[i + 1 :])


def test_control_at_scale_zero_or_never_in_its_window_is_off_bit_for_bit(kolors: Kolors, make: Make) -> None:
    image = _stripes(SQUARE)
    off = kolors.denoise([make()])
    zero = CANNY.model_copy(update={"controlnet_conditioning_scale": 0.0})
    never = CANNY.model_copy(update={"control_guidance_start": 0.0, "control_guidance_end": 0.01})
    assert torch.equal(off, kolors.denoise([make(controls=((zero, image),))]))
    assert torch.equal(off, kolors.denoise([make(controls=((never, image),))]))
    one = kolors.denoise([make(controls=((CANNY, image),))])
    assert torch.equal(
        one, kolors.denoise([make(controls=((CANNY, image), (never.model_copy(update={"kind": "depth"}), image)))])
    )


def test_picture_does_not_depend_on_its_neighbours_in_the_batch(kolors: Kolors, make: Make) -> None:
    first, second = make(seed=1), make("冬季雪景", seed=2, canvas=_stripes(SQUARE, period=5))
    alone = torch.cat([kolors.denoise([first]), kolors.denoise([second])])
    together = kolors.denoise([first, second])
    assert (alone - together).abs().max() < 1e-4 * alone.abs().max()
    swapped = kolors.denoise([second, first]).flip(0)
    assert (alone - swapped).abs().max() < 1e-4 * alone.abs().max()


def test_canvas_colour_where_the_picture_is_drawn_does_not_leak(kolors: Kolors, make: Make) -> None:
    base = make()
    black = torch.where(base.mask > 0.5, torch.zeros_like(base.canvas), base.canvas)
    white = torch.where(base.mask > 0.5, torch.ones_like(base.canvas), base.canvas)
    assert torch.equal(kolors.denoise([replace(base, canvas=black)]), kolors.denoise([replace(base, canvas=white)]))


@pytest.mark.parametrize("size", [Size(128, 64), Size(64, 128)])
def test_other_than_square_sizes_are_drawn_and_told_to_the_model(kolors: Kolors, make: Make, size: Size) -> None:
    latents = kolors.denoise([make(size=size)])
    assert latents.shape == (1, 4, size.height // 8, size.width // 8)
    (picture,) = kolors.decode(latents)
    assert picture.shape == (size.height, size.width, 3)


@pytest.mark.parametrize("preset", ["dpm-25", "euler-50"])
def test_presets_keep_the_models_noise_schedule(kolors: Kolors, preset: str) -> None:
    config = kolors.scheduler(Sampler(preset=preset)).config
    assert (config.num_train_timesteps, config.beta_end) == (1100, 0.014)


def test_another_noise_schedule_gives_another_picture(random_set: Path, make: Make) -> None:
    right = fresh(random_set)
    wrong = fresh(random_set)
    wrong._parts.scheduler = type(wrong._parts.scheduler).from_config(
        wrong._parts.scheduler.config, num_train_timesteps=1000, beta_end=0.012
    )
    assert not torch.equal(right.denoise([make()]), wrong.denoise([make()]))


def test_trimmed_padding_gives_another_picture(kolors: Kolors, make: Make) -> None:
    base = make()
    trimmed = replace(
        base,
        positive=base.positive._replace(hidden=base.positive.hidden[-32:]),
        negative=base.negative._replace(hidden=base.negative.hidden[-32:]),
    )
    assert not torch.equal(kolors.denoise([base]), kolors.denoise([trimmed]))


def test_projected_embeddings_are_refused_by_the_control(kolors: Kolors, make: Make, parts: Parts) -> None:
    base = make(controls=((CANNY, _stripes(SQUARE)),))
    width = parts.unet.config.cross_attention_dim
    narrow = [one._replace(hidden=one.hidden[:, :width]) for one in (base.positive, base.negative)]
    with pytest.raises(ModelError, match="projection takes"):
        kolors.denoise([replace(base, positive=narrow[0], negative=narrow[1])])


def test_guidance_of_one_draws_without_a_negative_pass(kolors: Kolors, make: Make) -> None:
    reference = kolors.encode_reference([np.full((40, 40, 3), 90, np.uint8)])
    one = Sampler(preset="euler-50", steps=2, guidance_scale=1.0)
    latents = kolors.denoise([make(sampler=one, reference=reference, reference_scale=0.5)])
    assert torch.isfinite(latents).all()


def test_reference_acts_in_the_style_blocks_alone(kolors: Kolors, make: Make) -> None:
    reference = kolors.encode_reference([np.full((40, 40, 3), 200, np.uint8)])
    kolors.denoise([make(reference=reference, reference_scale=0.7)])
    scales = {
        name: processor.scale[0]
        for name, processor in kolors._parts.unet.attn_processors.items()
        if "IPAdapter" in type(processor).__name__
    }
    acting = {name for name, scale in scales.items() if scale}
    assert acting
    assert len(acting) < len(scales)
    assert all(name.startswith("up_blocks.0.attentions.1.") for name in acting)
    assert {scales[name] for name in acting} == {0.7}


def test_reference_acts_on_the_background_alone(kolors: Kolors, make: Make) -> None:
    reference = kolors.encode_reference([np.full((40, 40, 3), 200, np.uint8)])
    nothing_drawn = torch.zeros(1, 64, 64)
    with_reference = make(mask=nothing_drawn, reference=reference, reference_scale=1.0)
    assert torch.equal(kolors.denoise([with_reference]), kolors.denoise([make(mask=nothing_drawn)]))


def test_each_of_several_controls_has_a_window_of_its_own(kolors: Kolors, make: Make) -> None:
    early = CANNY.model_copy(update={"control_guidance_end": 0.5})
    late = DEPTH.model_copy(update={"control_guidance_start": 0.5})
    controls = tuple((use, torch.rand(3, 64, 64)) for use in (early, late))
    kolors.denoise([make(controls=controls)])
    calls: list[str] = []
    handles = [
        net.register_forward_pre_hook(lambda *_, kind=kind: calls.append(kind))
        for kind, net in kolors._parts.controls.items()
    ]
    kolors.denoise([make(controls=controls, sampler=EULER.model_copy(update={"steps": 4}))])
    for handle in handles:
        handle.remove()
    assert calls == ["canny", "canny", "depth", "depth"]


def test_control_image_of_another_size_is_refused_with_both_sizes(kolors: Kolors, make: Make) -> None:
    with pytest.raises(RenderError, match="canny control image is 32x64, the picture is 64x64"):
        kolors.denoise([make(controls=((CANNY, torch.rand(3, 64, 32)),))])


def test_four_channels_inpaint_as_the_librarys_own_loop_with_the_canvas_blended_in(
    random_set: Path, make: Make
) -> None:
    """KolorsPipeline's own denoising; after each step what is kept is put back at that step's noise, by hand."""
    base_only = ModelSet(name="base", revision="0", folder=random_set)
    condition = make()
    parts = replace(load_parts(base_only, device=CPU), unet=load_unet_of_base(random_set), ip_adapter=None)
    ours = Kolors(base_only, parts, device=CPU).denoise([condition])
    pipe = KolorsPipeline.from_pretrained(random_set / BASE, variant="fp16", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(5)
    with torch.inference_mode():
        posterior = pipe.vae.encode(condition.canvas[None] * 2 - 1).latent_dist
        canvas = posterior.sample(generator=generator) * pipe.vae.config.scaling_factor
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    drawn = condition.mask[None, :, ::8, ::8]  # whole blocks: any sampling gives the same

    def put_back(pipe: Any, step: int, _: Any, values: dict[str, Any]) -> dict[str, Any]:
        later = pipe.scheduler.timesteps[step + 1 : step + 2]
        kept = pipe.scheduler.add_noise(canvas, noise, later) if len(later) else canvas
        return {"latents": drawn * values["latents"] + (1 - drawn) * kept}

    def draw(**hooks: Any) -> torch.Tensor:
        drawing = pipe(
            prompt="白色大理石台面",
            negative_prompt="模糊",
            width=64,
            height=64,
            num_inference_steps=3,
            guidance_scale=5.0,
            latents=noise,
            output_type="latent",
            **hooks,
        )
        return torch.as_tensor(drawing.images)

    expected = draw(callback_on_step_end=put_back)
    kept = (drawn < 0.5).expand_as(ours)
    assert torch.allclose(ours[kept], canvas[kept], atol=1e-5)
    assert torch.allclose(ours, expected, atol=1e-5 * float(expected.abs().max()))
    assert not torch.allclose(draw(), expected, atol=1e-2), "nothing was put back"
