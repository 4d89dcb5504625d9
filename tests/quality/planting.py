"""Defects planted at graded strength, each placed by seed. Strength 1 is what a buyer would notice; see DEFECTS."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.quality.colour import delta_e_2000, lab
from tasks.quality.evidence import Evidence
from tests.quality.good import Good
from tests.quality.pictures import to_pixels

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Plant = Callable[[Good, float, np.random.Generator], Evidence]


class Defect(NamedTuple):
    """A way for a picture to be wrong, the checks of which one must fail, and what strength 1 is."""

    name: str
    checks: tuple[str, ...]
    plant: Plant
    noticed: str


def _behind(evidence: Evidence, picture: Floats | Pixels) -> Pixels:
    """The product's own pixels over another background."""
    share = (evidence.alpha.astype(np.float32) / 255)[..., None]
    return to_pixels(np.asarray(picture * (1 - share) + evidence.expected * share, np.float32))


def _background(evidence: Evidence, change: Callable[[Floats], Floats]) -> Evidence:
    """Raw decode and final with their backgrounds changed alike; the final's product stays."""
    raw = None if evidence.raw is None else to_pixels(change(evidence.raw.astype(np.float32)))
    return replace(evidence, raw=raw, pixels=_behind(evidence, change(evidence.pixels.astype(np.float32))))


def _laid(evidence: Evidence, part: Floats, colours: Floats) -> Evidence:
    """A part (share 0..1) in some colours laid over the background of raw decode and final."""
    share = part[..., None]
    return _background(evidence, lambda picture: np.asarray(picture * (1 - share) + colours * share, np.float32))


def _away(evidence: Evidence) -> Floats:
    """Distance from the product in pixels; 0 on it."""
    return np.asarray(cv2.distanceTransform((evidence.alpha == 0).astype(np.uint8), cv2.DIST_L2, 5))


