"""XMP in every container: no pixel changes, whatever is wrong with the file."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.banners.container import Chunk, pad_jpeg, pad_png, pad_webp, png_with_chunks
from tasks.delivery.labels import Labels, container_of, digest_picture, insert_packet, read_labels, write_packet
from tasks.errors import LabelError
from tests.delivery.labelled import FORMATS, decoded, draw, make_labels, picture

PACKET = write_packet(make_labels())
PICTURES = {form: picture(form) for form in FORMATS}
EXIF = Image.Exif()
EXIF[0x010F] = "Camera"
LABELLED = {form: insert_packet(data, PACKET) for form, data in PICTURES.items()}


@pytest.mark.parametrize("form", FORMATS)
def test_labels_come_back_and_no_pixel_changes(form: str) -> None:
    assert container_of(LABELLED[form]) == form
    assert read_labels(LABELLED[form]) == make_labels()
    assert np.array_equal(decoded(LABELLED[form]), decoded(PICTURES[form]))


@pytest.mark.parametrize("form", FORMATS)
def test_pillow_finds_the_packet_and_still_the_profile(form: str) -> None:
    with Image.open(io.BytesIO(LABELLED[form])) as opened, Image.open(io.BytesIO(PICTURES[form])) as plain:
        found = opened.info["xmp"]
        assert (found.encode() if isinstance(found, str) else found) == PACKET
        assert opened.info["icc_profile"] == plain.info["icc_profile"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_without_labels_has_none(form: str) -> None:
    assert read_labels(PICTURES[form]) == Labels()


@pytest.mark.parametrize("form", FORMATS)
def test_the_digest_is_the_pictures_alone(form: str) -> None:
    digest = digest_picture(PICTURES[form])
    assert digest_picture(LABELLED[form]) == digest
    assert digest_picture(picture(form, draw(seed=1))) != digest


@pytest.mark.parametrize(("form", "pad"), [("jpeg", pad_jpeg), ("png", pad_png), ("webp", pad_webp)])
def test_comments_change_no_digest(form: str, pad: Callable[[bytes, int], bytes]) -> None:
    assert digest_picture(pad(LABELLED[form], 100)) == digest_picture(PICTURES[form])


@pytest.mark.parametrize("form", FORMATS)
def test_another_profile_changes_the_digest(form: str) -> None:
    assert digest_picture(picture(form, icc_profile=None)) != digest_picture(PICTURES[form])


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_labelling_again_replaces(form: str) -> None:
    other = write_packet(make_labels("山月"))
    assert insert_packet(LABELLED[form], other) == insert_packet(PICTURES[form], other)


def test_an_avif_with_xmp_is_refused_with_the_way_out() -> None:
    with pytest.raises(LabelError, match="Encode it again without"):
        insert_packet(LABELLED["avif"], PACKET)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("jpeg", {"progressive": True}),
        ("jpeg", {"exif": EXIF, "comment": b"by hand"}),
        ("jpeg", {"icc_profile": None, "subsampling": 0}),
        ("png", {"icc_profile": None}),
        ("webp", {"icc_profile": None}),
        ("webp", {"icc_profile": None, "lossless": True}),
        ("webp", {"exif": EXIF}),
        ("avif", {"icc_profile": None}),
        ("avif", {"exif": EXIF}),
    ],
)
def test_other_writers_habits(form: str, options: dict[str, object]) -> None:
    plain = picture(form, **options)
    labelled = insert_packet(plain, PACKET)
    assert read_labels(labelled) == make_labels()
    assert np.array_equal(decoded(labelled), decoded(plain))
    assert digest_picture(labelled) == digest_picture(plain)


@pytest.mark.parametrize(("form", "lossless"), [("webp", True), ("webp", False), ("avif", False), ("png", False)])
def test_transparency_stays(form: str, lossless: bool) -> None:
    image = draw(31, 17).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    plain = picture(form, image, icc_profile=None, **({"lossless": True} if lossless else {}))
    labelled = insert_packet(plain, PACKET)
    assert np.array_equal(decoded(labelled), decoded(plain))
    assert decoded(labelled)[..., 3].min() < 50


def test_a_palette_png_and_an_animated_webp_keep_all_they_have() -> None:
    palette = picture("png", draw().quantize(16))
    assert np.array_equal(decoded(insert_packet(palette, PACKET)), decoded(palette))
    animated = picture("webp", save_all=True, append_images=[draw(seed=2)])
    with Image.open(io.BytesIO(insert_packet(animated, PACKET))) as opened:
        assert opened.n_frames == 2


def test_a_compressed_packet_in_a_png_is_read_and_a_bomb_is_not() -> None:
    head = b"XML:com.adobe.xmp\x00\x01\x00\x00\x00"
    plain = PICTURES["png"]
    assert read_labels(png_with_chunks(plain, Chunk(b"iTXt", head + zlib.compress(PACKET)))) == make_labels()
    bomb = png_with_chunks(plain, Chunk(b"iTXt", head + zlib.compress(b" " * 2**26)))
    with pytest.raises(LabelError, match="at most"):
        read_labels(bomb)


def test_labels_too_large_for_a_jpeg_say_how_large() -> None:
    with pytest.raises(LabelError, match="labels take 70000 bytes, a JPEG holds 65504"):
        insert_packet(PICTURES["jpeg"], b" " * 70_000)


@pytest.mark.parametrize("form", ["png", "webp", "avif"])
def test_other_containers_have_their_limit_too(form: str) -> None:
    with pytest.raises(LabelError, match="at most 1048576"):
        insert_packet(PICTURES[form], b" " * (2**20 + 1))


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(40), b"RIFF\x00\x00\x00\x00WAVE", b"<svg/>", b"\xff\xd8"])
def test_what_is_no_picture_of_these_kinds_is_refused(data: bytes) -> None:
    with pytest.raises(LabelError, match="expected a JPEG, PNG, WebP or AVIF"):
        read_labels(data)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_breaks_off_anywhere_is_refused_or_read_never_worse(form: str) -> None:
    data = LABELLED[form]
    for end in [*range(0, 600, 7), *range(600, len(data), 97)]:
        _survive(data[:end])


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(changes=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_file_with_any_bytes_changed_is_refused_or_read_never_worse(
    form: str, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(LABELLED[form])
    for at, value in changes:
        data[at % len(data)] = value
    _survive(bytes(data))


def _survive(data: bytes) -> None:
    for work in (read_labels, digest_picture, lambda file: insert_packet(file, PACKET)):
        try:
            work(data)
        except LabelError:
            continue


def test_a_jpeg_cut_in_its_pixels_has_another_digest() -> None:
    data = LABELLED["jpeg"]
    assert digest_picture(data[:-20]) != digest_picture(data)


def test_a_webp_with_an_odd_packet_stays_even() -> None:
    odd = PACKET if len(PACKET) % 2 else PACKET.replace(b'<?xpacket end="w"?>', b' <?xpacket end="w"?>')
    labelled = insert_packet(PICTURES["webp"], odd)
    assert struct.unpack("<I", labelled[4:8])[0] == len(labelled) - 8
    assert len(labelled) % 2 == 0
    assert read_labels(labelled) == make_labels()
