"""Which scenes are drawn: one recipe for each sample scene, and free mixtures so that words can be recombined."""

from collections.abc import Callable

import numpy as np

from tasks.rendering.nano.light import Pattern
from tasks.rendering.nano.paint import Rgb, colour, mix, vary
from tasks.rendering.nano.scenery import Scene
from tasks.rendering.nano.vocabulary import COLOURS, PASTELS, pick, pick_colour

Generator = np.random.Generator
Recipe = Callable[[Generator], Scene]

WHITE: Rgb = (1.0, 1.0, 1.0)
WARM: Rgb = (1.10, 0.99, 0.84)
COOL: Rgb = (0.93, 0.99, 1.07)


def _edge(rng: Generator, usual: float) -> float:
    """Ground line: as the scene's staging has it, or, for the depth net to have something to tell, anywhere sensible."""
    return float(np.clip(rng.normal(usual, 0.03) if rng.random() < 0.4 else rng.uniform(0.46, 0.78), 0.46, 0.78))


def _side(rng: Generator, words: tuple[str, str], *, left: float) -> tuple[float, str]:
    """Where the light comes from, and the word for it: `words` are (from the left, from the right)."""
    if rng.random() < left:
        return -rng.uniform(0.5, 1), words[0]
    return rng.uniform(0.5, 1), words[1]


def _some(rng: Generator, chances: dict[str, float]) -> tuple[str, ...]:
    return tuple(name for name, chance in chances.items() if rng.random() < chance)


def marble_bathroom(rng: Generator) -> Scene:
    side, light = _side(rng, ("左上方柔和的窗光", "右侧柔和的窗光"), left=0.75)
    props = _some(rng, {"drops": 0.4, "green_front": 0.25})
    edge = _edge(rng, 0.64)
    return Scene(
        "marble", vary(rng, colour(238, 238, 238), 0.015), "bathroom", vary(rng, colour(222, 225, 227), 0.02), colour(240, 244, 248),
        edge=edge, vanish=edge - rng.uniform(0.18, 0.32), gloss=rng.uniform(0.12, 0.3), side=side, strength=0.22, props=props, vignette=0.08,
        words={
            "surface": pick(rng, ("白色大理石台面，浅灰色纹理", "白色大理石台面", "大理石台面，浅灰色纹理", "大理石台面")),
            "setting": pick(rng, ("明亮的浴室，浅灰色瓷砖墙，背景虚化", "明亮的浴室", "浴室，浅灰色瓷砖墙", "浴室背景，虚化的窗户")),
            "light": pick(rng, (light, light, "柔和的自然光", "通透的高光")),
            "palette": pick(rng, ("白色与浅灰色调", "白色调", "浅灰色调")),
            "props": "远处一束绿植，叶片上有水珠" if rng.random() < 0.8 else "水珠",
            "mood": pick(rng, ("洁净清爽，高级质感", "洁净清爽", "水润洁净")),
        },
    )  # fmt: skip


def wood_morning(rng: Generator) -> Scene:
    side, light = _side(rng, ("清晨金色斜阳从左侧照入，窗格光影", "清晨金色斜阳从右侧照入，窗格光影"), left=0.75)
    edge = _edge(rng, 0.62)
    return Scene(
        pick(rng, ("planks", "boards", "boards")), vary(rng, colour(214, 176, 130), 0.03),
        pick(rng, ("wall", "wall", "window_wall")), vary(rng, colour(238, 228, 208), 0.02), colour(255, 226, 160),
        edge=edge, vanish=edge - rng.uniform(0.2, 0.34), gloss=0.06, side=side, strength=0.42, light=WARM,
        pattern="window" if rng.random() < 0.85 else "dapple", pattern_strength=rng.uniform(0.55, 0.9),
        props=_some(rng, {"cloth": 0.6, "green_top": 0.25, "green_front": 0.15}),
        words={
            "surface": pick(rng, ("浅色原木桌面，清晰的木纹", "浅色原木桌面", "原木桌面，清晰的木纹", "木质桌面")),
            "setting": pick(rng, ("米白色墙面，窗边一角，背景虚化", "米白色墙面", "窗边一角", "温暖的室内，背景虚化")),
            "light": pick(rng, (light, light, "清晨阳光，窗格光影", "温暖的晨光")),
            "palette": pick(rng, ("暖米色与原木色调", "暖米色调", "原木色调")),
            "props": pick(rng, ("角落一片亚麻布", "角落一片亚麻布", "几片绿叶")),
            "mood": pick(rng, ("温暖宁静，居家日常", "温暖宁静", "居家日常")),
        },
    )  # fmt: skip


