"""Defects planted into clean masters, at a strength that a buyer would notice."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.quality.evidence import Evidence
from tests.quality.pictures import to_pixels, to_png


def with_pixels(evidence: Evidence, pixels: NDArray[np.uint8]) -> Evidence:
    return replace(evidence, pixels=pixels, encoded=to_png(pixels))


def with_background(evidence: Evidence, background: NDArray[np.float32]) -> Evidence:
    """The same product on something else."""
    share = (evidence.alpha.astype(np.float32) / 255)[..., None]
    return with_pixels(evidence, to_pixels(background * (1 - share) + evidence.expected * share))


def background_of(evidence: Evidence) -> NDArray[np.float32]:
    return np.asarray(evidence.pixels, np.float32)


def cut_file(evidence: Evidence) -> Evidence:
    assert evidence.encoded is not None
    return replace(evidence, encoded=evidence.encoded[: len(evidence.encoded) // 2])


def other_file(evidence: Evidence) -> Evidence:
    changed = evidence.pixels.copy()
    changed[3, 5] ^= 1
    return replace(evidence, encoded=to_png(changed))


def blank(evidence: Evidence) -> Evidence:
    grain = np.random.default_rng(1).normal(0, 0.7, evidence.pixels.shape)
    return with_background(evidence, np.asarray(214 + grain, np.float32))


def half_black(evidence: Evidence) -> Evidence:
    """A decode that ran into not-a-number: the lower half is black."""
    background = background_of(evidence).copy()
    background[len(background) // 2 :] = 0
    return with_background(evidence, background)


def pixel_noise(evidence: Evidence) -> Evidence:
    noise = np.random.default_rng(1).normal(128, 50, evidence.pixels.shape)
    return with_background(evidence, np.asarray(noise, np.float32))


def blob_noise(evidence: Evidence) -> Evidence:
    """Latents that were never denoised, as a decoder paints them: blobs of eight pixels."""
    height, width = evidence.alpha.shape
    latents = np.random.default_rng(1).normal(128, 45, (height // 8, width // 8, 3)).astype(np.float32)
    return with_background(evidence, np.asarray(cv2.resize(latents, (width, height), interpolation=cv2.INTER_CUBIC)))


def one_level_off(evidence: Evidence) -> Evidence:
    """A single product pixel, one level brighter."""
    pixels = evidence.pixels.copy()
    inside = np.argwhere(cv2.erode((evidence.alpha == 255).astype(np.uint8), np.ones((9, 9), np.uint8)))
    row, column = inside[len(inside) // 2]
    pixels[row, column, 1] ^= 1
    return with_pixels(evidence, pixels)


def tinted(evidence: Evidence) -> Evidence:
    """The product a little warmer, as a tone step over the whole picture does it."""
    pixels = evidence.pixels.astype(np.float32) * np.array([1.05, 1.0, 0.93], np.float32)
    return with_pixels(evidence, to_pixels(pixels))


def shrunk(evidence: Evidence, factor: float = 0.25) -> Evidence:
    """To a quarter of its width and height, standing where it stood."""
    box = evidence.product_box
    move = [[factor, 0, (1 - factor) * box.left], [0, factor, (1 - factor) * box.bottom]]
    return _warped(evidence, np.array(move, np.float32))


def enlarged(evidence: Evidence) -> Evidence:
    """Half as large again as the frame."""
    side, box = len(evidence.pixels), evidence.product_box
    wide, high = 1.5 * side / box.width, 1.5 * side / box.height
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    move = [[wide, 0, side / 2 - wide * middle[0]], [0, high, side / 2 - high * middle[1]]]
    return _warped(evidence, np.array(move, np.float32))


def at_the_edge(evidence: Evidence) -> Evidence:
    """Moved down until the base nearly touches the frame."""
    shift = evidence.alpha.shape[0] - evidence.product_box.bottom - len(evidence.alpha) // 200
    return _warped(evidence, np.array([[1, 0, 0], [0, 1, shift]], np.float32))


def cut_off(evidence: Evidence) -> Evidence:
    shift = evidence.alpha.shape[1] - evidence.product_box.left - evidence.product_box.width // 2
    return _warped(evidence, np.array([[1, 0, shift], [0, 1, 0]], np.float32))


def cut_in_its_photo(evidence: Evidence) -> Evidence:
    """The catalogue's own picture ends in the middle of the product."""
    return replace(evidence, cut=0.3)


