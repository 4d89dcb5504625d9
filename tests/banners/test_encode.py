import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.banners.codecs import Setting, write_avif, write_jpeg, write_webp
from tasks.banners.encode import LADDER, START_QUALITY, Encoded, encode
from tasks.banners.pixels import Pixels
from tasks.banners.profile import srgb_profile
from tasks.banners.rules import Format
from tasks.banners.ssim import ssim
from tasks.errors import CompositionError
from tests.banners.drawn import draw_master

LOSSY: tuple[Format, ...] = ("jpeg", "webp", "avif")
ALL: tuple[Format, ...] = ("jpeg", "png", "webp", "avif")
WRITERS = {"jpeg": write_jpeg, "webp": write_webp, "avif": write_avif}


def noise(size: int = 128) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)


def flat(size: int = 128, level: int = 255) -> Pixels:
    return np.full((size, size, 3), level, np.uint8)


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("form", ALL)
def test_every_format_decodes_to_its_size_and_carries_srgb(form: Format) -> None:
    encoded = encode(noise(), formats=[form])
    picture = opened(encoded.data)
    assert (picture.format, picture.size) == (form.upper(), (128, 128))
    assert picture.info["icc_profile"] == srgb_profile()


def test_without_a_window_the_quality_is_the_start_quality() -> None:
    large = np.tile(noise(), (4, 4, 1))
    assert encode(large, formats=["jpeg"]).setting == Setting(START_QUALITY)


@pytest.mark.parametrize("form", ["jpeg", "avif"])
def test_a_small_picture_keeps_its_colours_sharp_where_the_bytes_allow(form: Format) -> None:
    red, blue = (200, 20, 30), (20, 30, 200)
    stripes = np.array([red, blue] * 160, np.uint8)[None].repeat(50, axis=0)  # a px wide each, like small type
    off = {}
    for ceiling in (None, len(WRITERS[form](stripes, Setting(START_QUALITY, "444"))) - 1):
        made = encode(stripes, formats=[form], max_bytes=ceiling)
        off[ceiling is None] = np.abs(np.asarray(opened(made.data).convert("RGB"), float) - stripes).mean()
    assert off[True] < 0.5 * off[False]


def test_png_is_lossless() -> None:
    assert np.array_equal(np.asarray(opened(encode(noise(), formats=["png"]).data)), noise())


@pytest.mark.parametrize("form", LOSSY)
def test_a_ceiling_takes_the_best_quality_that_fits(form: Format) -> None:
    ceiling = len(encode(noise(), formats=[form]).data) // 2
    encoded = encode(noise(), formats=[form], max_bytes=ceiling)
    assert len(encoded.data) <= ceiling
    assert encoded.setting is not None
    better = encoded.setting._replace(quality=encoded.setting.quality + 1)
    assert len(WRITERS[form](noise(), better)) > ceiling


def picture(size: int = 400) -> Pixels:
    return draw_master("table", width=size, height=size).pixels


def likeness(encoded: Encoded, image: Pixels) -> float:
    return ssim(image, np.asarray(opened(encoded.data).convert("RGB")))


def test_below_a_ceiling_the_likest_of_all_ways_wins() -> None:
    image = picture()
    ceiling = len(write_jpeg(image, Setting(60)))
    encoded = encode(image, formats=["jpeg"], max_bytes=ceiling)
    assert encoded.setting is not None
    assert encoded.setting.progressive  # the same bytes hold a better quality
    assert encoded.likeness == pytest.approx(likeness(encoded, image), abs=1e-3)
    plain = ssim(image, np.asarray(opened(write_jpeg(image, Setting(60)))))
    assert likeness(encoded, image) > plain


def test_formats_compete_below_a_ceiling() -> None:
    image = picture()
    ceiling = len(write_jpeg(image, Setting(45)))
    assert encode(image, formats=["jpeg", "avif"], max_bytes=ceiling).format == "avif"
    logo = np.full((200, 200, 3), (30, 90, 200), np.uint8)
    logo[60:140:4, 60:140] = (250, 40, 40)
    assert encode(logo, formats=["jpeg", "png"], max_bytes=2500).format == "png"


