"""Letter-like marks in the background, by the text detector of RapidOCR (PP-OCRv6, detection only)."""

import threading
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.errors import ModelError
from tasks.findings import Finding
from tasks.quality.evidence import Mask, Pixels
from tasks.quality.regions import Regions
from tasks.quality.thresholds import Thresholds
from tasks.shapes import Box

DETECTION_SIDE = 736  # pixels of the longer side: 0.25 s on one core where 1024 takes 0.5 s and finds no more
LEAST_SCORE = (
    0.2  # invented characters get 0.3 to 0.85, real ones more; what the detector sees elsewhere has no strokes
)
HEIGHTS = (12 / 1024, 0.3)  # of a line, over the shorter side: less is texture to a buyer, more is scenery
LINE = 32  # pixels that a line is high when its ink is looked at
GRAIN = 1.0  # sigma in such pixels: grain of sand is gone, strokes are not
CONTRAST = 30  # grey levels between ink and ground
STROKES = 2.1  # swings between ink and ground over a line's height, across and down: letters have 2.25 to 3.9, the
# detector's other finds (lamps, veins, grain, what is seen through a handle) at most 1.8
ON_PRODUCT = 0.12  # share of a box that may lie on the product or beside its outline: labels are the seller's own
BESIDE = 8 / 1024  # share of the shorter side that the product's mask is widened by


class Mark(NamedTuple):
    """Something that looks like a line of letters: its corners in pixels, shape (4, 2), and how sure it is, 0..1."""

    corners: NDArray[np.int32]
    score: float

    @property
    def box(self) -> Box:
        left, top, width, height = cv2.boundingRect(self.corners)
        return Box(left, top, left + width, top + height)


class TextDetector:
    """RapidOCR's detector, loaded when first asked, once a process; any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def find(self, pixels: Pixels) -> list[Mark]:
        """Letter-like marks of a picture. ModelError where the detector is not installed or does not load."""
        with self._lock:
            detector = self._detector
        found = detector(np.ascontiguousarray(pixels[:, :, ::-1]))  # the model was trained on BGR
        if found.boxes is None:
            return []
        corners = (np.asarray(box, np.int32) for box in found.boxes)
        return [Mark(box, float(score)) for box, score in zip(corners, found.scores, strict=True)]

    @cached_property
    def _detector(self) -> Any:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise ModelError(
                f"the text detector is not installed ({error}); install rapidocr and onnxruntime"
            ) from None
        engine = "EngineConfig.onnxruntime"
        return RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "Global.use_rec": False,
                "Global.max_side_len": DETECTION_SIDE,
                "Det.limit_side_len": DETECTION_SIDE,
                "Det.limit_type": "max",
                "Det.box_thresh": LEAST_SCORE,
                f"{engine}.intra_op_num_threads": 1,  # finishers are threads already, and the renderer has its own core
                f"{engine}.inter_op_num_threads": 1,
            }
        )


def check_text(regions: Regions, thresholds: Thresholds, detector: TextDetector) -> Finding:
    """`text`: how sure the detector is of the likeliest line of letters outside the product, 0..1; 0 where none is."""
    try:
        marks = detector.find(regions.evidence.pixels)
    except ModelError as error:
        return thresholds.not_measured("text", str(error))
    near = _near_product(regions)
    outside = [mark for mark in marks if _share_on(mark, near) <= ON_PRODUCT and _is_written(mark, regions, near)]
    if not outside:
        return thresholds.at_most("text", 0.0)
    likeliest = max(outside, key=lambda mark: mark.score)
    count = f"{len(outside)} letter-like marks" if len(outside) > 1 else "one letter-like mark"
    return thresholds.at_most("text", likeliest.score, box=likeliest.box, detail=count)


def _is_written(mark: Mark, regions: Regions, near: Mask) -> bool:
    """Has the size, the contrast and the strokes of letters: the detector alone also points at soft, empty places.

    Product that reaches into the mark's box (a handle around what is seen through it) is no ink.
    """
    high = min(cv2.minAreaRect(mark.corners)[1]) / min(regions.frame)
    if not HEIGHTS[0] <= high <= HEIGHTS[1]:
        return False
    left, top, right, bottom = mark.box
    left, top = max(left, 0), max(top, 0)
    part = cv2.cvtColor(regions.evidence.pixels[top:bottom, left:right], cv2.COLOR_RGB2GRAY).astype(np.float32)
    product = near[top:bottom, left:right] > 0
    if product.all():
        return False
    part[product] = np.median(part[~product])
    scale = LINE / min(part.shape)
    size = tuple(max(8, round(side * scale)) for side in part.shape[::-1])
    grey = cv2.GaussianBlur(cv2.resize(part, size, interpolation=cv2.INTER_AREA), (0, 0), GRAIN)
    dark, bright = np.percentile(grey, (3, 97))
    swings = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return bool(bright - dark >= CONTRAST and swings * LINE / (bright - dark) >= STROKES)


def _near_product(regions: Regions) -> Mask:
    reach = max(1, round(min(regions.frame) * BESIDE))
    product = np.where(regions.evidence.alpha > 0, np.uint8(255), np.uint8(0))
    return np.asarray(cv2.dilate(product, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)))


def _share_on(mark: Mark, mask: Mask) -> float:
    """Share of the mark's area that lies on the mask."""
    box = mark.box
    inside = np.zeros((box.height, box.width), np.uint8)
    cv2.fillPoly(inside, [mark.corners - np.array([box.left, box.top], np.int32)], 255)
    part = mask[box.top : box.bottom, box.left : box.right]
    inside = inside[: part.shape[0], : part.shape[1]]
    return cv2.countNonZero(cv2.bitwise_and(inside, part)) / max(1, cv2.countNonZero(inside))
