"""Pictures of the shipped draft set, steered one way or another, and plain measures of what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tasks.rendering import toyset
from tasks.rendering.controls import draw_control
from tasks.rendering.job import ControlUse, Sampler, Staging
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import load_parts
from tasks.rendering.modelset import read_model_set
from tasks.rendering.text import TextService
from tasks.shapes import Size

SHIPPED = Path(toyset.__file__).parent / "models" / "kolors-nano"
SIDE = 256
NEGATIVE = "文字，水印，人物，低分辨率，模糊，噪点"

Pixels = NDArray[np.uint8]


@dataclass
class Studio:
    """The renderer's own pipeline over a set, without product: the whole frame is drawn."""

    kolors: Kolors
    text: TextService

    def condition(self, prompt: str, seed: int = 0, *, steps: int = 8) -> Condition:
        positive, negative = self.text.encode([prompt, NEGATIVE])
        return Condition(
            size=Size(SIDE, SIDE),
            seed=seed,
            positive=positive,
            negative=negative,
            canvas=torch.full((3, SIDE, SIDE), 128 / 255),
            mask=torch.ones(1, SIDE, SIDE),
            sampler=Sampler(preset="dpm-25", steps=steps, guidance_scale=3.0),
        )

    def draw(self, condition: Condition) -> Pixels:
        return self.kolors.decode(self.kolors.denoise([condition]))[0]

    def controlled(self, condition: Condition, kind: str, image: Pixels, *, scale: float = 1.0) -> Condition:
        """The same with a control picture (height, width, 3)."""
        use = ControlUse.model_validate({"kind": kind, "controlnet_conditioning_scale": scale})
        return replace(condition, controls=((use, to_tensor(image)),))

    def referred(self, condition: Condition, pictures: Sequence[Pixels], *, scale: float = 1.0) -> Condition:
        """The same with reference pictures."""
        return replace(condition, reference=self.kolors.encode_reference(pictures), reference_scale=scale)


def open_studio(folder: Path = SHIPPED) -> Studio:
    found = read_model_set(folder)
    parts = load_parts(found, device=torch.device("cpu"))
    text = TextService(parts.tokenizer, parts.text_encoder, encoder_key=str(folder))
    return Studio(Kolors(found, parts, device=torch.device("cpu")), text)


def to_tensor(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255


def ground_plane(line: float) -> Pixels:
    """The renderer's depth picture of an empty set whose ground begins at `line` (share from the top)."""
    empty = np.full((SIDE, SIDE, 3), 128, np.uint8)
    use = ControlUse(kind="depth")
    return draw_control(use, empty, np.zeros((SIDE, SIDE), np.uint8), Staging(ground=line))


def horizon(picture: Pixels) -> float:
    """Where wall turns into ground (share from the top): the row about which rows above and below differ most."""
    rows = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32).mean(1)
    band = SIDE // 16
    candidates = range(SIDE // 4, SIDE - band)
    steps = [np.abs(rows[row - band : row].mean(0) - rows[row : row + band].mean(0)).sum() for row in candidates]
    return candidates[int(np.argmax(steps))] / SIDE


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
