"""A catalogue with planted faults: every fault is reported by line, every other row becomes a product."""

import io
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.images import ImageResolver
from tasks.catalog.product import Product
from tasks.catalog.read import read_product_batches, read_products
from tasks.catalog.source import TableSource
from tasks.errors import CatalogError


@pytest.fixture
def images(tmp_path: Path) -> ImageResolver:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "b.png")
    (tmp_path / "page.jpg").write_text("<!DOCTYPE html><p>404")
    return ImageResolver(tmp_path)


def table(*lines: str, header: str = "sku,title,image,price,产地") -> TableSource:
    data = "\n".join((header, *lines)).encode()
    return TableSource("products.csv", lambda: io.BytesIO(data))


def read(source: TableSource, images: ImageResolver, limit: int | None = None) -> tuple[list[Product], list[BadRow]]:
    bad: list[BadRow] = []
    return list(read_products(source, images=images, on_bad=bad.append, limit=limit)), bad


def test_a_full_row_becomes_a_valid_product(images: ImageResolver) -> None:
    header = "货号,商品名称,主图,类目,品牌,价格,颜色,材质,卖点,语言,场景,文案,产地"
    row = ' A-1　,精华液,a.png,美妆,山茶,"¥1,299.00",雾蓝,玻璃,保湿、轻薄,zh_CN,white;beach,早安,杭州'
    [product], bad = read(table(row, header=header), images)
    assert not bad
    assert product == Product(
        sku="A-1", title="精华液", image="a.png", image_sha256=images.digest("a.png"), category="美妆", brand="山茶",
        price=Decimal("1299.00"), color="雾蓝", material="玻璃", selling_points=("保湿", "轻薄"), locale="zh-CN",
        scenes=("white", "beach"), copy_text="早安", extra={"产地": "杭州"}, line=2,
    )  # fmt: skip


def test_products_are_what_validation_would_have_made(images: ImageResolver) -> None:
    products, bad = read(table("1, x ,a.png,,", "2,y,b.png,5元, 杭州 "), images)
    assert len(products) == 2
    assert not bad
    for product in products:
        validated = Product.model_validate(product.model_dump())
        assert product == validated
        assert product.model_dump_json() == validated.model_dump_json()
        assert product.model_fields_set == validated.model_fields_set
        with pytest.raises(ValueError, match="frozen"):
            product.sku = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"),
    [
        (",x,a.png,,", "sku", "", "missing"),
        ("ok,x,a.png,,", "sku", "ok", "duplicate: first on line 2"),
        ("S" * 301 + ",x,a.png,,", "sku", "S" * 301, "too long: 301"),
        ("6.90123E+12,x,a.png,,", "sku", "6.90123E+12", "shortened number"),
        ('"A\nB",x,a.png,,', "sku", "A\nB", "control character: U+000A"),
        ("A\x07,x,a.png,,", "sku", "A\x07", "control character: U+0007"),
        ("A,　,a.png,,", "title", "", "missing"),
        ("A,x\x85y,a.png,,", "title", "x\x85y", "control character: U+0085"),
        ("A,#N/A,a.png,,", "title", "#N/A", "spreadsheet error"),
        ("A,x,,,", "image", "", "missing"),
        ("A,x,none.png,,", "image", "none.png", "missing: no such file"),
        ("A,x,page.jpg,,", "image", "page.jpg", "HTML page"),
        ("A,x,../a.png,,", "image", "../a.png", "outside"),
        ("A,x,/etc/passwd,,", "image", "/etc/passwd", "absolute path"),
        ("A,x,https://u:secret@h/\x07.png,,", "image", "https://h/\x07.png", "control character"),
        ("A,x,https://u:secret@127.0.0.1/a.png?token=t,,", "image", "https://127.0.0.1/a.png", "loopback"),
        ("A,x,a.png,面议,", "price", "面议", "not a price"),
        ("A,x,a.png,-1,", "price", "-1", "not a price"),
        ("A,x,a.png,NaN,", "price", "NaN", "not a price"),
        ("A,x,a.png,,\x1b[31m", "产地", "\x1b[31m", "control character: U+001B"),
        ("A,x,a.png,1,2,3", "#6", "3", "too many cells"),
    ],
)
def test_a_bad_row_is_reported_and_its_neighbours_go_on(
    images: ImageResolver, row: str, column: str, value: str, reason: str
) -> None:
    products, bad = read(table("ok,first,a.png,,", row, "last,last,b.png,,"), images)
    assert [product.title for product in products] == ["first", "last"]
    assert [(found.line, found.column, found.value) for found in bad] == [(3, column, value)]
    assert reason in bad[0].reason


def test_a_row_with_several_faults_is_reported_once_with_all(images: ImageResolver) -> None:
    _, [bad] = read(table("ok,x,a.png,,", ",,none.png,面议,"), images)
    assert bad.column == "sku"
    assert "title: missing" in bad.reason
    assert "price: not a price" in bad.reason


def test_columns_are_reported_by_the_name_in_the_catalogue(images: ImageResolver) -> None:
    _, [bad] = read(table("1,x,a.png,5", "2,x,a.png,面议", header="货号,标题,主图,价格(元)"), images)
    assert bad.column == "价格(元)"


@pytest.mark.parametrize("sku", ["../../etc/passwd", "=cmd()", "a/b\\c", "🧴礼盒", "S" * 300, "..", "1E5", "007"])
def test_a_strange_sku_is_still_a_sku(images: ImageResolver, sku: str) -> None:
    [product], bad = read(table(f"{sku},x,a.png,,"), images)
    assert product.sku == sku
    assert not bad


def test_lines_are_right_after_a_cell_of_several_lines(images: ImageResolver) -> None:
    products, _ = read(table('1,"x\ny\nz",a.png,,', "", ",,,,", "2,y,a.png,,"), images)
    assert [(product.line, product.title) for product in products] == [(2, "x\ny\nz"), (7, "y")]


def test_duplicates_are_found_across_chunks(images: ImageResolver) -> None:
    rows = [f"{number % 100},x,a.png,,产地" for number in range(150)]
    bad: list[BadRow] = []
    batches = list(read_product_batches(table(*rows), images=images, on_bad=bad.append, chunk_rows=7))
    assert [product.sku for batch in batches for product in batch] == [str(number) for number in range(100)]
    assert max(map(len, batches)) <= 7
    assert [row.line for row in bad] == list(range(102, 152))
    assert "first on line 2 " in bad[0].reason


def test_a_limit_stops_early_and_reports_only_what_it_passed(images: ImageResolver) -> None:
    rows = ["1,x,a.png,,", "2,x,a.png,面议,", "3,x,a.png,,", "4,x,a.png,面议,", "5,x,a.png,,"]
    products, bad = read(table(*rows), images, limit=2)
    assert [product.sku for product in products] == ["1", "3"]
    assert [row.line for row in bad] == [3]


def test_a_catalogue_of_bad_rows_names_the_commonest_reasons(images: ImageResolver) -> None:
    rows = [f"{number},x,none-{number}.png,," for number in range(5)] + ["9,x,a.png,面议,"]
    with pytest.raises(CatalogError, match=r"none of the 6 rows.*image missing \(5\); price not a price \(1\)"):
        read(table(*rows), images)


def test_a_catalogue_of_blank_rows_says_so(images: ImageResolver) -> None:
    with pytest.raises(CatalogError, match="blank"):
        read(table(",,,,", " , ,,,"), images)
