"""A product as a plain tuple: cheap to send to a planning process, with the same attributes as Product."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import orjson

from tasks.catalog.copy_columns import is_copy_column
from tasks.catalog.product import BundleItem, Product


class Row(NamedTuple):
    """The fields of Product, in its order."""

    sku: str
    title: str
    image: str
    image_sha256: str
    category: str
    brand: str
    price: Decimal | None
    color: str
    material: str
    selling_points: tuple[str, ...]
    locale: str
    scenes: tuple[str, ...]
    copy_text: str
    height_cm: float | None
    width_cm: float | None
    bundle: tuple[BundleItem, ...]
    extra: Mapping[str, str]
    line: int


FIELDS = Row._fields
Goods = Product | Row

# What reports and banners show of a product. None of it is drawn into a master.
SHOWN = ("title", "category", "brand", "color", "selling_points", "locale", "copy_text")


def product_facts(goods: Goods) -> bytes:
    """Canonical JSON of what people read of a product: the SHOWN fields that it has, its price as text, its copy, and
    where the pictures of a bundle lie."""
    facts = {name: value for name in SHOWN if (value := getattr(goods, name))}
    if goods.bundle:
        facts["bundle"] = [item.image for item in goods.bundle]
    cells = {name: value for name, value in goods.extra.items() if value and is_copy_column(name)}
    if cells:
        facts["copy_cells"] = cells
    if goods.price is not None:
        facts["price"] = str(goods.price)
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
