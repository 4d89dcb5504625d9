"""Segmentation models of tests: the real class at toy width, and one that is told what is to be seen."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

from tasks.shapes import Box


def write_sam(models_dir: Path) -> None:
    """A folder as published, with random weights."""
    torch.manual_seed(0)
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=16, output_channels=16, num_hidden_layers=2, num_attention_heads=2, image_size=64,
            patch_size=16, mlp_dim=32, num_pos_feats=8, global_attn_indexes=[1], window_size=2,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=16, image_size=64, patch_size=16).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=16, mlp_dim=32, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16
        ).to_dict(),
    )  # fmt: skip
    SamModel(config).save_pretrained(models_dir / "sam-vit-base")


class Sees:
    """A model that sees rightly: it is told beforehand which pixels are the product's, planted ones among them."""

    def __init__(self, silhouette: NDArray[np.bool_]) -> None:
        self._silhouette = silhouette
        self.asked: list[tuple[Box | None, tuple[int, int] | None]] = []

    def mask_of(
        self, rgb: NDArray[np.uint8], box: Box | None = None, point: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        self.asked.append((box, point))
        return self._silhouette