def test_red_on_blue_keeps_its_colours_where_the_bytes_allow() -> None:
    image = np.zeros((256, 256, 3), np.uint8)
    image[:, :] = (20, 20, 200)
    image[::3] = (220, 20, 20)
    ceiling = len(write_jpeg(image, Setting(89, "444", progressive=True)))
    encoded = encode(image, formats=["jpeg"], max_bytes=min(ceiling, len(write_jpeg(image, Setting(90))) - 1))
    assert encoded.setting is not None
    assert encoded.setting.subsampling == "444"


def test_a_png_that_is_too_large_gets_a_palette() -> None:
    image = picture()
    lossless = len(encode(image, formats=["png"]).data)
    encoded = encode(image, formats=["png"], max_bytes=lossless // 2)
    assert opened(encoded.data).mode == "P"
    assert encoded.likeness is not None
    assert encoded.likeness > 0.9


@pytest.mark.parametrize("form", LOSSY)
def test_a_floor_raises_the_quality_before_it_pads(form: Format) -> None:
    usual = len(encode(noise(), formats=[form]).data)
    encoded = encode(noise(), formats=[form], min_bytes=usual + 1500)
    assert len(encoded.data) >= usual + 1500
    assert encoded.padding == 0
    assert encoded.setting is not None
    assert LADDER.index(encoded.setting) > LADDER.index(Setting(START_QUALITY))


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("floor", [3001, 38 * 1024 + 1, 200_003])
def test_a_flat_picture_reaches_its_floor_with_neutral_bytes(form: Format, floor: int) -> None:
    encoded = encode(flat(), formats=[form], min_bytes=floor, max_bytes=floor + 100)
    assert floor <= len(encoded.data) <= floor + 100
    assert encoded.padding > 0
    assert (np.asarray(opened(encoded.data).convert("RGB")) == 255).all()
    assert opened(encoded.data).info["icc_profile"] == srgb_profile()


@pytest.mark.parametrize("form", ALL)
def test_what_cannot_fit_is_refused_with_the_bytes_measured(form: Format) -> None:
    with pytest.raises(CompositionError, match=rf"128x128 picture does not fit 0 to 900 bytes: {form} takes \d+ bytes"):
        encode(noise(), formats=[form], max_bytes=900)


def test_the_next_format_takes_over_where_the_first_cannot() -> None:
    encoded = encode(noise(), formats=["png", "jpeg"], max_bytes=20_000)
    assert encoded.format == "jpeg"


def test_formats_that_cannot_be_written_are_passed_over() -> None:
    assert encode(flat(), formats=["gif", "png"]).format == "png"
    with pytest.raises(CompositionError, match="none can be written"):
        encode(flat(), formats=["gif"])


@given(st.integers(1500, 60_000), st.integers(0, 20_000), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_window_is_kept_or_the_picture_refused(floor: int, room: int, noisy: bool) -> None:
    image = noise(96) if noisy else flat(96)
    try:
        encoded = encode(image, formats=["jpeg"], min_bytes=floor, max_bytes=floor + room)
    except CompositionError:
        assert noisy or room < 16
        return
    assert floor <= len(encoded.data) <= floor + room
    assert opened(encoded.data).size == (96, 96)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 3)])
@pytest.mark.parametrize("form", ALL)
def test_thin_pictures_are_written_whole(shape: tuple[int, int], form: Format) -> None:
    encoded = encode(np.full((*shape, 3), 90, np.uint8), formats=[form])
    assert opened(encoded.data).size == shape[::-1]


def test_equal_pictures_make_equal_files() -> None:
    assert encode(noise(), formats=["jpeg"]).data == encode(noise(), formats=["jpeg"]).data
