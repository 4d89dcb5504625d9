"""Which part of a pack shot is its plain ground: holes and a soft ground shadow count as ground."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.errors import ImageError
from tasks.rendering.picture import Floats, spread, to_lab

Mask = NDArray[np.bool_]

SEARCH_SIDE = 800  # px; the silhouette is found at this size, its edge is refined at the picture's own
EDGE_SLOPE = 1.1  # L*a*b* units per px: what is flatter may be ground
SHADOW_SLOPE = 3.0  # a soft shadow changes slower than this
SHADOW_CREASE = 0.45  # a shadow is a ramp, a product's rim is a step: how far a pixel may stray from its surroundings
SHADOW_GAPS = (5, 9, 15, 23, 33)  # px: where a shadow is as light as the rim it falls on, the rim shows a break
SHADOW_CHROMA = 5.0  # a shadow on a neutral ground stays as neutral as the ground
SHADOW_DEPTH = 0.35  # darkest shadow as a share of the ground's lightness
RINGING = 0.03  # what is left of lossy compression's ringing in the median, as a share of the edge's contrast
CRUMB = 0.13  # what differs from the ground beside it by less than this share of the edge's contrast is no product
NOTCH = 13  # px: a crumb that leaves a narrower notch than this was part of the product
SKIN, SKIN_MOST = 0.18, 3.5  # a skin strays from the ground beside it by less: of the edge behind it; L*a*b* units
SKIN_EDGE = 12.0  # L*a*b* units; a pale product's faint rim is no such edge
SKIN_WIDTH, SKIN_ROUNDS = 8, 2  # px a round
SKIN_BACKED = 0.7  # share of a skin's inner side that must be a strong edge
BOLD = 30.0  # L*a*b* units from the ground: nobody takes such a product for its shadow
RINGING_REACH = 9  # px; one 8 x 8 block of the compression on either side
BORDER_SHARE = 0.55  # at least this much of the picture's border must be ground


class Ground(NamedTuple):
    """The plain ground of a picture: its L*a*b* colour and how far its own noise strays from it."""

    colour: Floats
    tolerance: float


def find_product(rgb: NDArray[np.uint8]) -> Mask:
    """Silhouette (height, width) of what stands before a plain ground; holes show the ground.

    Raises ImageError where the border is no plain ground or nothing stands before it.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, SEARCH_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    lab = to_lab(small)
    ground = measure_ground(lab)
    product = _silhouette(lab, ground)
    if product.sum() < 16:
        raise ImageError("nothing stands before the ground of the product picture; supply one that shows the product")
    return np.asarray(cv2.resize(product.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR) > 0)


def measure_ground(lab: Floats) -> Ground:
    """Colour and tolerance of the ground, from the picture's border."""
    border = np.concatenate(
        [lab[:2].reshape(-1, 3), lab[-2:].reshape(-1, 3), lab[:, :2].reshape(-1, 3), lab[:, -2:].reshape(-1, 3)]
    )
    brightest = border[border[:, 0] >= np.quantile(border[:, 0], 0.5)]
    colour = np.median(brightest, axis=0).astype(np.float32)
    distance = np.linalg.norm(border - colour, axis=1)
    near = distance < 8
    if near.mean() < BORDER_SHARE:
        raise ImageError(
            f"the product picture has neither transparency nor a plain ground: only {near.mean():.0%} of its border "
            f"has one colour, {BORDER_SHARE:.0%} is needed; supply a PNG with alpha or a shot on white"
        )
    noise = float(np.quantile(distance[near], 0.9))
    return Ground(colour=colour, tolerance=min(1.3 + 1.5 * noise, 7.0))


def _silhouette(lab: Floats, ground: Ground) -> Mask:
    plain = _plain(lab, ground)
    reached = _flood(plain, gap=5)
    sealed = _flood(plain, gap=21)
    # A rim that fades into the ground lets the flood in; sealing wider gaps shows it as a jump in area.
    if (~sealed).sum() > 1.15 * max(1, (~reached).sum()):
        reached = sealed
    reached = _with_shadow(reached, plain, lab=lab, ground=ground)
    product = ~reached & ~_holes(plain, reached, slope=_slope(lab))
    return _without_specks(_without_skins(product, lab=lab, ground=ground))


def _plain(lab: Floats, ground: Ground) -> Mask:
    """Pixels that look like the ground, the ringing of lossy compression around strong edges forgiven.

    Ringing goes up and down, so its median is the ground; a pale product beside a dark part is pale throughout.
    """
    calm = np.dstack([cv2.medianBlur(np.ascontiguousarray(lab[..., channel]), 5) for channel in range(3)])
    distance = np.linalg.norm(lab - ground.colour, axis=2).astype(np.float32)
    contrast = cv2.dilate(distance, np.ones((2 * RINGING_REACH + 1, 2 * RINGING_REACH + 1), np.uint8))
    alike = np.linalg.norm(calm - ground.colour, axis=2) <= np.maximum(ground.tolerance, RINGING * contrast)
    near = distance <= np.maximum(ground.tolerance, 3 * RINGING * contrast)
    flat = _slope(calm) <= np.maximum(EDGE_SLOPE, 0.9 * RINGING * contrast)
    return np.asarray(alike & near & flat)


