"""Make the fonts in templates/fonts from Debian's. `python -m tasks.banners.typography.build [FOLDER]`

Needs fontTools, and the packages fonts-noto-cjk and fonts-inter. The result is committed: nobody else runs this.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

from tasks.banners.typography.characters import EVERYDAY

NOTO = Path("/usr/share/fonts/opentype/noto")
INTER = Path("/usr/share/fonts/opentype/inter")
FONTS = Path(__file__).resolve().parents[3] / "templates" / "fonts"

LATIN = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x180)))) + "–—‘’‚“”„†‡•…‰‹›€™−×÷≈≤≥←→№"
# general, CJK and full-width punctuation, ruler of measures, circled numbers
COMMON = (
    "".join(map(chr, (*range(0x3000, 0x3020), *range(0xFF01, 0xFF5F), *range(0x2460, 0x246A), *range(0x3041, 0x3097))))
    + "·•…—–‘’“”′″※℃℉㎡㎝㎜㎏㎎￥￡々〇☆★○●◎◇◆□■△▲▽▼→←↑↓✓✕"
    + "嗨嘿呗咦哇嘟噜啵咔哒嗒嘭甄臻馥黛皙皴睫腮膜靓飒萌酷炫潮燃炸嗲囤妞昵吖唷兮瑜伽佰仟亓妍婧璀璨琉璃珐琅"
    + "麂鞣褶皱绗绉绡缎绫绮"
    + "苷萃萏菡荟芷芪荑茜蔻薏苡藜馐饴饯馔酩酊醇酿醪釉坯窑胎瓷盏甑甗笼屉砧锃镌镂鎏氤氲霭霁霏暄曦旖旎缱绻逸璞玥珞瑾祺禧麟"
)
FEATURES = ["ccmp", "kern", "mark", "palt", "halt", "vert", "vrt2", "vpal", "vhal", "tnum", "pnum"]


def main(folder: Path) -> None:
    simplified = "".join(map(chr, sorted(EVERYDAY))) + COMMON + LATIN
    traditional = (FONTS / "traditional.txt").read_text(encoding="utf-8").replace("\n", "")
    for weight in ("Regular", "Bold"):
        _write(_chinese("Sans", weight), simplified + traditional, "Sans", weight, folder)
        _write(_chinese("Serif", weight), simplified, "Serif", weight, folder)
    for source, weight in (("Medium", "Regular"), ("Bold", "Bold")):
        _write(TTFont(INTER / f"Inter-{source}.otf"), LATIN, "Latin", weight, folder)


def _chinese(style: str, weight: str) -> TTFont:
    collection = TTCollection(NOTO / f"Noto{style}CJK-{weight}.ttc")
    return next(font for font in collection if font["name"].getDebugName(1).endswith("CJK SC"))


def _write(font: TTFont, characters: str, family: str, weight: str, folder: Path) -> None:
    options = subset.Options()
    options.hinting = False
    options.layout_features = FEATURES
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.name_languages = [0x409]
    tool = subset.Subsetter(options)
    tool.populate(text=characters)
    tool.subset(font)
    _rename(font, family, weight)
    path = folder / f"Shangxin{family}-{weight}.otf"
    font.save(path)
    print(path, path.stat().st_size)  # noqa: T201


def _rename(font: TTFont, family: str, weight: str) -> None:
    """Modified versions must not bear the original's reserved name."""
    names = {1: f"Shangxin {family}", 2: weight, 3: f"Shangxin{family}-{weight}", 4: f"Shangxin {family} {weight}"}
    for number, name in {**names, 6: f"Shangxin{family}-{weight}"}.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    if "CFF " in font:
        table = font["CFF "].cff
        table.fontNames = [f"Shangxin{family}-{weight}"]
        table.topDictIndex[0].FullName = names[4]
        table.topDictIndex[0].FamilyName = names[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FONTS)
