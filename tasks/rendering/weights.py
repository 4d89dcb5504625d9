"""Weight files before they are loaded: are they there, whole, of a usable type, with the keys the class expects."""

from collections.abc import Iterable
from pathlib import Path

import torch

from tasks.errors import ModelError
from tasks.rendering.checkpoints.files import weight_files
from tasks.rendering.checkpoints.header import read_header
from tasks.rendering.checkpoints.names import DERIVED, USABLE


def read_keys(folder: Path, stem: str, *, variant: str | None) -> set[str]:
    """Tensor names of a component's safetensors (single or sharded). Raises ModelError that names the file.

    `stem` is "diffusion_pytorch_model" or "model"; `variant` None or "fp16".
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing; fetch the model set again, or check SHANGXIN_MODELS_DIR")
    return {key for file in weight_files(folder, stem, variant=variant) for key in file_keys(file)}


def file_keys(path: Path) -> set[str]:
    """Tensor names of one file. Raises ModelError where it is missing, cut off or of an unusable type."""
    header = read_header(path)
    types = {info.dtype for info in header.tensors.values()}
    if types - USABLE:
        raise ModelError(f"{path} holds {', '.join(sorted(types - USABLE))}; usable are {', '.join(sorted(USABLE))}")
    return set(header.tensors)


def assert_keys(found: Iterable[str], model: torch.nn.Module, *, where: Path) -> None:
    """Raise ModelError unless the file's tensors are exactly those of the class: a missing one would stay random."""
    prefix = f"{getattr(model, 'base_model_prefix', '')}."  # some exports of ChatGLM have "transformer." before each
    stored = {key.removeprefix(prefix) for key in found if not key.endswith(DERIVED)}
    expected = {key for key in model.state_dict() if not key.endswith(DERIVED)}
    missing, unexpected = sorted(expected - stored), sorted(stored - expected)
    if missing or unexpected:
        raise ModelError(
            f"{where} does not fit {type(model).__name__}: {len(stored)} tensors found, {len(expected)} expected; "
            f"missing {missing[:3] or 'none'}, unexpected {unexpected[:3] or 'none'}. It is of another repository "
            f"or an incomplete export; fetch the repository this folder is named for"
        )


def assert_finite(tensor: torch.Tensor, *, name: str, where: Path) -> None:
    if not torch.isfinite(tensor).all():
        raise ModelError(f"{where}: {name} holds values that are not finite; the file is damaged, fetch it again")
