"""What single cells mean: prices, lists, and text that must not pass."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from tasks.errors import CellError

LONGEST_SKU = 300

# C0 without tab and line ends, DEL, C1: nothing a person typed
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# in a SKU, line ends and tabs are no better
SKU_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# what a spreadsheet leaves where a formula failed
SPREADSHEET_ERRORS = frozenset(
    {"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
)
# 6.90123E+12: a long number that a spreadsheet shortened; its digits are gone
SHORTENED_NUMBER = re.compile(r"\d(?:\.\d+)?E\+\d{2}", re.IGNORECASE)

_PRICE = re.compile(
    r"(?:¥|￥|RMB|CNY|人民币|\$|US\$|USD|€|EUR|£|GBP)?\s*"
    r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    r"\s*(?:元|圆|块|RMB|CNY|USD|EUR|GBP|¥|￥|€)?",
    re.IGNORECASE,
)
_DEAREST = Decimal(10) ** 9

_LENGTH = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>cm|mm|m|厘米|毫米|米|公分)?", re.IGNORECASE)
_UNITS = {"cm": 1.0, "厘米": 1.0, "公分": 1.0, "mm": 0.1, "毫米": 0.1, "m": 100.0, "米": 100.0}
_LONGEST_CM = 10_000
_PICTURE_BREAKS = re.compile(r"[|｜;；、\n]")

_STRONG_BREAKS = re.compile(r"[、|｜;；\n]+")
# a slash between two letters or digits belongs to the word: USB-A/USB-C, 10/20W, km/h
_SLASH = re.compile(r"(?<![0-9A-Za-z])[/／]|[/／](?![0-9A-Za-z])")
_NAME_BREAKS = re.compile(r"[、|｜;；/／,，\s]+")


def parse_price(text: str) -> Decimal | None:
    """ "¥1,299.00", "１２９９", "1299元" as a decimal, None where empty; CellError for anything else."""
    if not text:
        return None
    match = _PRICE.fullmatch(unicodedata.normalize("NFKC", text).strip())
    price = Decimal(match["number"].replace(",", "")) if match else None
    if price is None or price > _DEAREST:
        raise CellError("price", text, "not a price: expected a number such as 1299.00 or ¥1,299 (价格无法识别)")
    return price


def parse_length(text: str, *, unit: str = "cm") -> float | None:
    """ "24", "24.5 cm", "245mm", "0.3米" as centimetres, None where empty; `unit` is that of a bare number."""
    if not text:
        return None
    match = _LENGTH.fullmatch(unicodedata.normalize("NFKC", text).strip())
    length = float(match["number"]) * _UNITS[(match["unit"] or unit).lower()] if match else 0.0
    if not 0 < length <= _LONGEST_CM:
        raise CellError("height_cm", text, "not a length: expected a number such as 24 or 245mm (尺寸无法识别)")
    return length


def split_lengths(text: str) -> tuple[float | None, ...]:
    """Lengths in the order of a bundle's pictures, parted like them; a blank between two marks is an unknown one."""
    return tuple(parse_length(part.strip()) for part in _PICTURE_BREAKS.split(text)) if text else ()


def split_pictures(text: str) -> tuple[str, ...]:
    """Picture references, parted by | ; ； 、 or a line end: commas and spaces stand in file names."""
    return _distinct(part.strip() for part in _PICTURE_BREAKS.split(text))


def split_points(text: str) -> tuple[str, ...]:
    """Selling points, parted by 、 | ; ； or a line end, else by a slash that is not inside a word."""
    parts = _STRONG_BREAKS.split(text)
    if len(parts) == 1:
        parts = _SLASH.split(text)
    return _distinct(part.strip().lstrip("•·●▪-").strip() for part in parts)


def split_names(text: str) -> tuple[str, ...]:
    """Scene names, parted by 、 | ; ； / a comma or a space."""
    return _distinct(_NAME_BREAKS.split(text))


def _distinct(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in parts if part))
