"""The words of a caption: the sample scenes' own wording, with synonyms, random dropping and random order."""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.rendering.nano.paint import Rgb, colour

JOINT = "，"

COLOURS: dict[str, tuple[Rgb, ...]] = {
    "红色": (colour(196, 32, 36), colour(178, 22, 34), colour(214, 48, 44)),
    "正红色": (colour(200, 24, 30),),
    "酒红色": (colour(122, 24, 42),),
    "蓝色": (colour(40, 96, 190), colour(58, 118, 206), colour(30, 76, 160)),
    "浅蓝色": (colour(176, 208, 236),),
    "天蓝色": (colour(110, 180, 230),),
    "深蓝色": (colour(22, 40, 92),),
    "绿色": (colour(52, 134, 72), colour(70, 150, 84), colour(40, 112, 66)),
    "浅绿色": (colour(186, 218, 178),),
    "墨绿色": (colour(26, 70, 52),),
    "金色": (colour(214, 164, 58), colour(224, 178, 78), colour(200, 150, 52)),
    "黄色": (colour(246, 208, 70), colour(240, 200, 90)),
    "粉色": (colour(246, 186, 200), colour(240, 170, 188)),
    "浅粉色": (colour(250, 214, 220),),
    "白色": (colour(240, 240, 240), colour(246, 245, 243)),
    "黑色": (colour(24, 24, 27), colour(34, 33, 36)),
    "紫色": (colour(120, 78, 180), colour(138, 98, 192)),
    "浅紫色": (colour(208, 192, 232),),
    "橙色": (colour(240, 138, 48), colour(232, 122, 40)),
    "灰色": (colour(150, 151, 153), colour(132, 133, 136)),
    "浅灰色": (colour(208, 209, 211),),
    "米色": (colour(232, 218, 196), colour(238, 226, 206)),
    "米白色": (colour(242, 236, 224),),
    "奶油色": (colour(250, 238, 214),),
    "棕色": (colour(124, 84, 54), colour(108, 70, 44)),
    "青色": (colour(70, 160, 165),),
}
PASTELS = ("浅粉色", "粉色", "浅蓝色", "浅绿色", "浅紫色", "奶油色", "米白色")

SUBJECT = (
    "电商产品摄影，台面留白",
    "电商产品摄影",
    "产品摄影背景",
    "中间留白",
    "空旷的台面，留出产品位置",
    "商品展示台",
)
CAMERA = ("平视机位，中焦镜头，浅景深", "平视机位", "浅景深", "中焦镜头，背景虚化", "低机位", "微距质感", "正面构图")
QUALITY = ("真实光影，细节清晰，商业摄影质感", "真实光影", "细节清晰", "商业摄影质感", "高级质感", "高清摄影", "高质量")
MOOD = (
    "自然得体", "居家安心", "从容有质感", "精致时尚", "清爽日常", "科技质感", "轻盈有力", "优雅克制", "舒适有生活感", "轻巧年轻", "水润洁净",
    "清雅东方", "童趣活泼", "国际化的简约审美", "高级感", "简约大气",
)  # fmt: skip
CATEGORY_LIGHT = (
    "柔和均匀的布光",
    "突出材质的侧光",
    "细腻的高光过渡",
    "利落的轮廓光",
    "玻璃般通透的逆光",
    "通透的高光",
    "明快均匀",
)
NEGATIVE = (
    "文字，字母，水印，标志，二维码，边框",
    "第二个产品，多余的商品，重复的物体，包装盒",
    "人物，人脸，手，手指",
    "支架，底座，托盘，挂绳，悬浮",
    "彩色背景，道具，地平线，墙角",
    "镜中人影，马桶，杂乱的瓶罐",
    "茶渍，成套茶具，人手斟茶，冷光",
    "招牌文字，车流，行人，白天",
    "裂缝，涂鸦，管线，暖黄色调",
    "春联文字，福字，冷色调，灰暗",
    "油污，脏碗碟，刀具，生肉",
    "深色背景，高饱和荧光色，杂物",
    "枯叶，昆虫，杂草，栅栏",
    "游客，遮阳伞，船只，阴天",
    "泥水，脚印，雪人，暖黄色调",
    "深色油漆桌面，夜晚，冷光",
    "低分辨率，模糊，噪点，过曝，变形，压缩痕迹，廉价的三维渲染感",
)

Words = Mapping[str, str]
ORDER = ("surface", "setting", "light", "season", "palette", "props", "mood")


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def pick_colour(rng: np.random.Generator, name: str) -> Rgb:
    shades = COLOURS[name]
    return shades[int(rng.integers(len(shades)))]


def caption(rng: np.random.Generator, words: Words) -> str:
    """One caption for a scene's words; the setting or the surface always stays, the rest may be dropped or moved.

    About half the captions have the parts and the order of a full prompt of the sample scenes.
    """
    full = rng.random() < 0.5
    keep = 0.97 if full else rng.uniform(0.35, 0.9)
    parts = [words[name] for name in ORDER if words.get(name) and (name == "setting" or rng.random() < keep)]
    if full or rng.random() < 0.4:
        if rng.random() < 0.3:
            parts.insert(min(3, len(parts)), pick(rng, CATEGORY_LIGHT))
        tail = [pick(rng, SUBJECT), pick(rng, CAMERA), pick(rng, MOOD), pick(rng, QUALITY)]
        if full:
            tail[0], tail[1], tail[3] = SUBJECT[0], CAMERA[0], QUALITY[0]
        parts += [part for part in tail if rng.random() < (0.95 if full else 0.5)]
    if not full and rng.random() < 0.7:
        rng.shuffle(parts)
    return JOINT.join(parts)


def negative_caption(rng: np.random.Generator) -> str:
    """A negative prompt as the templates write them: unconditional for the model, since no scene matches it."""
    if rng.random() < 0.35:
        return ""
    count = int(rng.integers(2, 7))
    return JOINT.join(NEGATIVE[int(n)] for n in sorted(rng.choice(len(NEGATIVE), count, replace=False)))
