"""What the columns of copy are called: one an element, each in as many languages as there are columns."""

from functools import lru_cache

FIELDS = ("headline", "subline", "points", "price", "was", "cta", "badge", "couplet")
# As people call the columns; each may end in a locale: copy_headline_en, 副标题_zh-TW.
ALIASES: dict[str, tuple[str, ...]] = {
    "headline": ("copy", "copy_headline", "headline", "主标题", "文案标题"),
    "subline": ("copy_subline", "subline", "副标题"),
    "points": ("copy_points", "文案卖点"),
    "price": ("copy_price", "活动价", "到手价"),
    "was": ("copy_was", "was_price", "list_price", "原价", "划线价", "吊牌价"),
    "cta": ("copy_cta", "cta", "按钮", "行动号召"),
    "badge": ("copy_badge", "badge", "角标"),
    "couplet": ("copy_couplet", "对联"),
}
CURRENCY = ("currency", "币种")
SIGNS = {
    "CNY": "¥",
    "RMB": "¥",
    "人民币": "¥",
    "TWD": "NT$",
    "HKD": "HK$",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
}
LOCALES = ("zh-CN", "zh-TW", "zh-HK", "en", "en-US", "en-GB")
_FIELD = {alias.casefold(): field for field, aliases in ALIASES.items() for alias in aliases}


@lru_cache(maxsize=1024)
def copy_column(header: str) -> tuple[str, str] | None:
    """(element, locale or "") that a column's name means, None for a column that is no copy."""
    key = header.strip().casefold()
    if key in _FIELD:
        return _FIELD[key], ""
    for mark in ("_", "-", "@", " "):
        stem, _, suffix = key.partition(mark) if mark != "_" else key.rpartition("_")
        for locale in LOCALES:
            if stem in _FIELD and suffix.replace("_", "-") == locale.casefold():
                return _FIELD[stem], locale
    return None


@lru_cache(maxsize=1024)
def is_copy_column(header: str) -> bool:
    """Whether a catalogue's column holds copy, a struck price or a currency."""
    return copy_column(header) is not None or header.strip().casefold() in CURRENCY
