"""A product as the rest of the system sees it: validated once, at the edge."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Product(BaseModel, frozen=True, extra="forbid"):
    """One sellable row of a catalogue.

    `image` is the reference as the catalogue wrote it (a path inside the catalogue's folder, `s3://` or `https://`),
    `image_sha256` the digest of the bytes it led to, `line` the 1-based line (or sheet row) it came from.
    `extra` holds every column the system does not know, for templates to use.
    """

    sku: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    title: Text
    image: Text
    image_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    category: str = ""
    brand: str = ""
    price: Decimal | None = None
    color: str = ""
    material: str = ""
    selling_points: tuple[str, ...] = ()
    locale: str = "zh-CN"
    scenes: tuple[str, ...] = ()
    # the column is called "copy"; a field of that name would hide BaseModel.copy
    copy_text: str = ""
    extra: Mapping[str, str] = Field(default_factory=dict)
    line: int = 0
