"""Words that advertising law forbids, as data, and where they stand in a text."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from pydantic import Field

from tasks.prompts.layer import Frozen
from tasks.prompts.row import Goods


class WordGroup(Frozen):
    """Words of one kind with the rule they break. `categories` empty: for all goods."""

    name: str
    rule: str
    level: Literal["error", "warning"] = "error"
    categories: tuple[str, ...] = ()
    words: tuple[str, ...] = Field(min_length=1)


class WordList(Frozen):
    """Forbidden words by group. `allowed` are longer words in which a forbidden one is harmless (最近, 第一次)."""

    source: str = ""
    checked: str = ""
    groups: tuple[WordGroup, ...] = ()
    allowed: tuple[str, ...] = ()


class Hit(NamedTuple):
    """One forbidden word: where it starts and ends in the text, and the rule it breaks."""

    word: str
    start: int
    end: int
    group: WordGroup


def find_forbidden(text: str, words: WordList, *, category: str = "") -> list[Hit]:
    """Forbidden words of a text from left to right; of overlapping ones the longest, none inside an allowed word."""
    pattern, groups = _compiled(words, category)
    if pattern is None:
        return []
    return [
        Hit(match[0], match.start(), match.end(), groups[match[0].casefold()])
        for match in pattern.finditer(text)
        if match.lastgroup == "forbidden"
    ]


def find_forbidden_copy(goods: Goods, words: WordList, *, category: str = "") -> list[tuple[str, Hit]]:
    """Forbidden words of what a product says to buyers: (column, hit) over title, selling points and copy."""
    columns = {"title": goods.title, "selling_points": "\n".join(goods.selling_points), "copy": goods.copy_text}
    return [(name, hit) for name, text in columns.items() for hit in find_forbidden(text, words, category=category)]


@lru_cache(maxsize=64)
def _compiled(words: WordList, category: str) -> tuple[re.Pattern[str] | None, dict[str, WordGroup]]:
    groups = {
        word.casefold(): group
        for group in reversed(words.groups)  # the first group that holds a word owns it
        if not group.categories or category in group.categories
        for word in group.words
    }
    if not groups:
        return None, groups
    longest = sorted(groups, key=len, reverse=True)
    allowed = sorted(words.allowed, key=len, reverse=True)
    harmless = f"(?P<allowed>{'|'.join(map(re.escape, allowed))})|" if allowed else ""
    return re.compile(f"{harmless}(?P<forbidden>{'|'.join(map(re.escape, longest))})", re.IGNORECASE), groups
