"""Pictures as shops send them: odd ones are read right, unusable ones are refused with the reason."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from tasks.catalog.picture import ImageLimits, inspect_image, open_product_image
from tasks.errors import ImageError
from tasks.shapes import Size


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(size: tuple[int, int] = (96, 64), mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def pixel(image: Image.Image, at: tuple[int, int] = (5, 5)) -> tuple[int, ...]:
    found = image.getpixel(at)
    assert isinstance(found, tuple)
    return tuple(map(int, found))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds one line of nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_every_accepted_format_is_read(kind: str) -> None:
    data = encoded(noise(), kind)
    facts = inspect_image(data)
    assert (facts.format, facts.size, facts.frames, facts.has_alpha) == (kind, Size(96, 64), 1, False)
    opened = open_product_image(data)
    assert (opened.mode, opened.size) == ("RGBA", (96, 64))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    data = encoded(noise((200, 200)), kind)
    with pytest.raises(ImageError, match=r"truncated|unreadable"):
        inspect_image(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\xef\xbb\xbf\n<html>", "an HTML page"),
        (b"<svg xmlns='x'/>", "an SVG"),
        (encoded(noise(), "GIF"), "a GIF"),
        (b"\0\0\0\x20ftypheic", "HEIC"),
        (b"%PDF-1.7", "a PDF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"hello world", "68 65 6c 6c 6f"),
        (b"\xff\xd8\xff\xe0 nothing else", "unreadable|truncated"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "unreadable"),
        (b"II*\0\xff\xff\xff\xff", "unreadable"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of what it misses in a TIFF
def test_what_is_no_picture_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        inspect_image(data)


@pytest.mark.parametrize("size", [(1, 1), (31, 500), (500, 31)])
def test_a_tiny_picture_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"too small: {size[0]}x{size[1]}"):
        inspect_image(encoded(noise(size), "PNG"))


@pytest.mark.parametrize("size", [(40_000, 40), (40, 40_000), (11_000, 11_000), (2**31 - 1, 2**31 - 1)])
def test_a_pixel_bomb_is_refused_from_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"too many pixels: {size[0]}x{size[1]}"):
        inspect_image(png_header(*size))
    with pytest.raises(ImageError, match="too many pixels"):
        open_product_image(png_header(*size))


def test_a_large_file_is_refused_by_its_bytes() -> None:
    with pytest.raises(ImageError, match="too large"):
        inspect_image(encoded(noise(), "BMP"), ImageLimits(max_bytes=1000))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_an_animation_is_refused(kind: str) -> None:
    data = encoded(noise(), kind, save_all=True, append_images=[Image.new("RGB", (96, 64), "red")])
    with pytest.raises(ImageError, match="2 frames"):
        inspect_image(data)


def test_a_phone_picture_with_a_preview_counts_as_one() -> None:
    data = encoded(noise(), "MPO", save_all=True, append_images=[noise((48, 32))])
    facts = inspect_image(data)
    assert (facts.format, facts.size, facts.frames) == ("JPEG", Size(96, 64), 1)


def test_a_wrong_ending_is_a_note() -> None:
    data = encoded(noise(), "PNG")
    assert inspect_image(data, name="a/b.JPG").notes == ("mislabelled: named .jpg, the content is PNG",)
    assert inspect_image(data, name="a/b.png").notes == ()
    assert inspect_image(data, name="img.ashx").notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_upright(orientation: int) -> None:
    upright = Image.new("RGB", (80, 40), "white")
    upright.paste("red", (0, 0, 20, 20))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        data = encoded(stored, kind, exif=exif)
        assert inspect_image(data).size == Size(80, 40)
        opened = open_product_image(data)
        assert opened.size == (80, 40)
        assert pixel(opened, (5, 5)) == (255, 0, 0, 255)
        assert pixel(opened, (70, 30)) == (255, 255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    opened = np.asarray(open_product_image(encoded(Image.fromarray(ramp), kind)))
    expected = np.rint(ramp / 257).astype(int)
    for channel in range(3):
        assert np.abs(opened[..., channel].astype(int) - expected).max() == 0
    assert (opened[..., 3] == 255).all()


def test_sixteen_bit_colour_keeps_its_range() -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 65535, 32768, 0) * 40 for _ in range(40))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert pixel(open_product_image(data)) == (255, 128, 0, 255)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_range_are_refused(mode: str) -> None:
    image = Image.new(mode, (40, 40), 70_000)
    for look in (inspect_image, open_product_image):
        with pytest.raises(ImageError, match="pixels"):
            look(encoded(image, "TIFF"))


def transparent(mode: str) -> bytes:
    image = Image.new("RGBA", (40, 40), (200, 30, 30, 255))
    image.paste((0, 0, 0, 0), (20, 0, 40, 40))
    if mode == "P":
        palette = image.convert("RGB").quantize(8)
        index = palette.getpixel((30, 5))
        return encoded(palette, "PNG", transparency=index)
    if mode == "RGB":
        return encoded(image.convert("RGB"), "PNG", transparency=(0, 0, 0))
    return encoded(image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "LA"])
def test_transparency_of_every_kind_is_kept(mode: str) -> None:
    data = transparent(mode)
    assert inspect_image(data).has_alpha
    opened = open_product_image(data)
    assert pixel(opened, (5, 5))[3] == 255
    assert pixel(opened, (30, 5))[3] == 0
    if mode != "LA":
        assert pixel(opened, (5, 5))[:3] == (200, 30, 30)


def test_one_bit_and_grey_pictures_open() -> None:
    for mode in ("1", "L"):
        assert open_product_image(encoded(Image.new(mode, (40, 40), 255), "PNG")).getpixel((3, 3)) == (255,) * 4


def test_cmyk_without_a_profile_has_the_right_polarity() -> None:
    image = Image.new("CMYK", (40, 40), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        red, green, blue, alpha = pixel(open_product_image(encoded(image, kind)))
        assert red > 240
        assert max(green, blue) < 15
        assert alpha == 255


def press_profile(cyan: tuple[int, int, int] = (140, 91, 78)) -> bytes:
    """A CMYK profile (ICC.1, lut8) whose cyan is a press's, Lab 55 -37 -50; no ink is white, all else is black."""
    lab = {(0, 0, 0, 0): (255, 128, 128), (1, 0, 0, 0): cyan}
    corners = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    ramp = bytes(range(256))
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + ramp * 4
    lut += b"".join(bytes(lab.get(corner, (0, 128, 128))) for corner in corners) + ramp * 3
    text = b"press\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = {b"desc": desc, b"cprt": b"text\0\0\0\0none\0", b"wtpt": white, b"A2B0": lut}
    table, body, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data.ljust(-(-len(data) // 4) * 4, b"\0")
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += padded
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"\0\0\0\0", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile_gets_the_press_colours(kind: str) -> None:
    image = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 0, 0), (24, 0, 40, 40))
    opened = open_product_image(encoded(image, kind, icc_profile=press_profile()))
    red, green, blue, _ = pixel(opened)
    # the plain complement would be 0, 255, 255
    assert red < 40
    assert 120 < green < 180
    assert 190 < blue < 245
    assert min(pixel(opened, (36, 5))) > 250


