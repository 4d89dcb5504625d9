"""From one master to a finished file for every placement."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from tasks.banners.check import Known, check_file
from tasks.banners.dress import Dresser, Dressing
from tasks.banners.encode import Encoded, Written
from tasks.banners.finish import Finisher
from tasks.banners.geometry import Framing
from tasks.banners.inks import Inks
from tasks.banners.layered import write_layers
from tasks.banners.painter import Painter
from tasks.banners.pixels import Alpha, Pixels
from tasks.banners.placement import Placement
from tasks.banners.source import Source
from tasks.banners.stepwise import encode_stepwise
from tasks.banners.white import beyond_product
from tasks.errors import CompositionError
from tasks.findings import Finding
from tasks.shapes import Box, Size

# Beyond this enlargement a master looks soft; the picture is made all the same and the finding says so.
SHARP_ENLARGEMENT = 1.5
# JPEG with halved colour works in blocks of 16 px, and the cubic filter reaches two more: white is pure beyond both.
JPEG_REACH = 18
# A picture that had to be squeezed into its bytes further than this (SSIM) is looked at by a person.
LEAST_LIKENESS = 0.9
LAYER_QUALITY = 92  # of the picture below a layered copy


@dataclass(frozen=True)
class Rendition:
    """One finished picture for one placement, with what was measured on the file itself."""

    placement: Placement
    data: bytes
    format: Written
    width: int
    height: int
    sha256: str
    findings: tuple[Finding, ...]
    layers: bytes = b""  # an SVG of it that can still be edited, where one was asked for


@dataclass(frozen=True)
class Refused:
    """A placement that this master cannot serve, and why; the others go on."""

    placement: Placement
    reason: str


def compose_renditions(
    master: Pixels,
    product_box: Box,
    placements: Iterable[Placement],
    *,
    background: Literal["generated", "white"],
    alpha: Alpha | None,
    dresser: Dresser | None = None,
    finisher: Finisher | None = None,
) -> Iterator[Rendition | Refused]:
    """One rendition per placement, in their order; a placement that cannot be served yields Refused with the reason.

    `master` is (height, width, 3) sRGB, `alpha` the product's matte of the same size where there is one. The product
    stays whole in every placement. `dresser` sets copy beside it, `finisher` marks pictures and labels files, within
    the byte window. Raises CompositionError for pictures of the wrong kind.
    """
    _check(master, alpha)
    placements = tuple(placements)
    source = Source(master, product_box, alpha, white=background == "white")
    painter = Painter(source, dresser, [each for each in placements if not _refusal(source, each)])
    for placement in placements:
        reason = _refusal(source, placement)
        if reason:
            yield Refused(placement, reason)
            continue
        try:
            yield _compose(source, painter, placement, finisher)
        except CompositionError as error:
            yield Refused(placement, str(error))


def _check(master: Pixels, alpha: Alpha | None) -> None:
    if master.ndim != 3 or master.shape[2] != 3 or master.dtype != np.uint8 or not master.size:
        raise CompositionError(f"master is {master.dtype} {master.shape}; expected uint8 (height, width, 3) in sRGB.")
    if alpha is not None and (alpha.shape != master.shape[:2] or alpha.dtype != np.uint8):
        raise CompositionError(
            f"alpha is {alpha.dtype} {alpha.shape}; expected uint8 {master.shape[:2]} like its master."
        )


def _refusal(source: Source, placement: Placement) -> str:
    if placement.subject == "logo":
        return f"{placement.id} takes a brand's logo, not a product. Leave it out."
    rule = placement.background
    if rule is None or rule.value == "any":
        return ""
    if rule.value == "transparent":
        return f"{placement.id} wants a transparent background, which is not made yet. Leave it out."
    if source.white:
        return ""
    return f"{placement.id} takes products on pure white only, and this scene has a background. Use a white scene."


def _compose(source: Source, painter: Painter, placement: Placement, finisher: Finisher | None) -> Rendition:
    painted = painter.paint(placement)
    framing, canvas, layers, marked = painted.framing, painted.canvas, b"", painted.findings
    if painted.dressing and painted.bare is not None:
        layers = _layers(painted.bare, placement, painted.dressing, painted.inks, finisher)
    reserve = 0
    if finisher:
        canvas, found = finisher.mark(canvas, (framing.product, *painted.copy), placement)
        marked += found
        reserve = finisher.reserve(placement)
    encoded, canvas = encode_stepwise(canvas, placement, reserve=reserve)
    size = Size(canvas.shape[1], canvas.shape[0])
    data, labelled = finisher.label(encoded.data, placement) if finisher else (encoded.data, ())
    beyond = _beyond(source, framing, size) if placement.needs_white else None
    known = Known(_scaled(framing, size), beyond, None if size == placement.size else size, canvas)
    findings = (
        *check_file(data, placement, known=known),
        *_own_findings(canvas, encoded, framing),
        *marked,
        *labelled,
    )
    return Rendition(
        placement=placement,
        data=data,
        format=encoded.format,
        width=size.width,
        height=size.height,
        sha256=hashlib.sha256(data).hexdigest(),
        findings=findings,
        layers=layers,
    )


def _layers(
    bare: Pixels, placement: Placement, dressing: Dressing, inks: tuple[Inks, ...], finisher: Finisher | None
) -> bytes:
    """The SVG of a dressed picture: the picture below it is labelled, and marked, like the flat file."""
    if finisher:
        bare, _ = finisher.mark(
            bare, (dressing.framing.product, *(each.box for each in dressing.arranged.sets)), placement
        )
    picture = simplejpeg.encode_jpeg(np.ascontiguousarray(bare), quality=LAYER_QUALITY, colorsubsampling="444")
    if finisher:
        picture, _ = finisher.label(picture, placement)
    return write_layers(picture, placement.size, dressing.arranged, inks, title=placement.title.zh)


def _scaled(framing: Framing, size: Size) -> Box:
    """The product's box in a file of that size, rounded outwards."""
    x, y, box = size.width / framing.canvas.width, size.height / framing.canvas.height, framing.product
    right, bottom = min(math.ceil(box.right * x), size.width), min(math.ceil(box.bottom * y), size.height)
    return Box(math.floor(box.left * x), math.floor(box.top * y), right, bottom)


