"""Draw with the nano model as it stands: for sheets while it learns and for tests of the shipped weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from numpy.typing import NDArray

from tasks.rendering.controlnet import KolorsControlNet
from tasks.rendering.nano.learn_text import embed
from tasks.rendering.nano.learn_vae import to_bytes, to_tensor
from tasks.shapes import Size

SQUARE = Size(256, 256)
TAIL = "电商产品摄影，台面留白，平视机位，中焦镜头，浅景深，{mood}，真实光影，细节清晰，商业摄影质感"
NEGATIVE = (
    "文字，字母，水印，标志，二维码，边框，第二个产品，多余的商品，重复的物体，包装盒，人物，人脸，手，手指，支架，底座，托盘，挂绳，悬浮，"
    "低分辨率，模糊，噪点，过曝，变形，压缩痕迹，廉价的三维渲染感"
)
# The sample scenes' prompts as the templates write them, without a product's own additions.
PROMPTS: Mapping[str, str] = {
    "marble-bathroom": "白色大理石台面，浅灰色纹理，明亮的浴室，浅灰色瓷砖墙，背景虚化，左上方柔和的窗光，白色与浅灰色调，远处一束绿植，叶片上有水珠，"
    + TAIL.format(mood="洁净清爽，高级质感"),
    "wood-morning": "浅色原木桌面，清晰的木纹，米白色墙面，窗边一角，背景虚化，清晨金色斜阳从左侧照入，窗格光影，暖米色与原木色调，角落一片亚麻布，"
    + TAIL.format(mood="温暖宁静，居家日常"),
    "festive-red": "正红色绒面台面，红色背景墙，金色圆形光环，虚化的红灯笼，暖金色聚光，左上方主光，春节，正红色与金色调，两侧点缀梅花枝与金箔，"
    + TAIL.format(mood="喜庆热闹，年味十足"),
    "summer-beach": "金黄色细沙滩，蔚蓝海面与浅蓝天空，海浪虚化，正午明亮阳光，右上方直射，影子清晰，夏天，蓝色与沙黄色调，边角一两枚贝壳，棕榈叶影，"
    + TAIL.format(mood="清凉通透，度假气息"),
    "winter-snow": "平整的白色积雪，远处挂雪的松林，浅蓝色天空，背景虚化，冬日清冷的柔光，右上方低角度日光，冬天，细雪飘落，雪白与冰蓝色调，边角几枝覆雪松枝，"
    + TAIL.format(mood="纯净静谧，冷冽通透"),
    "autumn-tea": "深棕色胡桃木茶台，竹编茶席，暖灰色墙面，窗外金黄色秋叶虚化，午后暖色斜阳，左侧侧光，秋天，棕色与金黄色调，散落两三片红枫叶，一缕薄雾，"
    + TAIL.format(mood="沉静雅致，东方禅意"),
    "spring-garden": "浅色石板台面，嫩绿色花园，粉色樱花树，背景虚化，明媚的自然光，左上方透过枝叶的光斑，春天，嫩绿色与粉色调，前景几瓣落花，"
    + TAIL.format(mood="清新柔美，生机盎然"),
    "city-night": "黑色镜面台面，微弱倒影，夜晚的城市天际线，虚化的霓虹光斑，蓝紫色霓虹轮廓光，右侧冷光，深蓝色与紫色调，"
    + TAIL.format(mood="科技感，冷峻时尚"),
    "pastel-studio": "马卡龙色哑光圆形台面，马卡龙色纯色背景墙，弧形几何布景，左上方柔光，柔和渐变的影子，浅粉色与奶油色调，"
    + TAIL.format(mood="甜美轻快，简约时髦"),
    "concrete-loft": "浅灰色清水混凝土台面，水泥灰色墙面，工业风空间，左上方硬朗侧光，斜切的几何光影，中性灰色调，"
    + TAIL.format(mood="克制冷静，现代极简"),
    "kitchen-tile": "浅色石英石台面，白色方形瓷砖墙，整洁的厨房，背景虚化，右侧窗户透入的明亮日光，白色与浅木色调，远处一小盆绿色香草，"
    + TAIL.format(mood="整洁明亮，烟火日常"),
}


@dataclass(frozen=True)
class NanoModel:
    """The parts that drawing needs."""

    tokenizer: ChatGLMTokenizer
    encoder: ChatGLMModel
    unet: UNet2DConditionModel  # nine channels
    vae: AutoencoderKL
    scheduler: EulerDiscreteScheduler


@dataclass(frozen=True)
class Kept:
    """What must stay: pixels (height, width, 3) and a mask (height, width), 0 or 1, of the product."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.float32]


@torch.inference_mode()
def draw(
    model: NanoModel,
    prompts: Sequence[str],
    *,
    seeds: Sequence[int],
    size: Size = SQUARE,
    kept: Kept | None = None,
    net: KolorsControlNet | None = None,
    control: NDArray[np.float32] | None = None,
    steps: int = 20,
    guidance: float = 4.0,
    negative: str = NEGATIVE,
) -> NDArray[np.uint8]:
    """Pictures (n, height, width, 3), one for each prompt and seed, around the same kept product, if any."""
    count, shape = len(prompts), (4, size.height // 8, size.width // 8)
    hidden, pooled = embed(model.tokenizer, model.encoder, [*([negative] * count), *prompts])
    sides = torch.tensor([[size.height, size.width, 0, 0, size.height, size.width]]).float()
    conditions = {"text_embeds": pooled, "time_ids": sides.repeat(2 * count, 1)}
    masked, generate = _kept_latents(model.vae, kept, size)
    fixed = torch.cat([generate, masked], 1).repeat(2 * count, 1, 1, 1)
    scheduler = DPMSolverMultistepScheduler.from_config(model.scheduler.config, use_karras_sigmas=True)
    scheduler.set_timesteps(steps)
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    latents = torch.stack(noise) * scheduler.init_noise_sigma
    image = None if control is None else torch.from_numpy(control)[None, None].repeat(2 * count, 3, 1, 1)
    for step in scheduler.timesteps:
        noisy = scheduler.scale_model_input(latents.repeat(2, 1, 1, 1), step)
        residuals = {}
        if net is not None and image is not None:
            down, middle = net(
                noisy, step, hidden, controlnet_cond=image, added_cond_kwargs=conditions, return_dict=False
            )
            residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        found = model.unet(torch.cat([noisy, fixed], 1), step, hidden, added_cond_kwargs=conditions, **residuals).sample
        without, given = found.chunk(2)
        latents = scheduler.step(without + guidance * (given - without), step, latents).prev_sample
    return to_bytes(model.vae.decode(latents / model.vae.config.scaling_factor).sample)


def _kept_latents(vae: AutoencoderKL, kept: Kept | None, size: Size) -> tuple[torch.Tensor, torch.Tensor]:
    if kept is None:
        image, mask = torch.zeros(1, 3, size.height, size.width), torch.zeros(1, 1, size.height, size.width)
    else:
        mask = torch.from_numpy(kept.mask)[None, None].float()
        image = to_tensor(kept.pixels[None]) * (mask > 0.5)
    masked = vae.encode(image).latent_dist.mode() * vae.config.scaling_factor
    share = torch.nn.functional.avg_pool2d(mask, 8)
    return masked, (share < 0.5).float()