def _slope(lab: Floats) -> Floats:
    """Steepest change per px over the three channels."""
    soft = cv2.GaussianBlur(lab, (0, 0), 0.7)
    across = cv2.Scharr(soft, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(soft, cv2.CV_32F, 0, 1, scale=1 / 32)
    return np.asarray(np.sqrt(across**2 + down**2).max(axis=2), dtype=np.float32)


def _with_shadow(reached: Mask, plain: Mask, *, lab: Floats, ground: Ground) -> Mask:
    """The flooded ground and the product's soft shadow on it, sealing rims until nothing leaks inside."""
    candidate = ~reached
    shadow = _shadow(lab, ground, product=candidate)
    enclosed = cv2.erode((plain & candidate).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    floods = [reached | _flood(reached | shadow, gap=gap) for gap in SHADOW_GAPS]
    lost = [int((flood & candidate).sum()) for flood in floods]
    # A leak takes the product's inside at once, a tighter seal costs a shadow only its thin ends.
    most = min(1.35 * lost[-1] + 0.004 * candidate.sum(), 0.3 * candidate.sum())
    for flood, area in zip(floods, lost, strict=True):
        if area <= most and (flood & enclosed).sum() <= 0.002 * candidate.sum():
            pale = np.linalg.norm(lab - ground.colour, axis=2) < 16
            shaded = flood & ~_bays(candidate & ~flood, taken=flood & candidate & pale)
            product = candidate & ~shaded
            crumbs = _crumbs(product, lab=lab, ground=ground)
            return shaded | (crumbs & ~_closed(product & ~crumbs, span=NOTCH))
    return reached


def _bays(product: Mask, *, taken: Mask) -> Mask:
    """Narrow pale bays that were taken for shadow but lie between parts of the product: they are product."""
    return _closed(product, span=round(0.05 * float(np.sqrt(product.sum()))) * 2 + 3) & taken


def _closed(product: Mask, *, span: int) -> Mask:
    """The mask with bays and notches narrower than `span` px filled."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (span, span))
    closed = cv2.morphologyEx(np.pad(product.astype(np.uint8), span), cv2.MORPH_CLOSE, kernel)
    return np.asarray(closed[span:-span, span:-span] > 0)


def _without_skins(product: Mask, *, lab: Floats, ground: Ground) -> Mask:
    """Without what is as pale as the ground beside it and lies outside the product's own, far bolder edge.

    Shadow and ringing next to a strong edge pass for product, and show on another ground as white flakes. A pale
    product's own rim has no such edge behind it, and stays.
    """
    near = np.ones((3, 3), np.uint8)
    for _ in range(SKIN_ROUNDS):
        beside = spread(lab, ~product, reach=6)
        distance = np.linalg.norm(lab - beside, axis=2).astype(np.float32)
        contrast = cv2.dilate(distance * product, np.ones((13, 13), np.uint8))
        limit = (SKIN * contrast).clip(ground.tolerance, max(SKIN_MOST, ground.tolerance))
        alike, taken = product & (distance < limit), np.zeros_like(product)
        for _ in range(SKIN_WIDTH):
            taken |= (cv2.dilate((~product | taken).astype(np.uint8), near) > 0) & alike
        strong = cv2.dilate(distance * (product & ~taken), np.ones((5, 5), np.uint8)) > SKIN_EDGE
        behind = product & ~taken
        count, labels = cv2.connectedComponents(taken.astype(np.uint8))
        beside_skin = cv2.dilate(labels.astype(np.float32), near).astype(np.int64)[behind]  # 0: beside none
        edges = np.bincount(beside_skin, minlength=count)
        backed = np.bincount(beside_skin, weights=strong[behind], minlength=count) > SKIN_BACKED * edges
        backed[0] = False
        skins = backed[labels]
        if not skins.any():
            break
        product = product & ~skins
    return product


def _crumbs(product: Mask, *, lab: Floats, ground: Ground) -> Mask:
    """Pale leftovers of shadow and compression that cling to a product's foot: like the ground right beside them."""
    rows = np.flatnonzero(product.sum(axis=1) > 2)
    if rows.size == 0:
        return product
    foot = 0.3 if _is_bold(product, lab=lab, ground=ground) else 0.86
    base = np.arange(lab.shape[0])[:, None] >= rows[0] + foot * (rows[-1] - rows[0])
    neutral = np.linalg.norm(lab[..., 1:] - ground.colour[1:], axis=2) < SHADOW_CHROMA
    distance = np.linalg.norm(lab - ground.colour, axis=2).astype(np.float32)
    middle = np.arange(lab.shape[0])[:, None] >= (rows[0] + rows[-1]) / 2
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    solid = cv2.morphologyEx(product.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    left = product & (solid | (distance > 14) | ~middle)
    contrast = cv2.dilate(distance * left, np.ones((19, 19), np.uint8))
    limit = np.where(contrast > 25, CRUMB * contrast, 0.0)  # a pale product is no darker than its shadow
    near = np.ones((3, 3), np.uint8)
    for _ in range(3):
        beside = spread(lab, ~left, reach=6)
        alike = left & base & neutral & (np.linalg.norm(lab - beside, axis=2) < limit)
        for _ in range(4):
            left &= ~((cv2.dilate((~left).astype(np.uint8), near) > 0) & alike)
    return np.asarray(product & ~left)


def _is_bold(product: Mask, *, lab: Floats, ground: Ground) -> bool:
    """Whether the product as a whole is far from the ground's colour, so that nothing pale is likely to be its own."""
    return bool(product.any()) and float(np.median(np.linalg.norm(lab[product] - ground.colour, axis=1))) > BOLD


def _shadow(lab: Floats, ground: Ground, *, product: Mask) -> Mask:
    """Neutral darkening of the ground in the lower part of what stands out: it may be the product's own shadow."""
    rows = np.flatnonzero(product.sum(axis=1) > 2)
    if rows.size == 0:
        return np.zeros(product.shape, dtype=np.bool_)
    bold = _is_bold(product, lab=lab, ground=ground)
    low_enough = np.arange(lab.shape[0])[:, None] >= rows[0] + (0.15 if bold else 0.55) * (rows[-1] - rows[0])
    neutral = np.linalg.norm(lab[..., 1:] - ground.colour[1:], axis=2) < SHADOW_CHROMA
    darker = (lab[..., 0] < ground.colour[0] + 1) & (lab[..., 0] > SHADOW_DEPTH * ground.colour[0])
    crease = np.abs(cv2.GaussianBlur(lab, (0, 0), 0.7) - cv2.GaussianBlur(lab, (0, 0), 2.0)).max(axis=2)
    ramp = (crease <= (3 * SHADOW_CREASE if bold else SHADOW_CREASE)) & (_slope(lab) <= SHADOW_SLOPE)
    return np.asarray(low_enough & neutral & darker & ramp)


def _flood(passable: Mask, *, gap: int) -> Mask:
    """What can be reached from the border through `passable` once breaks of up to `gap` px are sealed."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap))
    framed = np.pad(passable.astype(np.uint8), gap, constant_values=1)
    open_ways = cv2.morphologyEx(framed, cv2.MORPH_OPEN, kernel)
    _, labels = cv2.connectedComponents(open_ways, connectivity=4)
    reached = labels == labels[0, 0]
    # Opening also took the corners next to the product: give back what is passable and touches the flood.
    grown = cv2.dilate(reached.astype(np.uint8), kernel) & framed
    return np.asarray(grown[gap:-gap, gap:-gap] > 0)


def _holes(plain: Mask, reached: Mask, *, slope: Floats) -> Mask:
    """Enclosed ground, such as a mug's handle shows: flat, sharply bounded, thick, nothing inside, thin-walled.

    White type, labels and highlights on a product have the ground's colour too; they fail one of these.
    """
    holes = np.zeros_like(plain)
    side = max(plain.shape)
    far = cv2.distanceTransform((~reached).astype(np.uint8), cv2.DIST_L2, 3)
    extent = max(1.0, float(np.sqrt((~reached).sum())))
    count, labels, stats, _ = cv2.connectedComponentsWithStats((plain & ~reached).astype(np.uint8), connectivity=4)
    for index in range(1, count):
        if stats[index, cv2.CC_STAT_AREA] < 1e-4 * side * side:
            continue
        region = labels == index
        if _is_hole(region, far=far, slope=slope, wall=0.15 * extent, thickness=0.013 * side):
            holes |= region
    return holes


def _is_hole(region: Mask, *, far: Floats, slope: Floats, wall: float, thickness: float) -> bool:
    seed = region.astype(np.uint8)
    inner = cv2.distanceTransform(np.pad(seed, 1), cv2.DIST_L2, 3)
    if inner.max() < thickness or far[region].min() > wall:
        return False
    whole = cv2.morphologyEx(np.pad(seed, 4), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    contours, hierarchy = cv2.findContours(whole, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(contours, key=cv2.contourArea)
    if cv2.contourArea(outline) < 0.75 * cv2.contourArea(cv2.convexHull(outline)):
        return False  # a letter, not an opening
    islands = sum(cv2.contourArea(part) for part, entry in zip(contours, hierarchy[0], strict=True) if entry[3] >= 0)
    if islands > 0.01 * seed.sum():
        return False
    ring = (cv2.dilate(seed, np.ones((5, 5), np.uint8)) > 0) & ~region
    steepest = cv2.dilate(slope, np.ones((5, 5), np.uint8))
    return bool((steepest[ring] > 2.5).mean() > 0.8)


def _without_specks(product: Mask) -> Mask:
    """Dust and JPEG ringing gone: parts below 0.15 % of the largest part are no product."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(product.astype(np.uint8), connectivity=8)
    if count <= 2:
        return product
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= max(12, 0.0015 * areas.max())
    return np.asarray(keep[labels])
