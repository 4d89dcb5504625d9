"""Plain measures of what steering did to a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.rendering.nano.studio import SIDE
from tasks.rendering.renderer import Pixels


def horizon(picture: Pixels) -> float:
    """Where wall turns into ground (share from the top): the row about which rows above and below differ most."""
    rows = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32).mean(1)
    band = SIDE // 16
    candidates = range(SIDE // 4, SIDE - band)
    steps = [np.abs(rows[row - band : row].mean(0) - rows[row : row + band].mean(0)).sum() for row in candidates]
    return candidates[int(np.argmax(steps))] / SIDE


def changed(first: Pixels, second: Pixels) -> tuple[float, float]:
    """From which row to which two pictures differ (shares from the top): inside by much more than outside."""
    rows = [cv2.cvtColor(one, cv2.COLOR_RGB2LAB).astype(np.float32).mean(1) for one in (first, second)]
    sums = np.concatenate([[0], np.cumsum(np.linalg.norm(rows[0] - rows[1], axis=1))])
    count = len(sums) - 1
    best, found = -np.inf, (0, count)
    for begin in range(count):
        for end in range(begin + 1, count + (begin > 0)):
            inside, width = sums[end] - sums[begin], end - begin
            contrast = inside / width - (sums[-1] - inside) / (count - width)
            if (score := contrast * (width * (count - width)) ** 0.5) > best:
                best, found = score, (begin, end)
    return found[0] / count, found[1] / count


def edge_overlap(picture: Pixels, edges: Pixels, *, reach: int = 4) -> float:
    """IoU of the wanted edges, `reach` px wide on both sides, and as many of the picture's steepest pixels."""
    wanted = cv2.dilate((edges[..., 0] > 127).astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    smooth = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32), (0, 0), 2.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    steepness = np.sqrt((across**2 + down**2).sum(-1))
    limit = np.partition(steepness.ravel(), -int(wanted.sum()))[-int(wanted.sum())]
    found = steepness >= limit
    return float((wanted & found).sum() / (wanted | found).sum())


def palette(picture: Pixels) -> NDArray[np.float32]:
    """Mean colour in CIELAB."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(lab.reshape(-1, 3).mean(0))


def palette_distance(first: Pixels, second: Pixels) -> float:
    """CIE76 difference of mean colours."""
    return float(np.linalg.norm(palette(first) - palette(second)))


def frame(picture: Pixels) -> tuple[float, float]:
    """How far the rim leaves the straight line from further in, sRGB levels: sides (mean), corners (median)."""
    sides, corners = [], []
    turned = picture.astype(np.float32)
    for _ in range(4):
        rows = turned[:, 16:-16].mean(1)
        sides.append(_bend([rows[n : n + 2] for n in (0, 4, 8)]))
        corners.append(_bend([turned[n : n + 2, n : n + 2] for n in (0, 4, 8)]))
        turned = np.rot90(turned)
    return float(np.mean(sides)), float(np.median(corners))


def _bend(patches: list[NDArray[np.float32]]) -> float:
    outer, middle, inner = (patch.reshape(-1, 3).mean(0) for patch in patches)
    return float(np.abs(outer - 2 * middle + inner).mean())
