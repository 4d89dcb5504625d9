"""Real sizes and further pictures of a row: read with their unit, checked like the first picture."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.cells import parse_length
from tasks.catalog.images import ImageResolver
from tasks.catalog.product import BundleItem, Product
from tasks.catalog.read import read_products
from tasks.catalog.tables import TableSource
from tasks.errors import CellError


@pytest.fixture
def images(tmp_path: Path) -> ImageResolver:
    for name in ("a", "b", "c"):
        Image.new("RGB", (64, 64), {"a": "red", "b": "blue", "c": "green"}[name]).save(tmp_path / f"{name}.png")
    return ImageResolver(tmp_path)


def read(images: ImageResolver, header: str, *lines: str) -> tuple[list[Product], list[BadRow]]:
    data = "\n".join((header, *lines)).encode()
    bad: list[BadRow] = []
    source = TableSource("products.csv", lambda: io.BytesIO(data))
    return list(read_products(source, images=images, on_bad=bad.append)), bad


@pytest.mark.parametrize(
    ("text", "centimetres"),
    [("24", 24), ("24.5 cm", 24.5), ("245mm", 24.5), ("0.3米", 30), ("１２厘米", 12), ("", None)],
)
def test_a_length_is_read_with_its_unit(text: str, centimetres: float | None) -> None:
    assert parse_length(text) == (None if centimetres is None else pytest.approx(centimetres))


@pytest.mark.parametrize("text", ["tall", "0", "-3", "1e9", "24 inch"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="not a length"):
        parse_length(text)


@pytest.mark.parametrize(("header", "cell"), [("高度(cm)", "24"), ("高度（mm）", "240"), ("height_cm", "24 cm")])
def test_the_headers_unit_is_that_of_bare_numbers(images: ImageResolver, header: str, cell: str) -> None:
    [product], bad = read(images, f"sku,title,image,{header}", f"A,杯,a.png,{cell}")
    assert not bad
    assert product.height_cm == pytest.approx(24)


def test_a_height_without_a_unit_in_its_header_stays_an_ordinary_column(images: ImageResolver) -> None:
    [product], _ = read(images, "sku,title,image,高度", "A,杯,a.png,240")
    assert (product.height_cm, product.extra) == (None, {"高度": "240"})


def test_further_pictures_are_digested_in_order_with_their_heights(images: ImageResolver) -> None:
    [product], bad = read(images, "sku,title,image,附图,附图高度(cm)", "A,套装,a.png,b.png|c.png,9|")
    assert not bad
    expected = (BundleItem("b.png", images.digest("b.png"), 9.0), BundleItem("c.png", images.digest("c.png"), None))
    assert product.bundle == expected


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("A,套装,a.png,gone.png,", "附图", "missing"),
        ("A,套装,a.png,../b.png,", "附图", "outside"),
        ("A,套装,a.png,b.png|c.png,9", "附图高度(cm)", "not one each"),
        ("A,套装,a.png,b.png,tall", "附图高度(cm)", "not a length"),
        ("A,套装,a.png," + "|".join(f"{n}.png" for n in range(6)) + ",", "附图", "too many"),
    ],
)
def test_a_bundle_that_cannot_be_used_is_a_bad_row(images: ImageResolver, row: str, column: str, reason: str) -> None:
    products, bad = read(images, "sku,title,image,附图,附图高度(cm)", row, "B,单品,b.png,,")
    assert [product.sku for product in products] == ["B"]
    assert bad[0].column == column
    assert reason in bad[0].reason
