"""Whether what a catalogue says can be set in type, told before anything is rendered."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from tasks.banners.dress import copy_problems
from tasks.banners.pieces import Setter
from tasks.banners.typography.fonts import FontBook
from tasks.banners.wording import read_copy
from tasks.catalog.copy_columns import copy_column
from tasks.catalog.product import Product
from tasks.dressing import FONTS
from tasks.prompts.row import product_facts
from tasks.workplace import Workplace


class Unset(NamedTuple):
    """An element of copy that banners will lack, or, where it is `essential`, be refused for."""

    line: int
    sku: str
    locale: str
    element: str
    reason: str
    essential: bool


class Lettering:
    """The fonts that banners are set in. ConfigurationError where one is missing."""

    def __init__(self, workplace: Workplace) -> None:
        self._setter = Setter(FontBook(workplace.settings.templates / FONTS))

    def unset(self, product: Product) -> Iterator[Unset]:
        """Every element of a product's copy that cannot be set, in each language that it is written in."""
        facts = orjson.loads(product_facts(product))
        for locale in _locales(facts):
            for problem in copy_problems(read_copy(facts, locale), self._setter):
                yield Unset(product.line, product.sku, locale, problem.element, problem.reason, problem.essential)


def _locales(facts: dict[str, Any]) -> dict[str, None]:
    """The product's own language and those of its columns, each once."""
    columns = (copy_column(header) for header in facts.get("copy_cells", {}))
    return dict.fromkeys([facts.get("locale", "zh-CN"), *(found[1] for found in columns if found and found[1])])
