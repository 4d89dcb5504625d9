import io
import json

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from tasks.banners.container import PNG_SIGNATURE
from tasks.banners.master_png import decode_master, encode_master, read_recipe
from tasks.banners.pixels import Pixels
from tasks.banners.profile import srgb_profile
from tasks.errors import CompositionError

RECIPE = json.dumps({"prompt": "原木桌晨光", "seed": 7}, ensure_ascii=False)


def pixels(width: int = 96, height: int = 64) -> Pixels:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(96, 64), (1, 1), (1, 200), (200, 1)])
def test_pixels_come_back_exactly(size: tuple[int, int]) -> None:
    assert np.array_equal(decode_master(encode_master(pixels(*size), recipe=RECIPE)), pixels(*size))


def test_the_recipe_comes_back_and_another_reader_sees_it_too() -> None:
    data = encode_master(pixels(), recipe=RECIPE)
    assert read_recipe(data) == RECIPE
    with Image.open(io.BytesIO(data)) as picture:
        assert isinstance(picture, PngImageFile)
        assert picture.text["shangxin"] == RECIPE
        assert picture.info["icc_profile"] == srgb_profile()
        assert np.array_equal(np.asarray(picture), pixels())


def test_a_png_of_somebody_else_has_no_recipe() -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels()).save(buffer, "PNG")
    assert read_recipe(buffer.getvalue()) is None


def test_a_master_that_breaks_off_is_an_error_not_a_half_black_picture() -> None:
    data = encode_master(pixels(), recipe=RECIPE)
    with pytest.raises(CompositionError, match="breaks off"):
        decode_master(data[: len(data) // 2])


def test_damaged_pixels_are_an_error() -> None:
    data = bytearray(encode_master(pixels(), recipe=RECIPE))
    at = data.index(b"IDAT") + 4000
    data[at : at + 8] = b"\0" * 8
    with pytest.raises(CompositionError, match=r"damaged.*IDAT"):
        decode_master(bytes(data))


@pytest.mark.parametrize("data", [b"", b"GIF89a", PNG_SIGNATURE])
def test_what_is_no_png_is_an_error(data: bytes) -> None:
    with pytest.raises(CompositionError, match="PNG"):
        decode_master(data)
    with pytest.raises(CompositionError, match="PNG"):
        read_recipe(data)