def festive_red(rng: Generator) -> Scene:
    edge = _edge(rng, 0.68)
    red = vary(rng, colour(172, 16, 26), 0.02)
    return Scene(
        pick(rng, ("velvet", "velvet", "silk", "plain")), vary(rng, mix(red, colour(150, 12, 24), 0.3), 0.02), "lanterns", red,
        vary(rng, colour(240, 192, 92), 0.02), edge=edge, vanish=edge - rng.uniform(0.16, 0.3), gloss=rng.uniform(0, 0.12),
        side=-rng.uniform(0.1, 0.6), strength=0.22, light=(1.06, 0.98, 0.86), pattern="spot", pattern_strength=rng.uniform(0.5, 0.9),
        props=_some(rng, {"plum": 0.7, "gold_leaf": 0.65}), vignette=0.28,
        words={
            "surface": pick(rng, ("正红色绒面台面", "红色绒面台面", "红色丝绒台面", "红色丝绸")),
            "setting": pick(rng, ("红色背景墙，金色圆形光环，虚化的红灯笼", "红色背景墙，虚化的红灯笼", "红色喜庆背景", "红色背景，金色光斑")),
            "light": pick(rng, ("暖金色聚光，左上方主光", "暖金色聚光", "暖光")),
            "season": pick(rng, ("春节", "春节", "新年", "年货节")),
            "palette": pick(rng, ("正红色与金色调", "红色调", "红色与金色调")),
            "props": pick(rng, ("两侧点缀梅花枝与金箔", "梅花枝", "金箔")),
            "mood": pick(rng, ("喜庆热闹，年味十足", "喜庆热闹", "年味十足")),
        },
    )  # fmt: skip


def summer_beach(rng: Generator) -> Scene:
    edge = _edge(rng, 0.58)
    side, light = _side(rng, ("正午明亮阳光，左上方直射，影子清晰", "正午明亮阳光，右上方直射，影子清晰"), left=0.25)
    return Scene(
        "sand", vary(rng, colour(234, 206, 158), 0.025), "sea", vary(rng, colour(150, 205, 242), 0.02), vary(rng, colour(48, 156, 196), 0.03),
        edge=edge, vanish=edge - rng.uniform(0.06, 0.16), side=side, strength=0.22, light=(1.05, 1.01, 0.94),
        pattern="palm" if rng.random() < 0.45 else "none", pattern_strength=0.7,
        props=_some(rng, {"shells": 0.75, "palm": 0.4, "stones": 0.08}), vignette=0.06,
        words={
            "surface": pick(rng, ("金黄色细沙滩", "细沙", "沙滩", "金色沙滩")),
            "setting": pick(rng, ("蔚蓝海面与浅蓝天空，海浪虚化", "海滩，蓝天大海", "海边，海浪虚化", "蔚蓝海面与浅蓝天空", "海滩")),
            "light": pick(rng, (light, light, "明亮的阳光")),
            "season": pick(rng, ("夏天", "夏日", "盛夏")),
            "palette": pick(rng, ("蓝色与沙黄色调", "清爽的蓝色调")),
            "props": pick(rng, ("边角一两枚贝壳，棕榈叶影", "贝壳", "棕榈叶影")),
            "mood": pick(rng, ("清凉通透，度假气息", "清凉通透", "度假气息")),
        },
    )  # fmt: skip


