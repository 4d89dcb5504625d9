"""Cut-out by a segmentation model: for product pictures with neither alpha nor a plain ground.

Segment Anything (transformers' SamModel, published under Apache-2.0) is asked for the thing in the middle of the frame.
Weights are only ever read from a folder that is at hand, never downloaded; models whose licence forbids commerce
(BRIA RMBG, SegFormer) are not in the table of `segmenters`.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tasks.errors import ImageError
from tasks.rendering.ground import Mask
from tasks.rendering.helper_net import HelperNet
from tasks.rendering.job import CutOutModel
from tasks.rendering.renderer import Pixels
from tasks.rendering.segmenters import find_segmenter
from tasks.shapes import Box

MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])  # SamImageProcessor's
INSET = 0.02  # the product may reach nearly to the frame
LEAST, MOST = 0.01, 0.98  # share of the frame; what is smaller or larger is no product


class Segmenter(HelperNet[CutOutModel]):
    """One segmentation model, loaded when first asked; threads take turns."""

    def find_product(self, rgb: Pixels) -> Mask:
        """Silhouette (height, width) of the thing in the middle. Raises ImageError where there is none."""
        mask = self.mask_of(rgb)
        if not LEAST < mask.mean() < MOST:
            raise ImageError(
                f"{self.model.name} finds no product in the middle of the picture ({mask.mean():.1%} of it); supply a "
                f"PNG with alpha or a shot on a plain ground"
            )
        return mask

    def mask_of(self, rgb: Pixels, box: Box | None = None, point: tuple[int, int] | None = None) -> Mask:
        """What the model takes for the thing at `point` within `box`, whatever it is; without them, in the middle."""
        import torch

        with self._lock, torch.inference_mode():
            net = self._load()
            side = int(net.config.vision_config.image_size)
            pixels, scale = _prepared(rgb, side)
            height, width = rgb.shape[:2]
            whole = (INSET * width, INSET * height, (1 - INSET) * width, (1 - INSET) * height)
            within = [value * scale for value in box or whole]
            at = [value * scale for value in point or (width / 2, height / 2)]
            answer = net(
                pixel_values=torch.from_numpy(pixels)[None].to(self.device),
                input_boxes=torch.tensor([[within]], dtype=torch.float32, device=self.device),
                input_points=torch.tensor([[[at]]], dtype=torch.float32, device=self.device),
                input_labels=torch.ones(1, 1, 1, dtype=torch.int64, device=self.device),
                multimask_output=True,
            )
            best = int(answer.iou_scores[0, 0].argmax())
            logits = answer.pred_masks[0, 0, best].float().cpu().numpy()
        large = cv2.resize(logits, (side, side), interpolation=cv2.INTER_LINEAR)
        seen = large[: round(height * scale), : round(width * scale)]
        return np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_LINEAR) > 0)

    def _open(self) -> Any:
        from transformers import SamModel

        return SamModel.from_pretrained(self.folder, local_files_only=True, use_safetensors=True)


def open_segmenter(models_dir: Path | None, *, device: str = "cpu") -> Segmenter | None:
    """The segmentation model at hand, None where there is none. Errors as `find_segmenter`."""
    found = find_segmenter(models_dir)
    if found is None or models_dir is None:
        return None
    return Segmenter(found, models_dir / found.name, device=device)


def _prepared(rgb: Pixels, side: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], float]:
    """Longest side to `side` px, normalised, padded below and to the right, as SamImageProcessor does."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    padded = np.zeros((side, side, 3), dtype=np.float32)
    padded[: small.shape[0], : small.shape[1]] = (small - MEAN) / STD
    return np.ascontiguousarray(padded.transpose(2, 0, 1)), scale
