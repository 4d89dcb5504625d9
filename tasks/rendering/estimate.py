"""The product's relief by a depth model: how its parts lie before and behind one another.

Depth Anything (transformers' class, its Small weights under Apache-2.0) looks at the placed product. Ground and wall
stay the explicit ones of `controls`: a model is not asked where the product stands. Only where a scene asks for relief.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tasks.rendering.estimators import find_estimator
from tasks.rendering.helper_net import HelperNet
from tasks.rendering.job import DepthModel
from tasks.rendering.picture import Floats
from tasks.rendering.renderer import Alpha, Pixels

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # DPTImageProcessor's, as published
SPREAD = (0.05, 0.95)  # quantiles of the product's nearness that stand for its back and its front


class Estimator(HelperNet[DepthModel]):
    """One depth model, loaded when first asked; threads take turns."""

    def relief_of(self, picture: Pixels, alpha: Alpha) -> Floats:
        """Relief (height, width) of the product, -0.5 at its back to 0.5 at its front, 0 outside it."""
        inside = alpha > 127
        if not inside.any():
            return np.zeros(alpha.shape, dtype=np.float32)
        nearness = self.nearness_of(picture)
        back, front = np.quantile(nearness[inside], SPREAD)
        share = ((nearness - back) / max(float(front - back), 1e-6)).clip(0, 1) - 0.5
        return np.where(inside, share, 0.0).astype(np.float32)

    def nearness_of(self, picture: Pixels) -> Floats:
        """What the model says of a picture: inverse depth (height, width), larger is nearer, in no unit."""
        import torch

        with self._lock, torch.inference_mode():
            net = self._load()
            pixels = _prepared(picture, side=net.config.backbone_config.image_size, patch=net.config.patch_size)
            seen = net(pixel_values=torch.from_numpy(pixels)[None].to(self.device)).predicted_depth[0]
            found = seen.float().cpu().numpy()
        height, width = picture.shape[:2]
        return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)

    def _open(self) -> Any:
        from transformers import DepthAnythingForDepthEstimation

        return DepthAnythingForDepthEstimation.from_pretrained(self.folder, local_files_only=True, use_safetensors=True)


def open_estimator(models_dir: Path | None, *, device: str = "cpu") -> Estimator | None:
    """The depth model at hand, None where there is none. Errors as `find_estimator`."""
    found = find_estimator(models_dir)
    if found is None or models_dir is None:
        return None
    return Estimator(found, models_dir / found.name, device=device)


def _prepared(picture: Pixels, *, side: int, patch: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(3, H, W): the shorter side about `side` px, both in whole patches, normalised, as DPTImageProcessor does."""
    height, width = picture.shape[:2]
    scale = side / min(height, width)
    size = tuple(max(patch, round(length * scale / patch) * patch) for length in (width, height))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    normal = ((small.astype(np.float32) / 255.0 - MEAN) / STD).astype(np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
