"""What people write into cells."""

from decimal import Decimal

import pytest

from tasks.catalog.cells import parse_price, split_names, split_points
from tasks.errors import CellError


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("1299", "1299"), ("¥1,299.00", "1299.00"), ("￥１２９９", "1299"), ("1299元", "1299"), ("RMB 12.5", "12.5"),
        ("1,234,567.8", "1234567.8"), ("０", "0"), (".5", ".5"), ("$9.99", "9.99"), ("１，２９９．００ 元", "1299.00"),
    ],
)  # fmt: skip
def test_a_price_is_understood(text: str, price: str) -> None:
    assert parse_price(text) == Decimal(price)


@pytest.mark.parametrize(
    "text",
    ["面议", "-5", "NaN", "Infinity", "1e5", "12,99", "99-199", "1.2.3", "¥", "9" * 30, "1299 元起", "٣", "0x10"],
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="not a price"):
        parse_price(text)


def test_no_price_is_none() -> None:
    assert parse_price("") is None


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("保湿、轻薄|不黏腻", ("保湿", "轻薄", "不黏腻")),
        ("保湿；轻薄;不黏腻\n留香", ("保湿", "轻薄", "不黏腻", "留香")),
        ("保湿/轻薄", ("保湿", "轻薄")),
        ("USB-A/USB-C", ("USB-A/USB-C",)),
        ("支持USB-A/USB-C、10/20W", ("支持USB-A/USB-C", "10/20W")),
        ("• 保湿\n• 保湿\n- 轻薄", ("保湿", "轻薄")),
        ("轻便，保暖", ("轻便，保暖",)),
        ("、;|", ()),
        ("", ()),
    ],
)
def test_selling_points_are_parted(text: str, points: tuple[str, ...]) -> None:
    assert split_points(text) == points


@pytest.mark.parametrize("text", ["white、beach", "white/beach", "white, beach", "white beach white", "white；beach\n"])
def test_scene_names_are_parted(text: str) -> None:
    assert split_names(text) == ("white", "beach")
