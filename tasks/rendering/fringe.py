"""The old ground's colour taken out of the soft edge of a picture that brings its own alpha.

Cut out elsewhere, an edge pixel often still holds C = a F + (1 - a) B: on another ground it is a white or dark line. B
is fitted from all edge pixels at once, F being the opaque product next to them; where B explains little, nothing is
touched, since the edge has colours of its own (hair, glass, a painted rim).
"""

import numpy as np

from tasks.rendering.ground import Mask
from tasks.rendering.matte import decontaminated
from tasks.rendering.picture import RGBA, Floats, bounding_box, spread

OPAQUE = 255
REACH = 9  # px of opaque product that tell an edge pixel's own colour
FEWEST = 64  # soft pixels; fewer tell nothing
EXPLAINED = 0.5  # share that a ground must account for, of what a rim of one colour, whatever its alpha, does not
VISIBLE = 6.0  # sRGB levels, mean over the edge: less than this nobody sees


def without_fringe(rgba: RGBA) -> RGBA:
    """The picture with clean soft edges; opaque and invisible pixels bit for bit, alpha as it is.

    The same array where there is no fringe.
    """
    soft = (rgba[..., 3] > 0) & (rgba[..., 3] < OPAQUE)
    opaque = rgba[..., 3] == OPAQUE
    if soft.sum() < FEWEST or not opaque.any():
        return rgba
    box = bounding_box(rgba[..., 3])
    window = (slice(box.top, box.bottom), slice(box.left, box.right))
    colour, alpha = rgba[window][..., :3].astype(np.float32), rgba[window][..., 3].astype(np.float32) / 255.0
    own = spread(colour, opaque[window], reach=REACH)
    edge = soft[window]
    ground = find_old_ground(colour[edge], alpha[edge], own[edge])
    if ground is None:
        return rgba
    clean = decontaminated(colour, alpha, front=own, back=np.broadcast_to(ground, colour.shape))
    done = rgba.copy()
    done[window][..., :3] = _nearer(clean, colour, own, edge)
    return done


def find_old_ground(colour: Floats, alpha: Floats, own: Floats) -> Floats | None:
    """The ground's colour (3,) that edge pixels (n, 3) were mixed with, None where no one colour explains them.

    Least squares of C - F = (1 - a) (B - F) for B, within 0..255.
    """
    through = (1.0 - alpha)[:, None]
    strays = colour - own
    weight = float(np.square(through).sum())
    if weight < 1e-3:
        return None
    ground = ((through * (strays + through * own)).sum(axis=0) / weight).clip(0.0, 255.0)
    left = np.square(strays - through * (ground - own)).sum()
    straying = np.square(strays - strays.mean(axis=0)).sum()
    visible = float(np.linalg.norm(strays, axis=1).mean()) > VISIBLE
    return ground.astype(np.float32) if visible and left < (1 - EXPLAINED) * straying else None


def _nearer(clean: Floats, colour: Floats, own: Floats, edge: Mask) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """`clean` where that brings an edge pixel nearer to the product's own colour, else the colour that was there."""
    better = np.linalg.norm(clean - own, axis=2) < np.linalg.norm(colour - own, axis=2)
    return np.where((edge & better)[..., None], np.rint(clean), colour).astype(np.uint8)
