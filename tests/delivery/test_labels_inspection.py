"""What a file says of itself, ours or not."""

import pytest

from tasks.banners.master_png import encode_master
from tasks.banners.placement import Placement, load_placements
from tasks.delivery.labels import Labeller, insert_packet
from tasks.delivery.labels.files import find_packet
from tasks.delivery.labels.inspection import inspect_file
from tasks.errors import LabelError
from tests.delivery.labelled import CREDITS, FORMATS, decoded, draw, make_origin, picture
from tests.delivery.test_labels_mark import TEMPLATES

PLACEMENT: Placement = load_placements(TEMPLATES / "placements")["google-300x250"]


def labelled(form: str, background: str = "generated") -> bytes:
    return Labeller(make_origin(background=background), CREDITS).label(picture(form), PLACEMENT)[0]


@pytest.mark.parametrize("background", ["generated", "white"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_delivered_file_is_untouched(form: str, background: str) -> None:
    found = inspect_file(labelled(form, background))
    assert (found.format, found.size, found.profile) == (form, (80, 64), "sRGB built-in")
    assert found.state == "untouched"
    assert found.labels.recipe is not None
    assert found.labels.recipe.job_id == make_origin(background=background).job_id


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_saved_again_with_its_labels_has_changed(form: str) -> None:
    packet = find_packet(labelled(form))
    assert packet is not None
    again = insert_packet(picture(form, draw().rotate(90, expand=True)), packet)
    assert inspect_file(again).state == "changed"


def test_a_file_without_labels_says_so() -> None:
    found = inspect_file(picture("jpeg", icc_profile=None))
    assert found.labels.is_empty
    assert (found.state, found.profile, found.master) == ("unknown", "", None)


def test_a_profile_that_is_damaged_is_told() -> None:
    assert inspect_file(picture("jpeg", icc_profile=b"x" * 200)).profile == "damaged"


def test_a_master_shows_its_recipe() -> None:
    data = encode_master(decoded(picture("png"))[..., :3].copy(), recipe='{"job_id":"abc"}')
    assert inspect_file(data).master == {"job_id": "abc"}


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff" + b"\x00" * 50, b"\x89PNG\r\n\x1a\n", b"RIFF    WEBP"])
def test_no_picture_at_all_is_an_error_that_says_so(data: bytes) -> None:
    with pytest.raises(LabelError):
        inspect_file(data)
