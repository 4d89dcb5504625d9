"""Tables in every format come out as text with the line each row really starts on."""

import csv
import datetime as dt
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from tasks.catalog.bad_rows import BadRow
from tasks.catalog.encoding import detect_encoding
from tasks.catalog.records import RecordCutter
from tasks.catalog.source import TableSource, local_source
from tasks.catalog.tables import read_chunks
from tasks.errors import CatalogError


def source(data: bytes | str, name: str = "products.csv") -> TableSource:
    encoded = data.encode() if isinstance(data, str) else data
    return TableSource(name, lambda: io.BytesIO(encoded))


def rows_of(table: TableSource, **options: Any) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    for chunk in read_chunks(table, **options):
        rows += zip(chunk.lines, chunk.frame.to_numpy().tolist(), strict=True)
    return rows


def bad_of(table: TableSource) -> list[BadRow]:
    return [row for chunk in read_chunks(table) for row in chunk.bad]


def refusal(table: TableSource) -> str:
    with pytest.raises(CatalogError) as caught:
        list(read_chunks(table))
    return str(caught.value)


CELL = st.text(st.sampled_from('ab "\n\t,;、货é😀'), max_size=6)
TABLE = st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8)


def as_csv(rows: list[list[str]], *, quoting: int, end: str) -> tuple[str, list[int]]:
    """The table as text and the physical line each row starts on."""
    out, lines = io.StringIO(newline=""), []
    writer = csv.writer(out, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow(["sku", "title", "image"])
    for row in rows:
        lines.append(out.getvalue().count("\n") + 1)
        writer.writerow(row)
    return out.getvalue(), lines


@given(TABLE, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]), st.integers(1, 4))
def test_any_written_table_is_read_back_with_its_lines(
    rows: list[list[str]], quoting: int, end: str, chunk_rows: int
) -> None:
    text, lines = as_csv(rows, quoting=quoting, end=end)
    assert rows_of(source(text), chunk_rows=chunk_rows) == list(zip(lines, rows, strict=True))


