"""A product as a plain tuple: cheap to send to a planning process, with the same attributes as Product."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from tasks.catalog.product import Product


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
    extra: Mapping[str, str]
    line: int


FIELDS = Row._fields
Goods = Product | Row