def linear_profile() -> bytes:
    """A matrix profile like sRGB, with a straight tone curve: mid grey in it is far lighter in sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for entry in range(count):
        name, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + size] = b"curv\0\0\0\0\0\0\0\0".ljust(size, b"\0")
        if name == b"desc":
            data[offset : offset + size] = data[offset : offset + size].replace(
                "sRGB".encode("utf-16-be"), b"\0L\0i\0n\0e"
            )
    return bytes(data)


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    image = Image.new("RGBA", (40, 40), (128, 128, 128, 77))
    data = encoded(image, "PNG", icc_profile=linear_profile())
    assert inspect_image(data).icc
    # IEC 61966-2-1: linear 128/255 is 188/255 in sRGB
    assert pixel(open_product_image(data)) == pytest.approx((188, 188, 188, 77), abs=1)


@pytest.mark.parametrize("profile", [b"broken", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_a_broken_or_srgb_profile_changes_nothing(profile: bytes) -> None:
    data = encoded(noise(), "PNG", icc_profile=profile)
    assert np.array_equal(np.asarray(open_product_image(data))[..., :3], np.asarray(noise()))


def test_a_profile_for_other_pixels_is_overlooked() -> None:
    grey = Image.new("L", (40, 40), 100)
    assert pixel(open_product_image(encoded(grey, "PNG", icc_profile=linear_profile()))) == (100, 100, 100, 255)


DAMAGE: list[Callable[[bytearray, int], None]] = [
    lambda data, at: data.__setitem__(at, data[at] ^ 0xFF),
    lambda data, at: data.__delitem__(slice(at, at + 7)),
]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of what it repairs in a TIFF
def test_a_damaged_file_never_raises_anything_else(kind: str) -> None:
    whole = encoded(noise((64, 48)), kind)
    for damage in DAMAGE:
        for at in range(0, min(len(whole), 400), 3):
            data = bytearray(whole)
            damage(data, at)
            try:
                inspect_image(bytes(data))
                open_product_image(bytes(data))
            except ImageError as error:
                assert str(error)  # noqa: PT017
