"""Control images from the placed product on the empty canvas: its edges and its depth on an explicit ground."""

import cv2
import numpy as np

from tasks.errors import RenderError
from tasks.rendering.job import ControlUse, Person, Staging
from tasks.rendering.picture import Floats
from tasks.rendering.renderer import Alpha, Pixels
from tasks.rendering.skeleton import draw_skeletons
from tasks.shapes import Size

CANNY = (100, 200)  # the thresholds that Kolors' Canny net was trained with
WALL, NEAR = 0.22, 0.95  # nearness (as MiDaS draws it: near is bright) of the wall and of the frame's lower edge


def draw_control(
    use: ControlUse,
    expected: Pixels,
    alpha: Alpha,
    staging: Staging,
    *,
    people: tuple[Person, ...] = (),
    relief: Floats | None = None,
) -> Pixels:
    """The control image for one ControlNet, three channels, same size as `expected`. Raises RenderError.

    `relief` (height, width), -0.5 to 0.5, is what `use.relief` takes its share of.
    """
    if use.kind == "pose":
        if not people:
            raise RenderError("control 'pose' has nobody to draw; give the scene `people` with keypoints or a file")
        return draw_skeletons(people, Size(expected.shape[1], expected.shape[0]))
    if use.kind == "depth":
        own = None if relief is None else use.relief * relief
        return np.repeat(_depth(alpha, staging, own)[..., None], 3, axis=2)
    return np.repeat(_canny(expected, alpha)[..., None], 3, axis=2)


def _canny(expected: Pixels, alpha: Alpha) -> Alpha:
    """Edges of the product and its outline; nothing outside, where the scene is free."""
    edges = cv2.Canny(cv2.cvtColor(expected, cv2.COLOR_RGB2GRAY), *CANNY)
    solid = (alpha > 127).astype(np.uint8)
    outline = solid * 255 - cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=1) * 255
    near = cv2.dilate(solid, np.ones((3, 3), np.uint8)) > 0
    return np.where(near, np.maximum(edges, outline), 0).astype(np.uint8)


def _depth(alpha: Alpha, staging: Staging, relief: Floats | None) -> Alpha:
    """A far wall, a ground plane that comes nearer towards the viewer, the product standing on it.

    The nearness (inverse depth) of a plane is linear in the picture's rows; an upright thing has one nearness, that
    of the ground where it stands, and its relief about that.
    """
    height = alpha.shape[0]
    ground = _ground_nearness(height, staging.ground)
    nearness = np.repeat(ground[:, None], alpha.shape[1], axis=1)
    rows = np.flatnonzero((alpha > 127).any(axis=1))
    if rows.size:
        contact = ground[min(rows[-1], height - 1)] + 0.02
        share = alpha.astype(np.float32) / 255.0
        own = max(contact, WALL + 0.15) + (relief if relief is not None else 0.0)
        nearness = share * own + (1 - share) * nearness
    return np.asarray(np.rint(nearness.clip(0, 1) * 255), dtype=np.uint8)


def _ground_nearness(height: int, ground: float | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if ground is None:
        return np.full(height, WALL)
    rows = (np.arange(height) + 0.5) / height
    return np.asarray(WALL + (NEAR - WALL) * ((rows - ground) / max(1.0 - ground, 1e-3)).clip(0.0, 1.0))
