"""A UNet that can tell what colour its picture is going to have, at the place where a reference asks for it.

The aimed adapter (`palette_aim`) reads the picture's own mean colour from the style block's queries. A UNet that learnt
from captions alone tells it dimly there, and guidance makes three errors of one. So while the UNet learns beside the
ControlNets it is asked for that colour too; the reader itself is thrown away and found again by least squares.
"""

import threading
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import nn

from tasks.rendering.nano.adapter import STYLE
from tasks.rendering.nano.lesson import COLOURS, Batch

ASKED = 0.2  # weight beside the velocity's loss


class OwnColour(nn.Module):
    """Reads each head's queries of the style block; (heads, channels, 3) and what is usual, (3,)."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        attention: Any = unet.get_submodule(STYLE.removesuffix(".processor"))
        width = attention.to_q.out_features // attention.heads
        self.readers = nn.Parameter(torch.zeros(attention.heads, width, COLOURS))
        self.usual = nn.Parameter(torch.zeros(COLOURS))
        self._seen = threading.local()  # workers share the UNet
        attention.to_q.register_forward_hook(self._note)

    def _note(self, _: nn.Module, __: tuple[torch.Tensor, ...], queries: torch.Tensor) -> None:
        self._seen.queries = queries

    def loss(self, batch: Batch, velocity: torch.Tensor) -> torch.Tensor:
        """How far the queries of the UNet's last pass are from telling, at every drawn place, what it then drew."""
        queries = self._seen.queries.float()
        told = queries.unflatten(2, self.readers.shape[:2])
        found = torch.einsum("nphc,hcl->nphl", told, self.readers) + self.usual
        drawn = nn.functional.adaptive_avg_pool2d(batch.generate, _places(batch, queries.shape[1])).flatten(1)
        off = (found - batch.mean_colour(velocity.detach())[:, None, None]).pow(2).mean((2, 3))
        return ASKED * (off * drawn).sum() / drawn.sum().clamp_min(1)


def _places(batch: Batch, count: int) -> tuple[int, int]:
    """Height and width of a level of the UNet with that many places."""
    height, width = batch.generate.shape[2:]
    step = round((height * width / count) ** 0.5)
    return height // step, width // step
