"""Colours from the shop's photograph to the delivered file, through plan, draft model, checks and composing."""

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tasks.catalog.brief import CampaignBrief
from tasks.colour_difference import delta_e_2000, lab
from tasks.settings import PROJECT
from tests.catalog.profiles import ADOBE_GAMMA, ADOBE_RGB, DISPLAY_P3, from_srgb, lab_to_srgb, matrix_profile
from tests.catalog.test_picture import press_profile
from tests.flows.rendering import render_planned

pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.slow]

# Four patches, top left to bottom right, all inside sRGB.
PATCHES = ((200, 60, 50), (40, 130, 70), (50, 80, 170), (220, 170, 60))
CYAN = (128, 116, 104)  # lut8 bytes of a press's cyan that sRGB has: L 50.2, a -12, b -24
CYAN_SRGB = lab_to_srgb(128 / 2.55, -12, -24)
SIDE, EDGE = 600, 100  # of the photograph, and of the ground around the product


def painted(patches: list[np.ndarray]) -> np.ndarray:
    """A square of four patches (each 0..1) on white, (SIDE, SIDE, 3), 0..1."""
    picture, half = np.ones((SIDE, SIDE, 3)), SIDE // 2
    for number, patch in enumerate(patches):
        down, across = divmod(number, 2)
        rows = slice(EDGE, half) if not down else slice(half, SIDE - EDGE)
        columns = slice(EDGE, half) if not across else slice(half, SIDE - EDGE)
        picture[rows, columns] = patch
    return picture


def eight(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(picture * 255).astype(np.uint8))


def draw_pictures(folder: Path) -> dict[str, str]:
    """SKU -> file, one for each way in which a photograph's colours may come."""
    plain = painted([np.array(patch) / 255 for patch in PATCHES])
    wide = painted([from_srgb(patch, DISPLAY_P3) for patch in PATCHES])
    adobe = painted([from_srgb(patch, ADOBE_RGB, gamma=ADOBE_GAMMA) for patch in PATCHES])
    eight(wide).save(folder / "p3.png", icc_profile=matrix_profile(DISPLAY_P3))
    profile = matrix_profile(ADOBE_RGB, gamma=ADOBE_GAMMA, name="Adob")
    eight(adobe).save(folder / "adobe.jpg", quality=98, subsampling=0, icc_profile=profile)
    cv2.imwrite(str(folder / "deep.png"), np.rint(plain[..., ::-1] * 65535).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: turn by 90 degrees clockwise to see it upright
    eight(np.rot90(plain)).save(folder / "turned.jpg", quality=98, subsampling=0, exif=exif)
    press = Image.new("CMYK", (SIDE, SIDE), (0, 0, 0, 0))
    press.paste((255, 0, 0, 0), (EDGE, EDGE, SIDE - EDGE, SIDE - EDGE))
    press.save(folder / "press.tif", icc_profile=press_profile(CYAN))
    cooker = folder / "rice-cooker.jpg"
    cooker.write_bytes((PROJECT / "catalogs/sample/images/rice-cooker.jpg").read_bytes())
    return {
        "P3": "p3.png", "ADOBE": "adobe.jpg", "DEEP": "deep.png", "TURNED": "turned.jpg", "PRESS": "press.tif",
        "WHITE": cooker.name,
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("colours")


def delivered(folder: Path) -> Iterator[tuple[str, np.ndarray, dict[str, float | None]]]:
    """(SKU, pixels of its white-ground rendition, findings) of one run over all the pictures."""
    rows = "".join(f"{sku},色卡,{file},drinkware\n" for sku, file in draw_pictures(folder).items())
    (folder / "goods.csv").write_text(f"sku,title,image,category\n{rows}", encoding="utf-8")
    brief = CampaignBrief(
        catalog=str(folder / "goods.csv"), scenes=("white-studio",), placements=("taobao-white",), model="kolors-nano"
    )
    workplace = render_planned(brief, "run-1")
    for record in workplace.ledger.results("run-1"):
        (rendition,) = record.renditions
        assert rendition.key, rendition.findings
        data = workplace.store.get(rendition.key)
        with Image.open(io.BytesIO(data)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        yield record.sku, pixels, {each.check: each.value for each in rendition.findings}


def difference(found: np.ndarray, expected: tuple[int, int, int]) -> np.ndarray:
    wanted = np.tile(np.array(expected, np.uint8), (len(found), 1))
    return np.asarray(delta_e_2000(lab(found), lab(wanted)))


def test_colours_arrive_as_they_were_photographed(folder: Path) -> None:
    pictures = {sku: (pixels, findings) for sku, pixels, findings in delivered(folder)}
    assert set(pictures) == {"P3", "ADOBE", "DEEP", "TURNED", "PRESS", "WHITE"}

    for sku in ("P3", "ADOBE", "DEEP", "TURNED"):
        for patch, found in zip(PATCHES, patches_of(pictures[sku][0]), strict=True):
            apart = difference(found, patch)
            assert np.median(apart) <= 1.0, (sku, patch, found.mean(axis=0))
            assert np.percentile(apart, 95) <= 3.0, (sku, patch)

    for found in patches_of(pictures["PRESS"][0]):
        assert np.median(difference(found, CYAN_SRGB)) <= 1.5

    for sku, (_, findings) in pictures.items():
        assert findings["white"] == 1.0, sku
        median, worst = findings["product-colour-median"], findings["product-colour-p95"]
        assert median is not None
        assert worst is not None
        assert median <= 1.0 and worst <= 3.0, sku  # noqa: PT018

    check_white_product(pictures["WHITE"][0])


def patches_of(pixels: np.ndarray) -> list[np.ndarray]:
    """The middles of the product's four quarters, as (count, 3)."""
    left, top, width, height = cv2.boundingRect((pixels.min(axis=2) < 240).astype(np.uint8))
    assert width == pytest.approx(height, abs=4)
    found = []
    for down in (0, 1):
        for across in (0, 1):
            y, x = top + height * (1 + 2 * down) // 4, left + width * (1 + 2 * across) // 4
            reach = height // 12
            found.append(pixels[y - reach : y + reach, x - reach : x + reach].reshape(-1, 3))
    return found


def check_white_product(pixels: np.ndarray) -> None:
    """The white rice cooker is all there: its silhouette has no holes and no bites, and around it is pure white."""
    product = (pixels.min(axis=2) < 254).astype(np.uint8)
    closed = cv2.morphologyEx(product, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    body = max(contours, key=cv2.contourArea)
    silhouette = cv2.drawContours(np.zeros_like(product), [body], -1, 1, -1)
    assert product[silhouette == 1].mean() > 0.97
    hull = cv2.drawContours(np.zeros_like(product), [cv2.convexHull(body)], -1, 1, -1)
    assert silhouette.sum() / hull.sum() > 0.95
    beyond = cv2.dilate(silhouette, np.ones((41, 41), np.uint8)) == 0
    assert (pixels[beyond] == 255).all()
