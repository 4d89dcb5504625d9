"""Growth: the model drew more product where the product ends (handles, pedestals, a longer sole)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.findings import Finding
from tasks.quality.attached import attached_part
from tasks.quality.evidence import Mask, Pixels
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

WORKING_SIDE = 256  # pixels of the shorter side: growth that matters is large
BINS = (16, 24, 24)  # of L, a, b: coarse in light, finer in colour
# Share of product among pixels of that colour, and how large (in product areas) a part of that likelihood may be.
LIKELY = {0.85: 1e9, 0.7: 0.3, 0.55: 0.3}
OUTLINE = 0.22  # slope per pixel, share of the contrast: a grown part has an edge, a shadow fades out
CONTRAST = 12  # grey levels that make an edge
EDGED = 1 / 3  # share of a part's rim that has an edge: a grown part often runs into the soft shadow beside it
# A part this small, in product areas, has to stand out more: white stone at a lid's rim.
SLIGHT, SLIGHT_EDGED = 0.05, 0.5
LAID = 3  # levels in any channel by which what was laid on the decode (shadow, ground's texture) differs from it


def check_growth(regions: Regions, thresholds: Thresholds) -> tuple[Finding, ...]:
    """`growth`, `growth_final`: area of product-coloured, outlined parts that touch the product, over its own area.

    On the raw decode, and on the final with the product's own pixels pasted in. Needs no model: colours are told apart
    by their frequency inside the placed product and in the far background, and, where the background shares them, by
    the edge around what goes on from the product in its own colour. The measure of excess area over the product's area
    follows "Salient object-aware background generation" (arXiv 2404.10157), which takes a segmenter for the masks.
    """
    pictures = {"growth": regions.evidence.raw, "growth_final": regions.evidence.pixels}
    return tuple(_growth(name, picture, regions, thresholds) for name, picture in pictures.items())


def _growth(name: str, picture: Pixels | None, regions: Regions, thresholds: Thresholds) -> Finding:
    if picture is None:
        return thresholds.not_measured(name, "there is no raw decode")
    if regions.product_box.is_empty:
        return thresholds.not_measured(name, "the product's mask is empty")
    small = Small.of(regions, picture)
    if small.far.sum() < 400 or small.inside.sum() < 50:
        return thresholds.not_measured(name, "too little background or product to compare")
    grown, box = _attached_parts(small, laid=_laid(regions, small))
    return thresholds.at_most(name, grown / float(small.inside.sum()), box=box)


class Small:
    """Raw decode (or final), placed product and masks at working size."""

    @classmethod
    def of(cls, regions: Regions, picture: Pixels) -> "Small":
        """Made once for each picture of these regions."""
        known: Small | None = regions.kept.get(id(picture))
        if known is None:
            known = regions.kept[id(picture)] = cls(regions, picture)
        return known

    def __init__(self, regions: Regions, raw: Pixels) -> None:
        self.scale = min(1.0, WORKING_SIDE / min(regions.frame))
        size = (max(1, round(regions.frame.width * self.scale)), max(1, round(regions.frame.height * self.scale)))
        self.raw = cv2.resize(raw, size, interpolation=cv2.INTER_AREA)
        self.expected = cv2.resize(regions.evidence.expected, size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(regions.evidence.alpha, size, interpolation=cv2.INTER_AREA)
        self.inside: NDArray[np.bool_] = alpha >= 250
        self.product: Mask = np.where(alpha > 0, np.uint8(255), np.uint8(0))
        reach = max(4, round(max(regions.product_box.size) * self.scale * 0.25))
        near = cv2.dilate(self.product, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
        self.far: NDArray[np.bool_] = near == 0


def _laid(regions: Regions, small: Small) -> NDArray[np.bool_] | None:
    """Where the final is not the decode: what was laid on it, which no model grew."""
    raw = regions.evidence.raw
    if raw is None:
        return None
    drawn = Small.of(regions, raw).raw
    return np.asarray((cv2.absdiff(small.raw, drawn) > LAID).any(axis=2))


def _attached_parts(small: Small, *, laid: NDArray[np.bool_] | None = None) -> tuple[float, Box | None]:
    """Pixels of parts that belong to the product but lie outside it, and the box of the largest in full size.

    Where the background has some of the product's colours only a lower likelihood finds a part, and it may then be
    background: a large one does not count.
    """
    share, slope = likelihood(small), slope_of(small.raw)
    most, largest_box = attached_part(small.raw, small.expected, small.product, slope, laid=laid)
    # the model repaints the outline a pixel or two beside it; what is that thin is no growth
    outline = cv2.dilate(small.product, np.ones((5, 5), np.uint8))
    share[outline > 0] = 0
    if laid is not None:
        share[laid] = 0
    for likely, largest in LIKELY.items():
        total, around = _parts_over(likely, (largest, float(small.inside.sum())), share, (slope, outline))
        if total > most:
            most, largest_box = total, around
    return most, largest_box and Box(*(round(edge / small.scale) for edge in largest_box))


def _parts_over(
    likely: float, sizes: tuple[float, float], share: NDArray[np.float32], edges: tuple[NDArray[np.float32], Mask]
) -> tuple[float, Box | None]:
    """Area of all outlined parts of that likelihood that touch the product, and the box of the largest.

    `sizes` are the largest part that counts, in product areas, and the product's area.
    """
    (slope, outline), (largest_share, product) = edges, sizes
    candidate = cv2.morphologyEx((share > likely).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    touching = cv2.dilate(outline, np.ones((5, 5), np.uint8)) > 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidate, connectivity=8)
    total, largest, box = 0.0, 0, None
    for part in range(1, count):
        left, top, width, height, area = (int(number) for number in stats[part])
        view = (slice(max(top - 2, 0), top + height + 2), slice(max(left - 2, 0), left + width + 2))
        mask = labels[view] == part
        if not 12 <= area <= largest_share * product or not touching[view][mask].any():
            continue
        edged = SLIGHT_EDGED if area < SLIGHT * product else EDGED
        if edge_of(mask, slope[view], outline[view], share=edged) < OUTLINE:
            continue
        total += area
        if area > largest:
            largest, box = area, Box(left, top, left + width, top + height)
    return total, box


def likelihood(small: Small) -> NDArray[np.float32]:
    """For each pixel of the raw decode: how much likelier its colour is product than far background, 0..1."""
    seen = bins_of(small.raw)
    product = _frequencies(bins_of(small.expected)[small.inside])
    background = _frequencies(seen[small.far])
    odds: NDArray[np.float32] = (product / (product + background + 1e-4)).astype(np.float32)
    return odds[seen]


def bins_of(pixels: Pixels) -> NDArray[np.intp]:
    light, a, b = (channel.astype(np.intp) for channel in cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)))
    # a and b of sRGB stay within 42..226 of OpenCV's 8-bit scale
    chroma = [np.clip((channel - 32) * bins // 192, 0, bins - 1) for channel, bins in ((a, BINS[1]), (b, BINS[2]))]
    index: NDArray[np.intp] = ((light * BINS[0]) >> 8) * (BINS[1] * BINS[2]) + chroma[0] * BINS[2] + chroma[1]
    return index


def _frequencies(bins: NDArray[np.intp]) -> NDArray[np.float64]:
    """Smoothed over neighbouring bins, because a grown part is lit a little differently."""
    counts = np.bincount(bins, minlength=BINS[0] * BINS[1] * BINS[2]).reshape(BINS).astype(np.float64)
    for axis in range(3):
        counts = counts + 0.5 * (np.roll(counts, 1, axis) + np.roll(counts, -1, axis))
    frequencies: NDArray[np.float64] = (counts / counts.sum()).ravel()
    return frequencies


def slope_of(pixels: Pixels) -> NDArray[np.float32]:
    """How fast the channel that changes most does so: share per pixel of its contrast in reach, 0 without contrast."""
    colours, reach = pixels.astype(np.float32), np.ones((9, 9), np.uint8)
    across, down = (cv2.Sobel(colours, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    contrast = (cv2.dilate(pixels, reach) - cv2.erode(pixels, reach)).astype(np.float32)
    share = np.sqrt(across**2 + down**2) / np.maximum(contrast, 1)
    return np.asarray(np.where(contrast > CONTRAST, share, 0).max(axis=2), np.float32)


def edge_of(mask: NDArray[np.bool_], slope: NDArray[np.float32], outline: Mask, *, share: float = 1 / 3) -> float:
    """Slope that this share of a part's rim reaches, the side towards the product left out.

    A third, because a grown part often runs into the soft shadow beside it.
    """
    part, reach = mask.astype(np.uint8), np.ones((3, 3), np.uint8)
    rim = (cv2.dilate(part, reach) - cv2.erode(part, reach) > 0) & (outline == 0)
    strongest = cv2.dilate(slope, reach)[rim]
    return float(np.percentile(strongest, 100 * (1 - share))) if strongest.size else 0.0
