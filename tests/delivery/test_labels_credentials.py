"""Content Credentials: signed with a certificate of one's own, read back, and broken by any change of the picture."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tasks.banners.compose import Rendition, compose_renditions
from tasks.banners.placement import load_placements
from tasks.delivery.labels import COMPOSITE, Labeller
from tasks.delivery.labels.credentials import Certificate, growth, load_certificate, read_credentials, sign
from tasks.delivery.labels.files import Container, digest_picture
from tasks.delivery.labels.inspection import inspect_file
from tasks.errors import ConfigurationError
from tests.banners.drawn import draw_master
from tests.delivery.certificates import make_chain
from tests.delivery.labelled import CREDITS, FORMATS, decoded, make_origin, picture

PLACEMENTS = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return load_certificate(*make_chain(tmp_path_factory.mktemp("keys")))


@pytest.mark.parametrize("form", FORMATS)
def test_every_container_is_signed_and_read_back(form: Container, certificate: Certificate) -> None:
    data = picture(form)
    signed = sign(data, form, certificate, source_type=COMPOSITE)

    found = read_credentials(signed, form)
    assert found is not None
    assert (found.state, found.name, found.source_type) == ("valid", "Signer", COMPOSITE)
    assert np.array_equal(decoded(signed), decoded(data))
    assert digest_picture(signed) == digest_picture(data)
    assert len(signed) - len(data) == growth(certificate, COMPOSITE)[form]
    assert read_credentials(data, form) is None


def test_a_changed_pixel_breaks_the_signature(certificate: Certificate) -> None:
    signed = bytearray(sign(picture("jpeg"), "jpeg", certificate, source_type=COMPOSITE))
    signed[-40] ^= 0x10
    found = read_credentials(bytes(signed), "jpeg")
    assert found is not None
    assert found.state == "invalid"
    assert any("dataHash" in problem for problem in found.problems)
    assert inspect_file(bytes(signed)).credentials == found


def test_renditions_are_signed_last_inside_their_byte_window(certificate: Certificate) -> None:
    master = draw_master("table", width=512, height=512)
    labeller = Labeller(make_origin(), CREDITS, certificate=certificate)
    wanted = [PLACEMENTS[name] for name in ("google-300x250", "taobao-main")]
    for made in compose_renditions(
        master.pixels, master.product_box, wanted, background="generated", alpha=master.alpha, finisher=labeller
    ):
        assert isinstance(made, Rendition), made
        findings = {each.check: each for each in made.findings}
        assert findings["c2pa"].passed
        assert findings["labels"].passed
        assert findings["bytes-ceiling"].passed
        inspected = inspect_file(made.data)
        assert inspected.state == "untouched"
        assert inspected.labels.aigc is not None
        assert inspected.credentials is not None
        assert inspected.credentials.state == "valid"


@pytest.mark.parametrize("form", FORMATS)
def test_files_grow_by_exactly_what_was_reserved(form: Container, certificate: Certificate) -> None:
    labeller = Labeller(make_origin(), CREDITS, certificate=certificate)
    placement, data = PLACEMENTS["google-300x250"], picture(form)
    labelled, _ = labeller.label(data, placement)
    assert len(labelled) - len(data) == labeller.reserve(placement)


def test_what_holds_nothing_generated_is_not_signed(certificate: Certificate) -> None:
    labeller = Labeller(make_origin(background="white"), CREDITS, certificate=certificate)
    labelled, findings = labeller.label(picture("jpeg"), PLACEMENTS["taobao-main"])
    assert read_credentials(labelled, "jpeg") is None
    assert [each.check for each in findings] == ["labels"]


def test_a_certificate_that_cannot_sign_is_told_without_its_key(tmp_path: Path) -> None:
    chain, key = make_chain(tmp_path)
    (tmp_path / "other").mkdir()
    _, other = make_chain(tmp_path / "other")
    with pytest.raises(ConfigurationError, match="C2PA_CERTIFICATE cannot sign") as raised:
        load_certificate(chain, other)
    secret = other.read_text(encoding="ascii").splitlines()[1]
    assert secret not in str(raised.value)
    assert secret not in repr(Certificate(chain.read_bytes(), other.read_bytes()))
    with pytest.raises(ConfigurationError, match="C2PA_KEY"):
        load_certificate(chain, tmp_path / "nowhere.pem")
    with pytest.raises(ConfigurationError, match="certificate"):
        load_certificate(key, key)
    with pytest.raises(ConfigurationError, match="ALGORITHM"):
        load_certificate(chain, key, algorithm="rot13")


def test_without_the_library_a_signed_file_says_so(certificate: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "signed.jpg"
    file.write_bytes(sign(picture("jpeg"), "jpeg", certificate, source_type=COMPOSITE))
    code = (
        "import sys; sys.modules['c2pa'] = None\n"
        "from tasks.delivery.labels.credentials import read_credentials\n"
        f"print(read_credentials(open({str(file)!r}, 'rb').read(), 'jpeg').state)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "unread", done.stderr