def winter_snow(rng: Generator) -> Scene:
    edge = _edge(rng, 0.62)
    side, light = _side(rng, ("冬日清冷的柔光，左上方低角度日光", "冬日清冷的柔光，右上方低角度日光"), left=0.3)
    return Scene(
        "snow", vary(rng, colour(236, 243, 250), 0.012), "snow_forest", vary(rng, colour(196, 219, 240), 0.02), colour(92, 120, 132),
        edge=edge, vanish=edge - rng.uniform(0.08, 0.2), side=side, strength=0.16, light=(0.98, 1.0, 1.03),
        props=_some(rng, {"pine": 0.6, "falling_snow": 0.7}), vignette=0.06,
        words={
            "surface": pick(rng, ("平整的白色积雪", "白色积雪", "雪地", "白雪")),
            "setting": pick(rng, ("远处挂雪的松林，浅蓝色天空，背景虚化", "挂雪的松林", "雪景，松林虚化", "冬季雪景", "雪")),
            "light": pick(rng, (light, light, "清冷的晨光")),
            "season": pick(rng, ("冬天，细雪飘落", "冬天", "冬日，细雪飘落")),
            "palette": pick(rng, ("雪白与冰蓝色调", "冰蓝色调", "冷色调")),
            "props": pick(rng, ("边角几枝覆雪松枝", "覆雪松枝")),
            "mood": pick(rng, ("纯净静谧，冷冽通透", "纯净静谧", "冷冽通透")),
        },
    )  # fmt: skip


def autumn_tea(rng: Generator) -> Scene:
    edge = _edge(rng, 0.64)
    side, light = _side(rng, ("午后暖色斜阳，左侧侧光", "午后暖色斜阳，右侧侧光"), left=0.75)
    surface = pick(rng, ("boards", "boards", "bamboo"))
    tone = colour(112, 72, 44) if surface == "boards" else colour(168, 128, 80)
    return Scene(
        surface, vary(rng, tone, 0.02), "window_wall" if rng.random() < 0.75 else "wall", vary(rng, colour(186, 172, 154), 0.02),
        vary(rng, colour(238, 172, 66), 0.03), edge=edge, vanish=edge - rng.uniform(0.2, 0.34), gloss=rng.uniform(0.04, 0.14),
        side=side, strength=0.42, light=(1.10, 0.98, 0.82), pattern="window" if rng.random() < 0.5 else "dapple",
        pattern_strength=rng.uniform(0.4, 0.8), props=_some(rng, {"maple": 0.8, "mist": 0.4}), vignette=0.24,
        words={
            "surface": pick(rng, ("深棕色胡桃木茶台，竹编茶席", "深棕色胡桃木茶台", "茶席，深色木纹", "竹编茶席" if surface == "bamboo" else "胡桃木桌面")),
            "setting": pick(rng, ("暖灰色墙面，窗外金黄色秋叶虚化", "暖灰色墙面", "窗外金黄色秋叶虚化", "秋日茶席")),
            "light": pick(rng, (light, light, "午后暖光")),
            "season": pick(rng, ("秋天", "秋日")),
            "palette": pick(rng, ("棕色与金黄色调", "棕色调", "金黄色调")),
            "props": pick(rng, ("散落两三片红枫叶，一缕薄雾", "散落两三片红枫叶", "红枫叶")),
            "mood": pick(rng, ("沉静雅致，东方禅意", "沉静雅致", "东方禅意")),
        },
    )  # fmt: skip


def spring_garden(rng: Generator) -> Scene:
    edge = _edge(rng, 0.64)
    surface = pick(rng, ("slab", "slab", "slab", "grass"))
    tone = colour(214, 210, 200) if surface == "slab" else colour(112, 150, 66)
    return Scene(
        surface, vary(rng, tone, 0.02), "garden", vary(rng, colour(158, 200, 112), 0.02), vary(rng, colour(246, 178, 198), 0.02),
        edge=edge, vanish=edge - rng.uniform(0.18, 0.32), side=-rng.uniform(0.2, 0.8), strength=0.2, light=(1.03, 1.02, 0.95),
        pattern="dapple", pattern_strength=rng.uniform(0.15, 0.4), props=_some(rng, {"petals": 0.8, "cherry": 0.5, "green_front": 0.25}),
        vignette=0.08,
        words={
            "surface": pick(rng, ("浅色石板台面", "石板台面")) if surface == "slab" else pick(rng, ("草地", "苔藓", "绿色草坪")),
            "setting": pick(rng, ("嫩绿色花园，粉色樱花树，背景虚化", "春天花园，粉色花丛虚化", "嫩绿色花园", "粉色樱花树，背景虚化")),
            "light": pick(rng, ("明媚的自然光，左上方透过枝叶的光斑", "明媚的自然光", "透过枝叶的光斑")),
            "season": pick(rng, ("春天", "春日")),
            "palette": pick(rng, ("嫩绿色与粉色调", "嫩绿色调")),
            "props": pick(rng, ("前景几瓣落花", "花瓣", "樱花枝")),
            "mood": pick(rng, ("清新柔美，生机盎然", "清新柔美", "生机盎然")),
        },
    )  # fmt: skip


