"""What kinds of characters there are, as Chinese typesetting sees them (W3C, Requirements for Chinese Text Layout)."""

import re
import unicodedata

OPENING = frozenset("「『（《〈【〔［｛“‘〖([{<«‹¥￥$€£#＃№")
CLOSING = frozenset("」』）》〉】〕］｝”’〗)]}>»›、，。：；！？,.:;!?%％‰℃℉°…—·～~・")
# Full-width marks whose ink fills one half only: the other half may go where two meet and at the ends of a line.
BLANK_BEFORE = frozenset("「『（《〈【〔［｛〖“‘")
BLANK_AFTER = frozenset("」』）》〉】〕］｝〗、，。：；”’")
# Shared with Latin, but wide and centred in Chinese text.
AMBIGUOUS = frozenset("“”‘’—…·")

# GB 2312, level 1: the 3755 characters that make 99.7 % of Chinese print, as code points.
EVERYDAY = frozenset(
    ord(character)
    for row in range(0xB0, 0xD8)
    for cell in range(0xA1, 0xFF)
    for character in bytes([row, cell]).decode("gb2312", "ignore")
)

# Measures that belong to the number before them.
UNITS = (
    "小时", "分钟", "毫升", "公斤", "千克", "厘米", "毫米", "英寸", "瓦",
    "折", "元", "块", "件", "只", "支", "片", "克", "斤",
    "升", "米", "年", "月", "日", "号", "天", "周", "岁", "人", "倍", "期", "档", "层", "级", "色", "码",
    "寸", "度", "秒", "款",
    "個", "个", "瓶", "盒", "袋", "包", "套", "双", "副", "次",
    "万", "亿", "千", "百", "杯", "合", "重", "大", "小時", "分鐘", "歲",
)  # fmt: skip
_NUMBER = r"[0-9]+(?:[.,:：/~～–-][0-9]+)*"
WORD = re.compile(
    rf"[¥￥$€£]?{_NUMBER}[%％‰℃+]?(?:\s?(?:[A-Za-zµμ²³°]+|{'|'.join(sorted(UNITS, key=len, reverse=True))}))?"
    r"|[A-Za-zÀ-ɏ0-9][A-Za-zÀ-ɏ0-9'’&.+_/-]*"
)

_RTL = frozenset({"R", "AL", "RLE", "RLO", "RLI", "AN"})
# Invisible, and able to change what is read.
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Co"})


def is_wide(character: str) -> bool:
    """A Chinese character or mark, one em wide."""
    return character in AMBIGUOUS or unicodedata.east_asian_width(character) in "WF"


def is_chinese(text: str) -> bool:
    """Whether a text holds anything that only a Chinese face can set."""
    return any(unicodedata.east_asian_width(character) in "WF" for character in text)


def is_han(character: str) -> bool:
    code = ord(character)
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF


def is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def is_right_to_left(text: str) -> bool:
    """Whether any character is of a script written from the right, or turns the direction."""
    return any(unicodedata.bidirectional(character) in _RTL for character in text)


def is_emoji(character: str) -> bool:
    code = ord(character)
    return 0x1F000 <= code <= 0x1FAFF or 0x2600 <= code <= 0x27BF or code in {0xFE0F, 0x20E3, 0x200D}


def clean(text: str) -> str:
    """Composed, without invisible characters, with single spaces; line ends stay."""
    kept = (
        each
        for each in unicodedata.normalize("NFC", text)
        if each == "\n"
        or unicodedata.category(each) not in _CONTROLS
        or is_emoji(each)
        or unicodedata.bidirectional(each) in _RTL
    )
    return "\n".join(" ".join(line.split()) for line in "".join(kept).splitlines()).strip()
