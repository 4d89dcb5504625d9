"""People as OpenPose draws them, which is what the vendor's pose net was trained on (DWPose, K:controlnet/annotator).

Eighteen keypoints of COCO, limbs as ellipses of fixed colours, on black.
"""

import math

import cv2
import numpy as np

from tasks.rendering.job import Person
from tasks.rendering.renderer import Pixels
from tasks.shapes import Size

# Pairs of keypoints and the palette of OpenPose's and DWPose's draw_bodypose; the last two of 19 pairs are not drawn.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255),
    (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
STICK = 4  # px at a longest side of 512, the size for which DWPose fixes it
LIMB_LIGHT = 0.6  # limbs are dimmed, joints are not


def draw_skeletons(people: tuple[Person, ...], size: Size) -> Pixels:
    """The control image of the pose net (height, width, 3); black where there is nobody."""
    canvas = np.zeros((size.height, size.width, 3), dtype=np.uint8)
    stick = max(1, round(STICK * max(size) / 512))
    for person in people:
        points = [None if at is None else (at[0] * size.width, at[1] * size.height) for at in person.keypoints]
        for (first, second), colour in zip(LIMBS, COLOURS, strict=False):
            _draw_limb(canvas, points[first], points[second], colour, stick=stick)
    canvas = np.rint(canvas * LIMB_LIGHT).astype(np.uint8)
    for person in people:
        for at, colour in zip(person.keypoints, COLOURS, strict=True):
            if at is not None:
                centre = (round(at[0] * size.width), round(at[1] * size.height))
                cv2.circle(canvas, centre, stick, colour, thickness=-1)
    return np.asarray(canvas, dtype=np.uint8)


def _draw_limb(
    canvas: Pixels,
    start: tuple[float, float] | None,
    end: tuple[float, float] | None,
    colour: tuple[int, int, int],
    *,
    stick: int,
) -> None:
    if start is None or end is None:
        return
    across, down = end[0] - start[0], end[1] - start[1]
    middle = (int((start[0] + end[0]) / 2), int((start[1] + end[1]) / 2))
    axes = (int(math.hypot(across, down) / 2), stick)
    outline = cv2.ellipse2Poly(middle, axes, int(math.degrees(math.atan2(down, across))), 0, 360, 1)
    cv2.fillConvexPoly(canvas, outline, colour)