def _warped(evidence: Evidence, move: NDArray[np.float32]) -> Evidence:
    """Product and picture moved together, the border filled from the picture's edge."""
    size = evidence.alpha.shape[::-1]
    alpha = cv2.warpAffine(evidence.alpha, move, size, flags=cv2.INTER_LINEAR)
    expected = cv2.warpAffine(evidence.expected, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved = replace(evidence, alpha=alpha, expected=expected)
    background = cv2.GaussianBlur(background_of(evidence), (0, 0), 60)
    return with_background(moved, np.asarray(background))


def out_of_focus(evidence: Evidence) -> Evidence:
    """Everything, product included, as an unfocused lens gives it."""
    blurred = cv2.GaussianBlur(evidence.pixels, (0, 0), len(evidence.pixels) / 160)
    return replace(with_pixels(evidence, blurred), expected=blurred)


def fogged(evidence: Evidence) -> Evidence:
    """The background smeared beyond recognition."""
    return with_background(
        evidence, np.asarray(cv2.GaussianBlur(background_of(evidence), (0, 0), len(evidence.pixels) / 8))
    )


def too_dark(evidence: Evidence) -> Evidence:
    return with_background(evidence, background_of(evidence) * np.float32(0.08))


def too_bright(evidence: Evidence) -> Evidence:
    return with_background(evidence, 247 + background_of(evidence) * np.float32(7 / 255))


def blown(evidence: Evidence) -> Evidence:
    """The brighter half of the background burnt out."""
    background = background_of(evidence)
    gain = 262 / np.percentile(background.min(axis=2), 50)
    return with_background(evidence, np.asarray(background * gain, np.float32))


def crushed(evidence: Evidence) -> Evidence:
    """The darker half of the background drowned."""
    background = background_of(evidence)
    return with_background(
        evidence, np.asarray((background - np.percentile(background.max(axis=2), 50)) * 1.6, np.float32)
    )


def posterised(evidence: Evidence) -> Evidence:
    """Five bits a channel on a smooth backdrop."""
    smooth = cv2.GaussianBlur(background_of(evidence), (0, 0), len(evidence.pixels) / 100)
    return with_background(evidence, np.asarray(np.floor(smooth / 8) * 8 + 4, np.float32))


def distance_from(evidence: Evidence) -> NDArray[np.float32]:
    return np.asarray(cv2.distanceTransform((evidence.alpha == 0).astype(np.uint8), cv2.DIST_L2, 5))


def halo(evidence: Evidence, width: float = 5, levels: float = 26) -> Evidence:
    """A bright rim around the product, as left by a cut-out from another background."""
    rim = ((distance_from(evidence) < width).astype(np.float32) * levels)[..., None]
    return with_background(evidence, background_of(evidence) + rim)


def ring_seam(evidence: Evidence) -> Evidence:
    """The model's keep-ring in another tone than the rest: a line that follows the outline, 1.2 % of the side off."""
    rim = (distance_from(evidence) < len(evidence.pixels) * 12 / 1024)[..., None]
    return with_background(evidence, background_of(evidence) * np.where(rim, np.float32(0.9), np.float32(1)))


def grown_handle(evidence: Evidence, *, softness: float = 1.2) -> Evidence:
    """In the raw decode, a handle in the product's own colour grows out of its left side."""
    assert evidence.raw is not None
    box = evidence.product_box
    middle, reach = (box.left + box.right) // 2, (box.width + box.height) // 9
    row = box.top + box.height * 16 // 20
    left = int(np.nonzero(evidence.alpha[row] > 250)[0][0])
    colour = np.median(evidence.expected[row - 8 : row + 8, left + 6 : min(left + 30, middle)], axis=(0, 1))
    part = np.zeros(evidence.alpha.shape, np.float32)
    cv2.ellipse(part, (left, row), (reach, reach), 0, 90, 270, 1.0, max(8, reach // 3))
    return replace(evidence, raw=_painted(evidence.raw, part, colour, softness))


def grown_base(evidence: Evidence, *, softness: float = 1.2) -> Evidence:
    """In the raw decode the product goes on downwards, in the colours of its base."""
    assert evidence.raw is not None
    box = evidence.product_box
    longer = box.height // 8
    base = evidence.alpha[box.bottom - box.height // 10] > 250
    colour = np.median(evidence.expected[box.bottom - box.height // 10][base], axis=0)
    part = np.zeros(evidence.alpha.shape, np.float32)
    part[box.bottom - box.height // 10 : box.bottom + longer, base] = 1
    return replace(evidence, raw=_painted(evidence.raw, part, colour, softness))


def _painted(
    picture: NDArray[np.uint8], part: NDArray[np.float32], colour: NDArray[np.float64], softness: float
) -> NDArray[np.uint8]:
    share = cv2.GaussianBlur(part, (0, 0), softness)[..., None]
    return to_pixels(np.asarray(picture * (1 - share) + colour * share, np.float32))


def stained_white(evidence: Evidence) -> Evidence:
    """One speck that is not pure white."""
    pixels = evidence.pixels.copy()
    pixels[10:13, 20:23] = 253
    return with_pixels(evidence, pixels)
