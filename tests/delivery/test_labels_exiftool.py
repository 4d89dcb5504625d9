"""What we write, read by a program that knows nothing of us: exiftool."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.banners.placement import load_placements
from tasks.delivery.labels import COMPOSITE, Labeller, digest_picture
from tests.delivery.labelled import CREDITS, FORMATS, make_origin, picture

EXIFTOOL = shutil.which("exiftool")
PLACEMENTS = load_placements(Path(__file__).resolve().parents[2] / "templates" / "placements")
SKU = "杯/1 <&> ]]>\"' \x01" + "长" * 280

pytestmark = pytest.mark.skipif(
    EXIFTOOL is None, reason="no exiftool on this machine: apt-get install libimage-exiftool-perl"
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """exiftool's view of one labelled file a format: starting it takes longer than the reading."""
    folder = tmp_path_factory.mktemp("labelled")
    for background in ("generated", "white"):
        labeller = Labeller(make_origin(sku=SKU, background=background), CREDITS)
        for form in FORMATS:
            data, _ = labeller.label(picture(form), PLACEMENTS["google-300x250"])
            (folder / f"{background}.{form}").write_bytes(data)
    command = [EXIFTOOL or "", "-json", "-G1", "-a", "-struct", "-validate", "-warning", "-all", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True)
    return {Path(entry["SourceFile"]).name: entry for entry in json.loads(done.stdout)}


@pytest.mark.parametrize("form", FORMATS)
def test_exiftool_reads_every_label(form: str, seen: dict[str, dict[str, Any]]) -> None:
    found, origin = seen[f"generated.{form}"], make_origin(sku=SKU)
    # not in its tables, so it makes a name of its own of the property's
    aigc = json.loads(found["XMP-TC260:Aigc"])
    assert aigc == {
        "Label": "1",
        "ContentProducer": CREDITS.producer,
        "ProduceID": f"{origin.job_id}-0",
        "ReservedCode1": digest_picture(picture(form)),
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    assert found["XMP-iptcExt:DigitalSourceType"] == COMPOSITE
    assert found["XMP-dc:Creator"] == [CREDITS.creator]
    assert found["XMP-dc:Rights"] == CREDITS.rights
    assert found["XMP-xmpRights:Owner"] == [CREDITS.owner]
    assert found["XMP-xmpRights:Marked"] is True
    assert json.loads(found["XMP-shangxin:Recipe"])["sku"] == SKU


@pytest.mark.parametrize("form", FORMATS)
def test_exiftool_finds_nothing_wrong_and_the_picture_as_it_was(form: str, seen: dict[str, dict[str, Any]]) -> None:
    found = seen[f"generated.{form}"]
    assert found["ExifTool:Validate"] == "OK"
    assert "ExifTool:Warning" not in found
    assert found["File:FileType"] == form.upper() if form != "webp" else "Extended WEBP"
    assert found["Composite:ImageSize"] == "80x64"
    assert found["ICC_Profile:ProfileDescription"] == "sRGB built-in"


@pytest.mark.parametrize("form", FORMATS)
def test_exiftool_finds_no_claim_of_generation_on_white(form: str, seen: dict[str, dict[str, Any]]) -> None:
    found = seen[f"white.{form}"]
    assert not any("Aigc" in name or "DigitalSourceType" in name for name in found)
    assert json.loads(found["XMP-shangxin:Recipe"])["generated"] is False