@given(TABLE, st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
def test_any_encoding_gives_the_same_text(rows: list[list[str]], encoding: str) -> None:
    rows = [["保湿精华液", *row[1:]] for row in rows]  # enough wide text for the bytes to tell
    text, lines = as_csv(rows, quoting=csv.QUOTE_MINIMAL, end="\n")
    assert rows_of(source(text.encode(encoding))) == list(zip(lines, rows, strict=True))


@given(st.text(st.sampled_from('ab",\n27货'), max_size=60), st.lists(st.integers(1, 20), max_size=12))
def test_blocks_may_be_cut_anywhere(text: str, sizes: list[int]) -> None:
    data = text.encode()

    def cut(blocks: list[bytes]) -> object:
        cutter = RecordCutter(name="x", delimiter=",", width=2)
        try:
            parts = [*map(cutter.feed, blocks), cutter.finish()]
        except CatalogError as error:
            return str(error)
        cells = list(csv.reader(io.StringIO("".join(part.data.decode() for part in parts), newline="\n")))
        return cells, [line for part in parts for line in part.lines], [row for part in parts for row in part.bad]

    blocks, rest = [], data
    for size in sizes:
        blocks.append(rest[:size])
        rest = rest[size:]
    assert cut([*blocks, rest]) == cut([data])


@given(st.text(st.sampled_from('ab",\n27货'), max_size=60))
def test_the_parser_and_the_line_counter_always_agree(text: str) -> None:
    try:
        rows = rows_of(source("sku,title\n" + text))
    except CatalogError as error:
        assert "never closed" in str(error) or "no rows" in str(error)  # noqa: PT017
        return
    physical = ("sku,title\n" + text).split("\n")
    for line, (first, _) in rows:
        assert first.split("\n")[0].strip('"')[:1] in physical[line - 1]


def test_a_quote_inside_a_plain_cell_is_text() -> None:
    assert rows_of(source('sku,title\n1,27"显示器\n2,"5"" 屏"\n')) == [(2, ["1", '27"显示器']), (3, ["2", '5" 屏'])]


def test_a_row_with_too_many_cells_is_set_aside_and_the_next_one_is_not_shifted() -> None:
    table = source("sku,title\n1,a\n2,b,c\n3,d\n")
    assert rows_of(table) == [(2, ["1", "a"]), (4, ["3", "d"])]
    [bad] = bad_of(table)
    assert (bad.line, bad.value) == (3, "c")
    assert "found 3, the header has 2" in bad.reason


def test_surplus_separators_and_missing_last_cells_are_no_fault() -> None:
    table = source("sku,title\n1,a,,\n2\n\n3,c\n")
    assert rows_of(table) == [(2, ["1", "a"]), (3, ["2", ""]), (5, ["3", "c"])]
    assert bad_of(table) == []


def test_text_after_a_closing_quote_is_set_aside() -> None:
    table = source('sku,title\n1,"a"b\n2,c\n')
    assert rows_of(table) == [(3, ["2", "c"])]
    [bad] = bad_of(table)
    assert bad.line == 2
    assert "closing quote" in bad.reason


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_kind_of_line_end_counts_as_one(end: str) -> None:
    assert rows_of(source(f"sku,title{end}1,a{end}2,b")) == [(2, ["1", "a"]), (3, ["2", "b"])]


@pytest.mark.parametrize(("name", "separator"), [("p.tsv", "\t"), ("p.csv", "\t"), ("p.csv", ";"), ("p.tsv", ",")])
def test_the_separator_is_told_from_the_header(name: str, separator: str) -> None:
    assert rows_of(source(f"sku{separator}title\n1{separator}a", name)) == [(2, ["1", "a"])]


def test_a_gzipped_table_is_unpacked_and_a_cut_one_refused() -> None:
    packed = gzip.compress(b"sku,title\n" + b"1,a\n" * 5000)
    assert len(rows_of(source(packed, "p.csv.gz"))) == 5000
    assert "cut off" in refusal(source(packed[:-20], "p.csv.gz"))
    assert "broken" in refusal(source(b"sku,title\n1,a", "p.csv.gz"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"\n \n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"sku,title\n", "no rows under the header (sku, title)"),
        (b"sku,title", "no rows under the header (sku, title)"),
        (b"sku,title\n1,a\n2,\0\n", "NUL byte at offset 16, line 3"),
        (b'sku,title\n1,a\n2,"b\n3,c\n', 'line 3: a quote (")'),
        ("sku\n1".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04....", "zip"),
        (b"\xd0\xcf\x11\xe0", ".xls"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(data: bytes, expected: str) -> None:
    assert expected in refusal(source(data))


def test_bytes_of_no_encoding_are_named_by_place() -> None:
    message = refusal(source(b"sku,title\n1,\xff\xff\n"))
    assert "byte 0xff at offset 12, line 2" in message
    assert "GB18030" in message


@pytest.mark.parametrize("padding", [0, (1 << 20) - 40, 1 << 20])
def test_a_damaged_utf8_file_is_not_taken_for_gb18030(padding: int) -> None:
    head = ("sku,title\n" + "春" * 20 + "\n").encode() + b"x" * padding
    message = refusal(source(head + b"\n\xb0\xa1"))
    assert f"damaged byte, byte 0xb0 at offset {len(head) + 1:,}, line 4" in message


def test_a_character_cut_between_blocks_is_whole() -> None:
    text = "货" * (1 << 19)
    assert detect_encoding(source(text)) == "utf-8-sig"
    assert detect_encoding(source(("x" + text).encode("gb18030"))) == "gb18030"


def test_an_unclosed_quote_does_not_swallow_a_long_file() -> None:
    assert "line 2: a quote" in refusal(source('sku,title\n1,"a\n' + "2,b\n" * 600_000))


def workbook(fill: Callable[[Workbook], None]) -> TableSource:
    book, out = Workbook(), io.BytesIO()
    fill(book)
    book.save(out)
    return source(out.getvalue(), "p.xlsx")


def fill_sheet(book: Workbook) -> None:
    book.active.append(["货号", "标题", "价格", None])
    book.active.append([6901234567890, "精华", 12.0])
    book.active.append([])
    book.active.append(["A-2", dt.datetime(2026, 1, 2), 12.5, "beyond"])
    book.active.append([None, None, None])
    book.active.append(["A-3", True])


def test_an_xlsx_gives_sheet_rows_and_plain_text() -> None:
    table = workbook(fill_sheet)
    assert rows_of(table) == [(2, ["6901234567890", "精华", "12"]), (6, ["A-3", "True", ""])]
    [bad] = bad_of(table)
    assert (bad.line, bad.value) == (4, "beyond")


def test_the_first_visible_sheet_is_read() -> None:
    def fill(book: Workbook) -> None:
        fill_sheet(book)
        hidden = book.create_sheet("hidden", 0)
        hidden.append(["nothing"])
        hidden.sheet_state = "hidden"

    assert rows_of(workbook(fill))[0][0] == 2


@pytest.mark.parametrize("name", ["p.xlsx", "p.parquet"])
def test_a_broken_binary_table_is_refused(name: str) -> None:
    assert "not a readable" in refusal(source(b"nothing of the kind", name))
    assert "not a readable" in refusal(source(b"", name))


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "csv.gz"])
def test_a_damaged_binary_table_raises_nothing_else(kind: str) -> None:
    whole = {
        "xlsx": workbook(fill_sheet),
        "parquet": parquet(pa.table({"sku": ["a", "货"] * 50, "price": [1.0, 2.5] * 50})),
        "csv.gz": source(gzip.compress("sku,title\n1,货\n".encode() * 20), "p.csv.gz"),
    }[kind]
    data = whole.open().read()
    for at in range(0, len(data), max(1, len(data) // 60)):
        damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        for broken in (damaged, data[:at]):
            try:
                rows_of(source(broken, f"p.{kind}"))
            except CatalogError as error:
                assert str(error)  # noqa: PT017


@given(st.binary(max_size=80))
def test_random_bytes_under_a_header_raise_nothing_else(data: bytes) -> None:
    try:
        rows_of(source(b"sku,title\n1,a\n" + data))
    except CatalogError as error:
        assert "products.csv" in str(error)  # noqa: PT017


def parquet(table: pa.Table) -> TableSource:
    out = io.BytesIO()
    pq.write_table(table, out)
    return source(out.getvalue(), "p.parquet")


def test_parquet_rows_are_numbered_across_chunks() -> None:
    table = parquet(pa.table({"sku": ["a", "b", "c"], "price": [1.0, None, 2.5], "points": [["x", "y"], [], None]}))
    assert rows_of(table, chunk_rows=2) == [(1, ["a", "1", "x\ny"]), (2, ["b", "", ""]), (3, ["c", "2.5", ""])]


def test_an_unseekable_stream_is_spooled() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    out = io.BytesIO()
    pq.write_table(pa.table({"sku": ["a"]}), out)
    assert rows_of(TableSource("p.parquet", lambda: Pipe(out.getvalue()))) == [(1, ["a"])]


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="found nothing"):
        local_source(tmp_path / "none.csv")
    with pytest.raises(CatalogError, match="a folder"):
        local_source(tmp_path)
    assert ".xlsx" in refusal(source(b"", "p.doc"))
