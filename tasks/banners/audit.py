"""Any picture against a placement, rule by rule: what a person asks before an upload."""

import io
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import PurePath
from typing import Literal, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageCms

from tasks.banners.check import DECODED, check_file
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement
from tasks.banners.product import PRODUCT_DARKNESS
from tasks.banners.rules import Evidence
from tasks.findings import Finding
from tasks.shapes import Box

Result = Literal["pass", "warn", "fail", "note", "not measured"]
Reader = Callable[[Pixels], list[Box] | None]  # where lines of text are; None where nobody could look

RESULTS: dict[str, Result] = {"reject": "fail", "review": "warn", "note": "note"}
# A picture's file name may end in any of these; a platform that looks at the name refuses the wrong one.
SUFFIXES = {
    "jpeg": (".jpg", ".jpeg"), "png": (".png",), "webp": (".webp",), "gif": (".gif",), "bmp": (".bmp",),
    "tiff": (".tif", ".tiff"), "avif": (".avif",),
}  # fmt: skip


class Line(NamedTuple):
    """One rule's outcome with the measured value and its limit."""

    check: str
    result: Result
    value: float | None
    limit: float | None
    detail: str


class Audit(NamedTuple):
    """All lines of one picture for one placement; `result` is the worst that was measured."""

    placement: str
    lines: tuple[Line, ...]

    @property
    def result(self) -> Result:
        found = {line.result for line in self.lines}
        worst: tuple[Result, ...] = ("fail", "warn")
        return next((each for each in worst if each in found), "pass")


def audit_picture(data: bytes, placement: Placement, *, name: str = "", read_text: Reader | None = None) -> Audit:
    """The picture against every rule of the placement; a broken picture fails its first line and has no others.

    `name` is the file's, whose ending is compared with the content; `read_text` finds lines of text.
    """
    lines = [_line(finding) for finding in check_file(data, placement)]
    if lines[0].result == "pass":
        lines += _more_lines(data, placement, name, read_text)
    return Audit(placement.id, tuple(lines))


def _line(finding: Finding) -> Line:
    result: Result = "pass"
    if not finding.passed:
        result = "not measured" if finding.value is None else RESULTS[finding.severity]
    return Line(finding.check, result, finding.value, finding.limit, finding.detail)


def _more_lines(data: bytes, placement: Placement, name: str, read_text: Reader | None) -> Iterator[Line]:
    with Image.open(io.BytesIO(data), formats=DECODED) as picture:
        form, mode, frames = (picture.format or "").lower(), picture.mode, int(getattr(picture, "n_frames", 1))
        profile = picture.info.get("icc_profile")
        pixels = np.asarray(picture.convert("RGB"), np.uint8) if placement.text and read_text else None
    suffix = PurePath(name).suffix.lower()
    if suffix:
        wanted = SUFFIXES.get(form, ())
        fits = suffix in wanted
        yield Line("extension", "pass" if fits else "warn", float(fits), 1, f"{suffix}, the content is {form}")
    still = frames == 1
    yield Line("still", "pass" if still else "warn", frames, 1, "frames")
    yield _colour_line(mode, profile)
    if placement.background and placement.background.value == "transparent":
        clear = mode in {"RGBA", "LA", "PA"}
        result: Result = "pass" if clear else RESULTS[placement.background.severity]
        yield Line("transparent", result, float(clear), 1, f"mode {mode}")
    yield from _unseen(placement, pixels, read_text)


def _colour_line(mode: str, profile: bytes | None) -> Line:
    """Colour that every shop window shows alike: RGB or grey, with sRGB or no profile."""
    told = _profile_name(profile)
    if mode not in {"RGB", "RGBA", "L", "LA", "P", "1"}:
        return Line("colour", "warn", 0, 1, f"{mode}, {told}; expected 8-bit RGB in sRGB")
    plain = profile is None or "srgb" in told.lower()
    return Line("colour", "pass" if plain else "warn", float(plain), 1, f"{mode}, {told}")


def _profile_name(profile: bytes | None) -> str:
    if not profile:
        return "no profile"
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (OSError, ImageCms.PyCMSError):
        return "damaged profile"


def _unseen(placement: Placement, pixels: Pixels | None, read_text: Reader | None) -> Iterator[Line]:
    """Rules about what a picture shows, as far as somebody can read it here."""
    if placement.text and placement.text.value == "none":
        lines = read_text(pixels) if read_text and pixels is not None else None
        yield _text_line(placement, placement.text, lines, pixels)
    if placement.shadow and placement.shadow.value == "none":
        yield Line("shadow", "not measured", None, None, "a shadow cannot be told from a grey product")


def _text_line(placement: Placement, rule: Evidence, lines: list[Box] | None, pixels: Pixels | None) -> Line:
    """Lines of text beside the product; what is printed on it is the seller's own, if the two can be told apart."""
    if lines is None or pixels is None:
        return Line("text", "not measured", None, 0, "no text reader at hand; the rule: no text, logo or watermark")
    if not placement.needs_white:
        told = f"{len(lines)} lines of text; which of them are printed on the product cannot be told"
        return Line("text", "note" if lines else "pass", len(lines), 0, told)
    product = _main_subject(pixels)
    beside = [line for line in lines if not _inside(line, product)]
    told = f"{len(beside)} lines of text beside the product, {len(lines) - len(beside)} on it"
    return Line("text", RESULTS[rule.severity] if beside else "pass", len(beside), 0, told)


def _main_subject(pixels: Pixels) -> Box:
    """The box around the largest thing on white."""
    dark = (pixels.min(axis=2) < 255 - PRODUCT_DARKNESS).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    )
    if len(stats) < 2:
        return Box(0, 0, 0, 0)
    left, top, width, height, _ = (int(value) for value in max(stats[1:], key=lambda each: int(each[4])))
    return Box(left, top, left + width, top + height)


def _inside(line: Box, product: Box) -> bool:
    x, y = (line.left + line.right) / 2, (line.top + line.bottom) / 2
    return product.left <= x <= product.right and product.top <= y <= product.bottom


class StaleRule(NamedTuple):
    """A placement whose oldest evidence was last checked longer ago than it should be."""

    placement: str
    rule: str
    checked: date
    source: str
    months: int


def stale_rules(placements: dict[str, Placement], *, today: date, months: int) -> list[StaleRule]:
    """The oldest rule of every placement that nobody has compared with its source for more than `months` months."""
    stale = []
    for placement in placements.values():
        name, rule = min(placement.rules.items(), key=lambda item: item[1].checked)
        age = (today.year - rule.checked.year) * 12 + today.month - rule.checked.month - (today.day < rule.checked.day)
        if age >= months:
            stale.append(StaleRule(placement.id, name, rule.checked, rule.source, age))
    return stale