def city_night(rng: Generator) -> Scene:
    edge = _edge(rng, 0.68)
    blue, violet = vary(rng, colour(44, 66, 190), 0.03), vary(rng, colour(150, 64, 214), 0.03)
    return Scene(
        pick(rng, ("plain", "slab")), colour(14, 15, 24), "city", vary(rng, colour(34, 40, 104), 0.02), violet, edge=edge,
        vanish=edge - rng.uniform(0.14, 0.26), gloss=rng.uniform(0.45, 0.75), side=rng.uniform(-0.6, 0.8), strength=0.12,
        light=(0.96, 0.96, 1.06), rims=(violet, blue) if rng.random() < 0.5 else (blue, violet), vignette=0.3,
        words={
            "surface": pick(rng, ("黑色镜面台面，微弱倒影", "黑色镜面台面", "黑色反光台面", "镜面，倒影")),
            "setting": pick(rng, ("夜晚的城市天际线，虚化的霓虹光斑", "城市夜景，霓虹光斑", "虚化的霓虹光斑", "夜晚的城市天际线")),
            "light": pick(rng, ("蓝紫色霓虹轮廓光，右侧冷光", "蓝紫色霓虹轮廓光", "冷光")),
            "palette": pick(rng, ("深蓝色与紫色调", "深蓝色调", "紫色调")),
            "mood": pick(rng, ("科技感，冷峻时尚", "科技感", "冷峻时尚")),
        },
    )  # fmt: skip


def pastel_studio(rng: Generator) -> Scene:
    edge = _edge(rng, 0.70)
    name, second = pick(rng, (*PASTELS, "浅粉色", "浅粉色")), pick(rng, PASTELS)
    main, accent = vary(rng, pick_colour(rng, name), 0.015), vary(rng, pick_colour(rng, second), 0.015)
    tag = pick(rng, (name, "浅粉色", "奶油色")) if name in ("浅粉色", "粉色") else name
    maker = f"与{pick(rng, tuple(COLOURS))}相衬的{tag}调" if rng.random() < 0.4 else f"{tag}与{second}调"
    return Scene(
        "plain", mix(main, WHITE, 0.12), pick(rng, ("arches", "arches", "wall", "gradient")), main, accent, edge=edge,
        vanish=edge - rng.uniform(0.2, 0.3), side=-rng.uniform(0.3, 0.9), strength=0.24, sweep=rng.random() < 0.4,
        podium=mix(main, WHITE, 0.3) if rng.random() < 0.75 else None, vignette=0.06,
        pattern="window" if rng.random() < 0.15 else "none", pattern_strength=0.4,
        words={
            "surface": pick(rng, ("马卡龙色哑光圆形台面", "马卡龙色哑光圆形台面", "哑光圆形台面")),
            "setting": pick(rng, ("马卡龙色纯色背景墙，弧形几何布景", "马卡龙色纯色背景墙", f"{tag}纯色背景，弧形几何布景")),
            "light": pick(rng, ("左上方柔光，柔和渐变的影子", "柔光")),
            "palette": pick(rng, (maker, maker, f"{tag}调")),
            "mood": pick(rng, ("甜美轻快，简约时髦", "甜美轻快", "简约时髦")),
        },
    )  # fmt: skip


