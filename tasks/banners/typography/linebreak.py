"""Where a line may end, and where it had better: 禁则 (GB/T 15834, CLREQ), whole words, numbers with their units."""

from collections.abc import Callable
from functools import lru_cache

from tasks.banners.typography.characters import CLOSING, OPENING, WORD

# Costs of a break in em of raggedness squared: after a mark it is welcome, a lone character on a line is ugly.
AFTER_MARK, AFTER_SPACE, LONELY = -3.0, -0.6, 6.0
_STRONG = frozenset("，。；：！？、,.;!?—…")
# Characters that lean on the one before or after: a line neither begins nor ends well with them.
_NEVER_FIRST = frozenset("的了着过吗呢吧啊们地得儿々的們嗎")
_NEVER_LAST = frozenset("不最很更再太把被给向从在与和或第一两几每这那各")
_LEANING = 2.5

Measure = Callable[[int, int], float]


@lru_cache(maxsize=8192)
def breaks(text: str) -> tuple[int, ...]:
    """Every index at which a line may end, the end of the text included."""
    inside = {at for match in WORD.finditer(text) for at in range(match.start() + 1, match.end())}
    return (
        *(
            at
            for at in range(1, len(text))
            if at not in inside
            and text[at] not in CLOSING
            and text[at] != " "
            and text[:at].rstrip(" ")[-1:] not in OPENING
        ),
        len(text),
    )


def break_lines(text: str, measure: Measure, width: float, most: int) -> tuple[tuple[int, int], ...] | None:
    """The evenest lines no longer than `width`, as few as can be and at most `most`; None where there are none.

    `measure(first, last)` is a line's length, in the same unit as `width`. Line ends of the text are kept.
    """
    lines: list[tuple[int, int]] = []
    begin = 0
    parts = text.split("\n")
    for number, part in enumerate(parts):
        room = most - len(lines) - (len(parts) - number - 1)
        found = _break_part(text, begin, begin + len(part), measure, width=width, most=room) if part else ()
        if found is None:
            return None
        lines += found
        begin += len(part) + 1
    return tuple(lines)


def _break_part(
    text: str, begin: int, end: int, measure: Measure, *, width: float, most: int
) -> tuple[tuple[int, int], ...] | None:
    ends = [begin + at for at in breaks(text[begin:end])]
    for count in range(1, most + 1):
        if measure(begin, end) > width * count:
            continue
        found = _evenest(text, begin, ends, measure, width=width, count=count)
        if found:
            return found
    return None


def _evenest(
    text: str, begin: int, ends: list[int], measure: Measure, *, width: float, count: int
) -> tuple[tuple[int, int], ...] | None:
    """Exactly `count` lines with the least cost, None where no way of breaking fits."""
    ideal = min(width, measure(begin, ends[-1]) / count)
    best: dict[int, tuple[float, tuple[tuple[int, int], ...]]] = {begin: (0.0, ())}
    for row in range(count):
        reached: dict[int, tuple[float, tuple[tuple[int, int], ...]]] = {}
        for start, (cost, lines) in best.items():
            first = start + 1 if text[start] == " " else start
            for end in ends:
                last = end - 1 if end < len(text) and text[end - 1] == " " else end
                if last <= first or (row == count - 1) != (end == ends[-1]):
                    continue
                length = measure(first, last)
                if length > width:
                    break
                total = cost + (length - ideal) ** 2 / max(ideal, 1e-6) + _price(text, first, end, ends[-1])
                if end not in reached or total < reached[end][0]:
                    reached[end] = (total, (*lines, (first, last)))
        best = reached
    return best[ends[-1]][1] if ends[-1] in best else None


def _price(text: str, first: int, end: int, final: int) -> float:
    price = LONELY if end - first == 1 else 0.0
    if end == final:
        return price
    if text[end - 1] in _STRONG:
        return price + AFTER_MARK
    if text[end - 1] == " ":
        return price + AFTER_SPACE
    return price + _LEANING * ((text[end] in _NEVER_FIRST) + (text[end - 1] in _NEVER_LAST))
