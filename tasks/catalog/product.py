"""A product as the rest of the system sees it: validated once, at the edge."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class BundleItem(NamedTuple):
    """One more thing in the same picture: its picture as the catalogue wrote it, the bytes' digest, its height."""

    image: str
    image_sha256: str
    height_cm: float | None = None


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
    height_cm: float | None = Field(default=None, gt=0)
    width_cm: float | None = Field(default=None, gt=0)
    bundle: tuple[BundleItem, ...] = ()
    extra: Mapping[str, str] = Field(default_factory=dict)
    line: int = 0