def concrete_loft(rng: Generator) -> Scene:
    edge = _edge(rng, 0.66)
    side, light = _side(rng, ("左上方硬朗侧光，斜切的几何光影", "右上方硬朗侧光，斜切的几何光影"), left=0.75)
    return Scene(
        "concrete", vary(rng, colour(188, 188, 187), 0.02), "cement", vary(rng, colour(160, 161, 161), 0.025), colour(210, 210, 208),
        edge=edge, vanish=edge - rng.uniform(0.2, 0.32), side=side, strength=0.34, pattern="slash" if rng.random() < 0.75 else "window",
        pattern_strength=rng.uniform(0.4, 0.75), vignette=0.12,
        words={
            "surface": pick(rng, ("浅灰色清水混凝土台面", "混凝土台面", "浅灰色水泥台面")),
            "setting": pick(rng, ("水泥灰色墙面，工业风空间", "水泥墙", "水泥灰色墙面", "工业风空间，混凝土墙")),
            "light": pick(rng, (light, light, "硬朗侧光")),
            "palette": pick(rng, ("中性灰色调", "灰色调")),
            "mood": pick(rng, ("克制冷静，现代极简", "克制冷静", "现代极简")),
        },
    )  # fmt: skip


def kitchen_tile(rng: Generator) -> Scene:
    edge = _edge(rng, 0.60)
    side, light = _side(rng, ("左侧窗户透入的明亮日光", "右侧窗户透入的明亮日光"), left=0.25)
    wooden = rng.random() < 0.25
    return Scene(
        "boards" if wooden else "slab", vary(rng, colour(216, 182, 138) if wooden else colour(232, 229, 222), 0.02), "kitchen",
        vary(rng, colour(240, 240, 237), 0.012), colour(214, 178, 132), edge=edge, vanish=edge - rng.uniform(0.18, 0.3),
        gloss=rng.uniform(0.06, 0.2), side=side, strength=0.26, light=(1.03, 1.01, 0.96), vignette=0.06,
        pattern="window" if rng.random() < 0.25 else "none", pattern_strength=0.4,
        words={
            "surface": pick(rng, ("浅色原木台面", "木质台面")) if wooden else pick(rng, ("浅色石英石台面", "石英石台面")),
            "setting": pick(rng, ("白色方形瓷砖墙，整洁的厨房，背景虚化", "整洁的厨房", "厨房，白色瓷砖墙", "白色方形瓷砖墙")),
            "light": pick(rng, (light, light, "明亮日光")),
            "palette": pick(rng, ("白色与浅木色调", "白色调")),
            "props": pick(rng, ("远处一小盆绿色香草", "绿色香草")),
            "mood": pick(rng, ("整洁明亮，烟火日常", "整洁明亮", "烟火日常")),
        },
    )  # fmt: skip


def white_studio(rng: Generator) -> Scene:
    white = vary(rng, colour(247, 247, 247), 0.006)
    return Scene(
        "plain", white, "wall", white, WHITE, edge=_edge(rng, 0.66), sweep=True, strength=0.05, vignette=0.02,
        words={
            "surface": pick(rng, ("纯白色无缝背景纸", "白色台面")), "setting": pick(rng, ("纯白摄影棚", "白色背景", "纯白色背景")),
            "light": "均匀柔和的正面柔光", "palette": pick(rng, ("纯白色调", "白色调")), "mood": "干净利落",
        },
    )  # fmt: skip