def grown_handle(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    evidence, box = good.evidence, good.evidence.product_box
    area = 0.08 * strength * float((evidence.alpha > 127).sum())
    thick = max(3.0, np.sqrt(area / 6.6))  # half a ring of radius 2.1 thicknesses has that area
    right = bool(dice.random() < 0.5)
    middle = evidence.alpha[box.top + box.height // 4 : box.bottom - box.height // 5]
    row = box.top + box.height // 4 + int(dice.choice(np.flatnonzero((middle > 250).any(axis=1))))
    columns = np.nonzero(evidence.alpha[row] > 250)[0]
    edge = int(columns[-1] if right else columns[0]) + (-3 if right else 3)
    near = (
        evidence.expected[row - 6 : row + 6, edge - 30 : edge]
        if right
        else evidence.expected[row - 6 : row + 6, edge : edge + 30]
    )
    solid = (
        evidence.alpha[row - 6 : row + 6, edge - 30 : edge]
        if right
        else evidence.alpha[row - 6 : row + 6, edge : edge + 30]
    )
    colour = np.median(near[solid > 250], axis=0) * dice.uniform(0.92, 1.06)
    part = np.zeros(evidence.alpha.shape, np.float32)
    angles = (-90, 90) if right else (90, 270)
    cv2.ellipse(part, (edge, row), (round(2.1 * thick),) * 2, 0, *angles, 1.0, round(thick), cv2.LINE_AA)
    part = np.asarray(cv2.GaussianBlur(part, (0, 0), dice.uniform(0.8, 2.0)))
    shade = 1 + 0.12 * np.linspace(1, -1, evidence.alpha.shape[0], dtype=np.float32)[:, None, None]
    return _laid(
        evidence, part, np.asarray(np.clip(colour * shade, 0, 255), np.float32) * np.ones_like(part)[..., None]
    )


def second_product(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """A smaller twin beside the product, as the model repaints it: softer and in slightly other colours."""
    evidence, box = good.evidence, good.evidence.product_box
    height, width = evidence.alpha.shape
    scale = 0.55 * np.sqrt(strength)
    size = max(2, round(box.width * scale)), max(2, round(box.height * scale))
    view = (slice(box.top, box.bottom), slice(box.left, box.right))
    flip = int(dice.choice([-1, 1]))
    twin = cv2.resize(evidence.expected[view], size, interpolation=cv2.INTER_AREA).astype(np.float32)[:, ::flip]
    matte = cv2.resize(evidence.alpha[view], size, interpolation=cv2.INTER_AREA).astype(np.float32)[:, ::flip] / 255
    left, top = _beside(evidence, size, dice)
    matte, twin = matte[: height - top, : width - left], twin[: height - top, : width - left]
    size = matte.shape[::-1]
    part, colours = np.zeros((height, width), np.float32), np.zeros((height, width, 3), np.float32)
    part[top : top + size[1], left : left + size[0]] = matte
    colours[top : top + size[1], left : left + size[0]] = twin * dice.uniform(0.94, 1.04)
    return _laid(
        evidence, np.asarray(cv2.GaussianBlur(part, (0, 0), 1.2)), np.asarray(cv2.GaussianBlur(colours, (0, 0), 1.2))
    )


def _beside(evidence: Evidence, size: tuple[int, int], dice: np.random.Generator) -> tuple[int, int]:
    """Left and top of a place for a thing of that size that shows most of it, the likeliest height that of the foot."""
    box, (height, width) = evidence.product_box, evidence.alpha.shape
    tried = []
    for _ in range(24):
        left = int(dice.integers(0, max(1, width - int(0.8 * size[0]))))
        top = int(np.clip(box.bottom + dice.normal(-0.15, 0.12) * box.height - size[1], 0, height - size[1]))
        under = evidence.alpha[top : top + size[1], left : left + size[0]]
        shown = float((under == 0).sum()) / (size[0] * size[1])
        tried.append((shown, left, top))
    return max(tried)[1:]


def letters(good: Good | Evidence, strength: float, dice: np.random.Generator | int) -> Evidence:
    """A line of marks that look like Chinese: strokes in a square, none of them a real character."""
    evidence = good.evidence if isinstance(good, Good) else good
    dice = np.random.default_rng(dice)
    side = min(evidence.alpha.shape)
    high = max(6, round(0.04 * strength * side))
    count, upright = int(dice.integers(3, 6)), bool(dice.random() < 0.3)
    line = [glyph(high, dice) for _ in range(count)]
    gap = np.zeros((high, max(1, high // 6)), np.float32)
    pieces = [piece for glyph in line for piece in (glyph, gap)][:-1]
    block = np.vstack([piece if piece is not gap else gap.T for piece in pieces]) if upright else np.hstack(pieces)
    tall, wide = block.shape
    top, left = _place(evidence, (tall, wide), dice)
    part = np.zeros(evidence.alpha.shape, np.float32)
    part[top : top + tall, left : left + wide] = block
    around = evidence.pixels[top : top + tall, left : left + wide].mean(axis=(0, 1))
    ink = np.clip(around + (95 if around.mean() < 120 else -95) + dice.normal(0, 12, 3), 0, 255)
    soft = np.asarray(cv2.GaussianBlur(part, (0, 0), max(0.6, high / 40)))
    return _laid(evidence, soft, np.asarray(ink, np.float32) * np.ones((*part.shape, 1), np.float32))


def glyph(high: int, dice: np.random.Generator) -> Floats:
    """Strokes as a brush makes them: level, upright, falling; thinner across than down."""
    fine = 96
    glyph = np.zeros((fine, fine), np.float32)
    for _ in range(int(dice.integers(2, 4))):
        y, left, right = dice.integers(10, 86), dice.integers(6, 30), dice.integers(64, 90)
        cv2.line(glyph, (int(left), int(y)), (int(right), int(y - 3)), 1.0, 7, cv2.LINE_AA)
    for _ in range(int(dice.integers(1, 4))):
        x, top, bottom = dice.integers(16, 80), dice.integers(6, 40), dice.integers(58, 90)
        cv2.line(glyph, (int(x), int(top)), (int(x), int(bottom)), 1.0, 9, cv2.LINE_AA)
    for _ in range(int(dice.integers(1, 3))):
        x, y, way = dice.integers(36, 60), dice.integers(20, 50), dice.choice([-1, 1])
        cv2.line(glyph, (int(x), int(y)), (int(x + way * 30), int(y + 36)), 1.0, 8, cv2.LINE_AA)
    return np.asarray(cv2.resize(glyph, (high, high), interpolation=cv2.INTER_AREA), np.float32)


def _place(evidence: Evidence, size: tuple[int, int], dice: np.random.Generator) -> tuple[int, int]:
    """Top and left of a free place off the product; the freest of some that were tried."""
    height, width = evidence.alpha.shape
    near = cv2.dilate(evidence.alpha, np.ones((41, 41), np.uint8))
    tried = []
    for _ in range(40):
        top = int(dice.integers(8, max(9, height - size[0] - 8)))
        left = int(dice.integers(8, max(9, width - size[1] - 8)))
        covered = float((near[top : top + size[0], left : left + size[1]] > 0).mean())
        if covered == 0:
            return top, left
        tried.append((covered, top, left))
    return min(tried)[1:]


def halo(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    evidence = good.evidence
    width = len(evidence.pixels) * dice.uniform(4, 7) / 1024
    bright = float(evidence.pixels.mean()) < 190
    levels = 30 * strength * (1 if bright else -1)
    rim = np.clip(width + 0.5 - _away(evidence), 0, 1)[..., None] * np.float32(levels)
    return replace(evidence, pixels=_behind(evidence, evidence.pixels + rim))


def seam(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    evidence = good.evidence
    width = len(evidence.pixels) * dice.uniform(8, 18) / 1024
    tone = 1 + 0.12 * strength * float(dice.choice([-1, 1]))
    rim = (_away(evidence) < width)[..., None]
    changed = evidence.pixels.astype(np.float32) * np.where(rim, np.float32(tone), np.float32(1))
    return replace(evidence, pixels=_behind(evidence, changed))


def ring_cast(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """The product's surroundings tinted, fading out over 5 % of the side, to a wanted colour difference beside it.

    By difference, not by a share of the channels: 20 % of them is 27 in CIEDE2000 on concrete and 0.5 on red cloth.
    """
    evidence = good.evidence
    angle = dice.uniform(0, 2 * np.pi)
    tint = np.array([0, np.cos(angle), np.sin(angle)])
    away = _away(evidence)
    fade = np.clip(1 - away / (0.05 * len(evidence.alpha)), 0, 1)[..., None]
    beside = evidence.pixels[(away > 1) & (away < 0.01 * len(evidence.alpha))][::97]
    least, most = 0.0, 120.0
    for _ in range(12):
        amount = (least + most) / 2
        off = float(np.median(delta_e_2000(lab(beside), lab(_tinted(beside, amount * tint)))))
        least, most = (amount, most) if off < 8 * strength else (least, amount)
    return replace(evidence, pixels=_behind(evidence, _tinted(evidence.pixels, most * fade * tint)))


def _tinted(pixels: Pixels, shift: NDArray[np.float64]) -> Pixels:
    """Moved in CIELAB; pixels of any shape (..., 3)."""
    colours = pixels.reshape(-1, 1, 3).astype(np.float32) / 255
    moved = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB) + np.broadcast_to(shift, pixels.shape).reshape(-1, 1, 3)
    return to_pixels(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB).reshape(pixels.shape) * 255)


def smeared(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """The ground a smear, and on it the shadow as crisp as it is laid: nothing of the product bleeds into either."""
    evidence, sigma = good.evidence, 16 * strength * len(good.evidence.pixels) / 1024
    ground = (evidence.alpha == 0).astype(np.float32)[..., None]
    weight = np.maximum(cv2.GaussianBlur(ground, (0, 0), sigma), 1e-4)[..., None]
    smear = cv2.GaussianBlur(good.with_shadow(None) * ground, (0, 0), sigma) / weight
    raw = None if evidence.raw is None else np.asarray(cv2.GaussianBlur(evidence.raw, (0, 0), sigma))
    bare = replace(evidence, raw=raw, pixels=_behind(evidence, np.asarray(smear, np.float32)))
    return replace(bare, pixels=good._replace(evidence=bare, shadow=None).with_shadow(good.shadow))


def colour_cast(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """The whole picture tinted after the paste, until the product is off by the wanted colour difference."""
    evidence = good.evidence
    tint = dice.choice(np.array([[1, 0, -1], [-1, 0, 1], [0, 1, 0], [0.6, -0.8, 0.6]]))
    some = evidence.expected[evidence.alpha == 255][::97]
    least, most = 0.0, 0.6
    for _ in range(12):
        amount = (least + most) / 2
        moved = to_pixels(np.asarray(some * (1 + amount * tint), np.float32))
        off = float(np.median(delta_e_2000(lab(some), lab(moved))))
        least, most = (amount, most) if off < 3 * strength else (least, amount)
    return replace(evidence, pixels=to_pixels(np.asarray(evidence.pixels * (1 + most * tint), np.float32)))


def floating(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """The shadow taken away, all of it at strength 1."""
    bare = good.with_shadow(None).astype(np.float32)
    mixed = good.evidence.pixels * (1 - strength) + bare * strength
    return replace(good.evidence, pixels=_behind(good.evidence, np.asarray(mixed, np.float32)))


def wrong_light(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """The shadow thrown towards the light, as strong as `strength` times 0.45."""
    assert good.shadow is not None
    turned = good.shadow.model_copy(
        update={"direction": (360 - good.shadow.direction) % 360, "cast": min(1.0, 0.45 * strength)}
    )
    return replace(good.evidence, pixels=good.with_shadow(turned))


def blown(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    evidence = good.evidence
    background = evidence.pixels.astype(np.float32)
    outside = background[evidence.alpha == 0].min(axis=1)
    share = min(0.95, 0.4 * strength)
    gain = 259 / max(1.0, float(np.percentile(outside, 100 * (1 - share))))
    return _background(evidence, lambda picture: np.asarray(picture * max(1.0, gain), np.float32))


def blank(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """A plain card with a little grain shows through, and alone at strength 1."""
    evidence = good.evidence
    card = dice.uniform(90, 235, 3) + dice.normal(0, dice.uniform(0, 0.8), evidence.pixels.shape)
    kept = np.float32(max(0.0, 1 - strength))
    return _background(evidence, lambda picture: np.asarray(picture * kept + card * (1 - kept), np.float32))


def noise(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """Half undenoised: noise of pixels, or of blobs as a decoder makes them of latents."""
    evidence = good.evidence
    height, width = evidence.alpha.shape
    cell = int(dice.choice([1, 4, 8]))
    grain = dice.normal(0, 45 * strength, (height // cell, width // cell, 3)).astype(np.float32)
    grain = np.asarray(cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC))
    return _background(evidence, lambda picture: np.asarray(128 + 0.3 * (picture - 128) + grain, np.float32))


def wrong_crop(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """The frame moved until it cuts off a part of the product's width."""
    evidence, box = good.evidence, good.evidence.product_box
    cut = round(0.06 * strength * box.width)
    shift = -(box.left + cut) if dice.random() < 0.5 else evidence.alpha.shape[1] - box.right + cut
    move = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
    size = evidence.alpha.shape[::-1]
    mirrored = {"dsize": size, "flags": cv2.INTER_NEAREST, "borderMode": cv2.BORDER_REFLECT_101}
    names = ("pixels", "raw", "expected")
    moved = {name: cv2.warpAffine(getattr(evidence, name), move, **mirrored) for name in names}
    alpha = np.asarray(cv2.warpAffine(evidence.alpha, move, size, flags=cv2.INTER_NEAREST))
    picture = replace(evidence, **{name: np.asarray(array) for name, array in moved.items()}, alpha=alpha)
    return replace(picture, pixels=_behind(picture, picture.pixels))


def swapped(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """Another product's pixels in this one's place: other colours, upside down; mixed in by strength."""
    evidence, box = good.evidence, good.evidence.product_box
    view = (slice(box.top, box.bottom), slice(box.left, box.right))
    other = evidence.expected.copy()
    other[view] = other[view][::-1, :, list(dice.permutation(3))]
    share = (evidence.alpha.astype(np.float32) / 255)[..., None] * np.float32(min(1.0, strength))
    return replace(evidence, pixels=to_pixels(evidence.pixels * (1 - share) + other * share))


def banding(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    evidence = good.evidence
    step = max(1.0, 10 * strength)
    smooth = cv2.GaussianBlur(evidence.pixels.astype(np.float32), (0, 0), len(evidence.pixels) / 100)
    return replace(
        evidence, pixels=_behind(evidence, np.asarray(np.floor(smooth / step) * step + step / 2, np.float32))
    )


def out_of_focus(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    """Everything, the product's photograph included."""
    evidence = good.evidence
    blurred = cv2.GaussianBlur(evidence.pixels, (0, 0), strength * len(evidence.pixels) / 170)
    return replace(evidence, pixels=np.asarray(blurred), expected=np.asarray(blurred))


def too_dark(good: Good, strength: float, dice: np.random.Generator) -> Evidence:
    top = float(np.percentile(good.evidence.pixels[good.evidence.alpha == 0].max(axis=1), 80))
    wanted = 22 / strength
    return _background(good.evidence, lambda picture: np.asarray(picture * min(1.0, wanted / max(top, 1)), np.float32))


DEFECTS: tuple[Defect, ...] = (
    Defect("grown handle", ("growth", "growth_final"), grown_handle, "a handle of 8 % of the product's area"),
    Defect("second product", ("second_product",), second_product, "a twin 0.55 as wide and high"),
    Defect("fake letters", ("text",), letters, "3-5 marks, each 4 % of the side high"),
    Defect("halo", ("seam",), halo, "a rim 4-7 px wide, 30 levels off"),
    Defect("seam", ("seam",), seam, "a ring of 8-18 px, 12 % lighter or darker"),
    Defect(
        "cast beside the product",
        ("cast",),
        ring_cast,
        "beside it off by 8 in CIEDE2000, fading out",
    ),
    Defect("smeared ground", ("stuck_on",), smeared, "background blurred by 16 px, product and shadow sharp"),
    Defect("colour cast", ("colour_median",), colour_cast, "the product off by 3 in CIEDE2000 (median)"),
    Defect("floating", ("floating",), floating, "no shadow at all"),
    Defect("light from the wrong side", ("light",), wrong_light, "cast shadow of 0.45 towards the light"),
    Defect("blown highlights", ("clipped_white",), blown, "40 % of the background without drawing"),
    Defect("too dark", ("exposure_dark",), too_dark, "bright parts at 22 of 255"),
    Defect("blank", ("blank", "flat"), blank, "a plain card"),
    Defect("noise", ("noise",), noise, "deviation of 45 levels over 30 % of the picture's contrast"),
    Defect("banding", ("banding",), banding, "steps of 10 levels"),
    Defect("wrong crop", ("cut_off",), wrong_crop, "6 % of the product's width outside"),
    Defect("swapped product", ("paste", "colour_median"), swapped, "other pixels in its place"),
    Defect("out of focus", ("focus",), out_of_focus, "blur of 6 px on 1024"),
)