def _beyond(source: Source, framing: Framing, size: Size) -> NDArray[np.bool_]:
    """The file's pixels that are surely not product, nor touched by its edge in the file."""
    dest = framing.dest
    matte = np.zeros((framing.canvas.height, framing.canvas.width), np.uint8)
    part = source.matte.cut(framing.source, dest.size, level=framing.level)
    matte[dest.top : dest.bottom, dest.left : dest.right] = part
    if size != framing.canvas:
        matte = np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_AREA), np.uint8)
    return beyond_product(matte, margin=JPEG_REACH)


def _own_findings(canvas: Pixels, encoded: Encoded, framing: Framing) -> Iterator[Finding]:
    """What concerns only pictures made here."""
    yield Finding(
        check="enlargement",
        value=round(framing.scale, 3),
        limit=SHARP_ENLARGEMENT,
        passed=framing.scale <= SHARP_ENLARGEMENT,
        severity="note",
        detail="pixels of the placement a master pixel",
    )
    yield Finding(
        check="extension",
        value=round(framing.extended_share, 4),
        limit=None,
        passed=True,
        severity="note",
        detail="share of the canvas that continues the master's background",
    )
    if encoded.likeness is not None:
        yield Finding(
            check="likeness",
            value=encoded.likeness,
            limit=LEAST_LIKENESS,
            passed=encoded.likeness >= LEAST_LIKENESS,
            severity="review",
            detail=f"SSIM, squeezed below the ceiling as {encoded.format} {encoded.setting}",
        )
    if encoded.padding:
        yield Finding(
            check="padding",
            value=encoded.padding,
            limit=0,
            passed=False,
            severity="note",
            detail="bytes of comment added, because the best quality stays below the floor",
        )
