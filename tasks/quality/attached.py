"""Parts that go on from the product in its own colour: what one sees of a white handle on a white wall is its edge."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.quality.evidence import Mask, Pixels
from tasks.shapes import Box

Floats = NDArray[np.float32]

SECTORS = 8  # of the product's rim, each with the colour it has there
RIM = 6  # pixels of the product inside its outline
APART = 4.0  # CIE76 under which two sectors have one colour
SPREADS = (3, 4, 5, 6, 8, 11, 15)  # CIE76, light at LIGHT, within which a part has the colour of the rim
LIGHT = 0.6  # weight of L: a grown part is lit a little differently
SIZES = (0.008, 0.35)  # of a part, in product areas: less is a speck, more is the background
EDGE = 0.2  # slope that four fifths of a part's free rim reach; clean backgrounds stay under 0.15
EDGED = 20  # percentile
REACH = 0.4  # product sizes around the product within which a part lies


def attached_part(
    picture: Pixels, expected: Pixels, product: Mask, slope: Floats, *, laid: NDArray[np.bool_] | None = None
) -> tuple[float, Box | None]:
    """Pixels and box of the largest part of one of the rim's colours that touches the product and has an edge around.

    All arrays at the same working size; `product` is 255 where any product is, `slope` as by `growth.slope_of`, `laid`
    what is no part whatever its colour.
    """
    left, top, width, height = cv2.boundingRect(product)
    room = round(REACH * max(width, height))
    view = slice(max(0, top - room), top + height + room), slice(max(0, left - room), left + width + room)
    outline = cv2.dilate(product, np.ones((5, 5), np.uint8))[view] > 0
    barred = outline if laid is None else outline | laid[view]
    close = cv2.dilate(outline.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    area = float(np.count_nonzero(product))
    seen, near = _lab(picture[view]), slope[view]
    most, box = 0, None
    for colour in _rim_colours(_lab(expected[view]), product[view]):
        off = np.where(barred, np.float32(1e3), np.linalg.norm(seen - colour, axis=2))
        for part, window in _parts(off, area):
            size = int(np.count_nonzero(part))
            if size > most and (part & close[window]).any() and _is_edged(part, near[window], outline[window]):
                rows, columns = window
                corner = view[1].start + columns.start, view[0].start + rows.start
                most, box = size, Box(*corner, corner[0] + part.shape[1], corner[1] + part.shape[0])
    return float(most), box


def _lab(pixels: Pixels) -> Floats:
    colours = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(colours * np.array([LIGHT, 1, 1], np.float32))


def _rim_colours(expected: Floats, product: Mask) -> list[Floats]:
    """Median colours of the product just inside its outline, by sector, no two alike."""
    inside = cv2.distanceTransform(product, cv2.DIST_L2, 3)
    rows, columns = np.nonzero((inside > 1) & (inside < RIM))
    if not rows.size:
        return []
    angle = np.arctan2(rows - rows.mean(), columns - columns.mean())
    sector = ((angle + np.pi) * (SECTORS / (2 * np.pi))).astype(np.intp) % SECTORS
    colours: list[Floats] = []
    for number in np.unique(sector):
        colour = np.median(expected[rows[sector == number], columns[sector == number]], axis=0)
        if all(np.linalg.norm(colour - other) > APART for other in colours):
            colours.append(colour)
    return colours


def _parts(off: Floats, area: float) -> Iterator[tuple[NDArray[np.bool_], tuple[slice, slice]]]:
    """Connected parts of the right size at every spread, each with a margin of 2 pixels, and its rows and columns."""
    for spread in SPREADS:
        candidate = cv2.morphologyEx((off < spread).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(candidate, connectivity=8)
        for part in range(1, count):
            left, top, width, height, size = (int(number) for number in stats[part])
            if SIZES[0] * area <= size <= SIZES[1] * area:
                rows = slice(max(top - 2, 0), min(top + height + 2, len(labels)))
                columns = slice(max(left - 2, 0), min(left + width + 2, labels.shape[1]))
                yield labels[rows, columns] == part, (rows, columns)


def _is_edged(part: NDArray[np.bool_], slope: Floats, outline: NDArray[np.bool_]) -> bool:
    reach = np.ones((3, 3), np.uint8)
    whole = part.astype(np.uint8)
    rim = (cv2.dilate(whole, reach) - cv2.erode(whole, reach) > 0) & ~outline
    return bool(rim.any()) and float(np.percentile(cv2.dilate(slope, reach)[rim], EDGED)) >= EDGE