_SURFACE_WORDS = {
    "plain": ("{c}台面", "{c}哑光台面", "{c}纯色台面"), "silk": ("{c}丝绸", "{c}绸缎台面"), "velvet": ("{c}绒面台面", "{c}丝绒"),
    "marble": ("{c}大理石台面", "{c}大理石"), "slab": ("{c}石板台面", "{c}石英石台面"), "concrete": ("{c}水泥台面", "{c}混凝土台面"),
    "linen": ("{c}亚麻布", "{c}桌布"), "tiles": ("{c}瓷砖台面", "{c}瓷砖"), "boards": ("{c}木质桌面", "{c}木桌"), "planks": ("{c}木板桌面", "{c}木质桌面"),
}  # fmt: skip
_WALL_WORDS = {
    "wall": ("{c}背景", "{c}墙面", "{c}背景墙", "{c}纯色背景"), "halo": ("{c}背景", "{c}背景，中间有光晕", "{c}影棚背景"),
    "gradient": ("{c}渐变背景", "{c}背景，柔和渐变"), "drape": ("{c}幕布背景", "{c}丝绸背景", "{c}窗帘"), "arches": ("{c}几何布景", "{c}背景，弧形几何布景"),
    "tiled_wall": ("{c}瓷砖墙", "{c}瓷砖背景"),
}  # fmt: skip
_LIGHTS: tuple[tuple[str, Rgb, Pattern], ...] = (
    ("柔和的自然光", WHITE, "none"), ("柔光", WHITE, "none"), ("左上方柔和的自然光", WHITE, "none"), ("温暖的晨光，窗格光影", WARM, "window"),
    ("树影斑驳", WHITE, "dapple"), ("聚光", WHITE, "spot"), ("硬朗侧光，斜切的几何光影", WHITE, "slash"), ("暖光", WARM, "none"), ("冷光", COOL, "none"),
)  # fmt: skip


def free(rng: Generator) -> Scene:
    """Any colour on any plain wall and any surface: what the words for colours and materials are learnt from."""
    name = pick(rng, tuple(COLOURS))
    wall_kind, surface = pick(rng, tuple(_WALL_WORDS)), pick(rng, tuple(_SURFACE_WORDS))
    same = rng.random() < 0.55
    other = name if same else pick(rng, ("白色", "米色", "灰色", "黑色", "棕色", *COLOURS))
    if surface in ("boards", "planks") and not same:
        other = pick(rng, ("棕色", "米色", "白色"))
    main, ground = vary(rng, pick_colour(rng, name), 0.02), vary(rng, pick_colour(rng, other), 0.02)
    light, tint, pattern = _LIGHTS[int(rng.integers(len(_LIGHTS)))]
    said = "" if same and rng.random() < 0.5 else other
    surface_words = (
        pick(rng, _SURFACE_WORDS[surface]).format(c=said) if said or not same else pick(rng, ("干净平整的台面", "台面"))
    )
    edge = _edge(rng, 0.66)
    return Scene(
        surface, ground, wall_kind, main, mix(main, WHITE, rng.uniform(0.1, 0.5)), edge=edge, vanish=edge - rng.uniform(0.18, 0.32),
        gloss=rng.choice([0.0, 0.0, rng.uniform(0.1, 0.5)]), sweep=bool(same and rng.random() < 0.4), side=float(rng.choice([-0.8, -0.6, 0.7])),
        strength=0.3, light=tint, pattern=pattern, pattern_strength=rng.uniform(0.4, 0.8), props=_some(rng, {"green_front": 0.06, "petals": 0.06}),
        words={
            "surface": surface_words, "setting": pick(rng, _WALL_WORDS[wall_kind]).format(c=name),
            "light": light, "palette": f"{name}调" if same else f"{name}与{other}调",
        },
    )  # fmt: skip


RECIPES: dict[str, tuple[Recipe, float]] = {
    "marble-bathroom": (marble_bathroom, 1.0),
    "wood-morning": (wood_morning, 1.0),
    "festive-red": (festive_red, 1.0),
    "summer-beach": (summer_beach, 1.0),
    "winter-snow": (winter_snow, 1.0),
    "autumn-tea": (autumn_tea, 1.0),
    "spring-garden": (spring_garden, 1.0),
    "city-night": (city_night, 1.0),
    "pastel-studio": (pastel_studio, 1.2),
    "concrete-loft": (concrete_loft, 0.9),
    "kitchen-tile": (kitchen_tile, 0.9),
    "white-studio": (white_studio, 0.25),
    "free": (free, 4.0),
}


def compose_scene(rng: Generator, recipe: str | None = None) -> Scene:
    """A random scene of the named recipe, or of one drawn by weight."""
    if recipe is None:
        weights = np.array([weight for _, weight in RECIPES.values()])
        recipe = list(RECIPES)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    return RECIPES[recipe][0](rng)
