"""What the image encoder makes of reference pictures."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection


def reference_features(
    encoder: CLIPVisionModelWithProjection, processor: CLIPImageProcessor, pictures: Sequence[NDArray[np.uint8]]
) -> torch.Tensor:
    """(n, tokens, hidden) of whole pictures, as the renderer takes them."""
    with torch.inference_mode():
        pixels = processor([Image.fromarray(picture) for picture in pictures], return_tensors="pt").pixel_values
        features: torch.Tensor = encoder(pixels, output_hidden_states=True).hidden_states[-2]
    return features.clone()


def no_reference(encoder: CLIPVisionModelWithProjection) -> torch.Tensor:
    """(tokens, hidden) of an all-zero input: what stands for "no picture"."""
    side = encoder.config.image_size
    with torch.inference_mode():
        nothing: torch.Tensor = encoder(torch.zeros(1, 3, side, side), output_hidden_states=True).hidden_states[-2]
    return nothing[0].clone()
