"""Pictures of a set through the renderer's own pipeline, without a product: for sheets and for tests of steering."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tasks.rendering.controls import draw_control
from tasks.rendering.job import ControlUse, Sampler, Staging
from tasks.rendering.kolors import Condition, Kolors
from tasks.rendering.loader import load_parts
from tasks.rendering.modelset import BUILT_IN, read_model_set
from tasks.rendering.nano.control_images import scene_edges
from tasks.rendering.nano.recipes import compose_scene
from tasks.rendering.nano.scenery import draw_front, draw_set
from tasks.rendering.nano.widths import GUIDANCE
from tasks.rendering.renderer import Pixels
from tasks.rendering.text import TextService
from tasks.shapes import Size

SHIPPED = BUILT_IN / "kolors-nano"
SIDE = 256
NEGATIVE = "文字，水印，人物，低分辨率，模糊，噪点"


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
            sampler=Sampler(preset="dpm-25", steps=steps, guidance_scale=GUIDANCE),
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


def scene_picture(recipe: str, seed: int) -> Pixels:
    """A drawn scene without product that is in no training set: theirs have other seeds."""
    rng = np.random.default_rng([seed])
    scene = compose_scene(rng, recipe)
    drawn = draw_front(scene, rng, draw_set(scene, rng, height=SIDE, width=SIDE))
    return np.asarray(np.clip(drawn, 0, 1) * 255 + 0.5, np.uint8)


def edges_of(picture: Pixels) -> Pixels:
    """The control picture of all its edges, soft ones too."""
    return np.repeat((scene_edges(picture, finer=2.5) * 255).astype(np.uint8)[..., None], 3, axis=2)
