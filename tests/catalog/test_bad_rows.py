"""bad_rows.csv opens in a spreadsheet as what it is: text."""

import csv
import io

import pytest

from tasks.catalog.bad_rows import LONGEST_CELL, BadRow, write_bad_rows


def written(*rows: BadRow) -> list[list[str]]:
    stream = io.StringIO(newline="")
    assert write_bad_rows(rows, stream) == len(rows)
    text = stream.getvalue()
    assert text.startswith("\ufeffline,column,value,reason\r\n")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


@pytest.mark.parametrize("value", ["=cmd()|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_formula_is_written_as_text(value: str) -> None:
    assert written(BadRow(2, "sku", value, "=reason")) == [["2", "sku", f"'{value}", "'=reason"]]


def test_a_long_value_is_cut_with_a_mark() -> None:
    [[_, _, value, _]] = written(BadRow(2, "title", "长" * 1000, "too long"))
    assert value == "长" * (LONGEST_CELL - 1) + "…"


def test_quotes_line_ends_and_nul_survive_the_round_trip() -> None:
    assert written(BadRow(2, "title", 'a"b,\nc\0', "x")) == [["2", "title", 'a"b,\nc\\0', "x"]]


def test_no_rows_still_give_a_header() -> None:
    assert written() == []
