"""What a banner says: copy from a product's facts, in the product's language, checked before anything is drawn."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from tasks.banners.typography.characters import clean
from tasks.catalog.cells import parse_price, split_points
from tasks.catalog.copy_columns import CURRENCY, FIELDS, SIGNS, copy_column
from tasks.errors import CellError

ESSENTIAL = frozenset({"headline", "upper", "lower"})


class Problem(NamedTuple):
    """Something in the copy that cannot be shown as it is: which element, and what to do."""

    element: str
    reason: str

    @property
    def essential(self) -> bool:
        """Whether there is no banner without this element."""
        return self.element in ESSENTIAL


class Copy(NamedTuple):
    """What one banner may say; empty strings for what it does not. Prices are ready to be set."""

    headline: str = ""
    subline: str = ""
    points: tuple[str, ...] = ()
    sign: str = "¥"
    price: str = ""
    was: str = ""
    cta: str = ""
    badge: str = ""
    couplet: tuple[str, ...] = ()  # upper, lower and, where there is one, the scroll above
    locale: str = "zh-CN"
    problems: tuple[Problem, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.headline or self.couplet)


def read_copy(facts: Mapping[str, Any], locale: str = "") -> Copy:
    """The copy in a product's facts, in `locale` or the product's own. What has no headline has nothing to say.

    A cell of the column `copy` is the headline, or a JSON object of elements, or one by locale.
    """
    locale = locale or facts.get("locale", "zh-CN")
    cells = dict(_cells(facts, locale))
    problems: list[Problem] = []
    texts = {name: clean(str(cells.get(name, ""))) for name in FIELDS}
    price = _price("price", str(cells.get("price") or facts.get("price", "")), problems)
    was = _price("was", texts["was"], problems)
    if price is not None and was is not None and was <= price:
        problems.append(Problem("was", f"struck price {was} is not above the price {price}; it is left out"))
        was = None
    points = cells.get("points") or (facts.get("selling_points", ()) if _same(locale, facts) else ())
    return Copy(
        headline=texts["headline"],
        subline=texts["subline"],
        points=tuple(map(clean, points if isinstance(points, list | tuple) else split_points(str(points)))),
        sign=_sign(facts),
        price=_amount(price),
        was=_amount(was),
        cta=texts["cta"],
        badge=texts["badge"],
        couplet=tuple(filter(None, map(clean, texts["couplet"].replace("｜", "|").split("|")))),
        locale=locale,
        problems=tuple(problems),
    )


def _cells(facts: Mapping[str, Any], locale: str) -> Iterator[tuple[str, Any]]:
    """Element -> cell: those without a locale first, those of this locale after, so that they win."""
    given: dict[str, Any] = dict(facts.get("copy_cells", {}))
    own = _same(locale, facts)
    for name, value in _unfolded(str(facts.get("copy_text", "")), locale):
        if own or name in ("price", "was"):
            yield name, value
    later: list[tuple[str, Any]] = []
    for header, value in given.items():
        known = copy_column(header)
        if known is None or not str(value).strip():
            continue
        field, suffix = known
        if field == "headline" and not suffix and str(value).lstrip().startswith("{"):
            later += _unfolded(str(value), locale)
        elif not suffix and (own or field in ("price", "was")):
            yield field, value
        elif suffix and _speaks(locale, suffix):
            later.append((field, value))
    yield from later
    for name, value in _unfolded(str(facts.get("copy_text", "")), locale, only_locale=True):
        yield name, value


def _unfolded(text: str, locale: str, *, only_locale: bool = False) -> Iterator[tuple[str, Any]]:
    if not text.lstrip().startswith("{"):
        if text.strip() and not only_locale:
            yield "headline", text
        return
    try:
        found = json.loads(text)
    except ValueError:
        yield "headline", text  # what only looks like JSON is said as it is, and will hardly fit
        return
    for name, value in found.items():
        if isinstance(value, dict) and _speaks(locale, name):
            yield from ((key, each) for key, each in value.items() if key in FIELDS)
        elif name in FIELDS and not only_locale:
            yield name, value


def _same(locale: str, facts: Mapping[str, Any]) -> bool:
    return _speaks(locale, facts.get("locale", "zh-CN"))


def _speaks(locale: str, other: str) -> bool:
    first, second = locale.casefold(), other.casefold()
    return first == second or (first.split("-")[0] == second.split("-")[0] == "en")


def _price(element: str, text: str, problems: list[Problem]) -> Decimal | None:
    try:
        return parse_price(text.strip())
    except (CellError, InvalidOperation):
        problems.append(Problem(element, f"{text!r} is no price; expected a number such as 1299.00. It is left out"))
        return None


def _amount(price: Decimal | None) -> str:
    """1299.00 as 1,299 and 68.5 as 68.50."""
    if price is None:
        return ""
    return f"{price:,.0f}" if price == price.to_integral_value() else f"{price:,.2f}"


def _sign(facts: Mapping[str, Any]) -> str:
    cells: Mapping[str, str] = facts.get("copy_cells", {})
    for header, value in cells.items():
        if header.strip().casefold() in CURRENCY and value.strip():
            return SIGNS.get(value.strip().upper(), value.strip())
    return "¥"
