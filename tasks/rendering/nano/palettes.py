"""Other colours for a training picture, so that its caption no longer tells them and a reference must be looked at."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from tasks.rendering.nano.vae_start import MIDDLE, TO_LATENT

CONTRAST = 0.6  # of the picture's own light and dark, left where it is toned through and through
DARKEST = 0.35  # mean brightness below which its contrast is not stretched any more
STRENGTHS = (0.5, 1.0)
TWO = 0.6  # share of palettes with another tone below than above


@dataclass(frozen=True)
class Palettes:
    """A tone for each of n pictures: `top` and `bottom` (n, 3) in 0..1, and how far it replaces theirs (n,), 0 not."""

    strength: torch.Tensor
    top: torch.Tensor
    bottom: torch.Tensor

    def tone(self, colours: torch.Tensor, brightness: torch.Tensor) -> torch.Tensor:
        """Pictures (n, 3, h, w) in 0..1 in their new tones; `brightness` (n,) is the mean of the pictures."""
        down = torch.linspace(0, 1, colours.shape[2])[None, None, :, None]
        tones = self.top[:, :, None, None] * (1 - down) + self.bottom[:, :, None, None] * down
        mean = brightness[:, None, None, None]
        light = 1 + CONTRAST * (colours.mean(1, keepdim=True) - mean) / mean.clamp_min(DARKEST)
        share = self.strength[:, None, None, None]
        return (1 - share) * colours + share * tones * light

    def tone_latents(self, latents: torch.Tensor) -> torch.Tensor:
        """The same for latents (n, 4, h, w)."""
        middle = torch.tensor(MIDDLE)[None, :, None, None]
        back = torch.linalg.inv(TO_LATENT)
        colours = torch.einsum("cl,nlhw->nchw", back, latents[:, :3] + middle[:, :3]) / 2 + 0.5
        mean = colours.mean((1, 2, 3))
        toned = self.tone(colours, mean).clamp(0, 1) * 2 - 1
        tones = (self.top + self.bottom).mean(1) / 2
        steeper = (1 - self.strength) + self.strength * tones * CONTRAST / mean.clamp_min(DARKEST)
        slope = (latents[:, 3:] + MIDDLE[3]) * steeper[:, None, None, None]
        return torch.cat([torch.einsum("lc,nchw->nlhw", TO_LATENT, toned), slope], 1) - middle


def draw_palettes(rng: np.random.Generator, count: int, *, share: float) -> Palettes:
    """Random tones; `share` of the pictures get one, the others stay as they are."""
    strength = np.where(rng.random(count) < share, rng.uniform(*STRENGTHS, count), 0)
    top, bottom = _tones(rng, count), _tones(rng, count)
    bottom = np.where(rng.random((count, 1)) < TWO, bottom, top)
    return Palettes(*(torch.from_numpy(np.asarray(part, np.float32)) for part in (strength, top, bottom)))


def _tones(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 3) colours of any hue, pale to strong, dark to light."""
    hue, strong, light = rng.uniform(0, 360, count), rng.uniform(0, 0.95, count), rng.uniform(0.12, 1, count)
    tones = np.stack([hue, strong, light], -1)[None].astype(np.float32)
    return np.asarray(cv2.cvtColor(tones, cv2.COLOR_HSV2RGB)[0])
