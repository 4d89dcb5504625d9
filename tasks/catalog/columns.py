"""What the columns of a catalogue are called, in English and in Chinese."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from tasks.errors import CatalogError

REQUIRED = ("sku", "title", "image")

ALIASES: dict[str, tuple[str, ...]] = {
    "sku": ("sku", "sku id", "sku code", "货号", "商品编码", "商家编码", "商品编号", "编码", "款号", "item number"),
    "title": ("title", "标题", "商品名称", "商品标题", "名称", "品名", "product name", "name"),
    "image": ("image", "主图", "图片", "商品图片", "商品主图", "图片地址", "主图地址", "image url", "picture"),
    "category": ("category", "类目", "品类", "分类", "商品类目", "类别"),
    "brand": ("brand", "品牌", "品牌名称"),
    "price": ("price", "价格", "售价", "销售价", "单价"),
    "color": ("color", "colour", "颜色"),
    "material": ("material", "材质", "面料", "材料"),
    "selling_points": ("selling_points", "selling points", "卖点", "商品卖点", "核心卖点"),
    "locale": ("locale", "language", "语言", "语种"),
    "scenes": ("scenes", "scene", "场景"),
    "bundle": ("bundle", "bundle images", "images", "附图", "套装图", "套装图片", "组合图", "搭配图"),
    # only with their unit: a bare 高度 may be millimetres, and stays an ordinary column
    "height_cm": (
        "height_cm",
        "height(cm)",
        "高度(cm)",
        "高(cm)",
        "高度(厘米)",
        "高度cm",
        "高度(mm)",
        "高(mm)",
        "height_mm",
    ),
    "width_cm": (
        "width_cm",
        "width(cm)",
        "宽度(cm)",
        "宽(cm)",
        "宽度(厘米)",
        "宽度cm",
        "宽度(mm)",
        "宽(mm)",
        "width_mm",
    ),
    "bundle_heights_cm": ("bundle_heights_cm", "附图高度(cm)", "套装高度(cm)", "组合高度(cm)", "搭配高度(cm)"),
    "copy": ("copy", "copy text", "文案", "广告语", "宣传语"),
}

_NOISE = re.compile(r"[\s_*:\u200b\ufeff-]+")
_REMARK = re.compile(r"\([^()]*\)$|\[[^\[\]]*\]$")


def _key(name: str) -> str:
    """Case, width, spaces, underscores and a mark of necessity do not matter in a header."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", name).casefold())


_FIELDS = {_key(alias): field for field, aliases in ALIASES.items() for alias in aliases}


class ColumnMap(NamedTuple):
    """Positions of the known columns by field, and of the others by their name."""

    known: dict[str, int]
    extra: dict[str, int]
    names: dict[str, str]  # field -> header as the catalogue writes it


def field_of(header: str) -> str | None:
    """The known column that a header means, None for any other; a remark in brackets (价格(元)) is overlooked."""
    key = _key(header)
    return _FIELDS.get(key) or _FIELDS.get(_REMARK.sub("", key))


def map_columns(header: Sequence[str], *, source: str) -> ColumnMap:
    """Sort a header into known and other columns; unnamed columns are left out.

    CatalogError where two columns mean the same, or a required one is missing.
    """
    known: dict[str, int] = {}
    extra: dict[str, int] = {}
    for position, name in enumerate(header):
        if not name.strip():
            continue
        field = field_of(name)
        taken = known if field else extra
        key = field or name.strip()
        if key in taken:
            raise CatalogError(
                f"{source}: two columns mean {key!r}: {header[taken[key]]!r} (column {taken[key] + 1}) and {name!r} "
                f"(column {position + 1}). Rename or remove one."
            )
        taken[key] = position
    _require(known, header=header, source=source)
    return ColumnMap(known, extra, {field: header[position] for field, position in known.items()})


def _require(known: dict[str, int], *, header: Sequence[str], source: str) -> None:
    missing = [field for field in REQUIRED if field not in known]
    if not missing:
        return
    accepted = "; ".join(f"{field}: {' / '.join(ALIASES[field])}" for field in missing)
    found = ", ".join(repr(name) for name in header[:40] if name.strip()) or "none"
    raise CatalogError(f"{source}: no column for {', '.join(missing)}. Found: {found}. Accepted names: {accepted}.")
