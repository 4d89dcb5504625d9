"""Weight files before they are loaded: are they there, whole, of a usable type, with the keys the class expects."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from tasks.errors import ModelError

USABLE = {"F32", "F16", "BF16"}
DERIVED = "inv_freq"  # buffers that some exports store and every class computes


def read_keys(folder: Path, stem: str, *, variant: str | None) -> set[str]:
    """Tensor names of a component's safetensors (single or sharded). Raises ModelError that names the file.

    `stem` is "diffusion_pytorch_model" or "model"; `variant` None or "fp16".
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing; fetch the model set again, or check SHANGXIN_MODELS_DIR")
    return {key for file in _files(folder, stem, variant=variant) for key in file_keys(file)}


def file_keys(path: Path) -> set[str]:
    """Tensor names of one file. Raises ModelError where it is missing, cut off or of an unusable type."""
    if not path.is_file():
        beside = ", ".join(sorted(other.name for other in path.parent.glob("*"))[:8]) or "nothing"
        raise ModelError(f"{path} is missing; beside it: {beside}. Fetch this file again")
    try:
        with safe_open(path, framework="pt") as opened:
            keys = set(opened.keys())
            types = {opened.get_slice(key).get_dtype() for key in keys}
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} ({path.stat().st_size} bytes) is half a file or none ({error}); delete it and fetch it again"
        ) from error
    if types - USABLE:
        raise ModelError(f"{path} holds {', '.join(sorted(types - USABLE))}; usable are {', '.join(sorted(USABLE))}")
    return keys


def assert_keys(found: Iterable[str], model: torch.nn.Module, *, where: Path) -> None:
    """Raise ModelError unless the file's tensors are exactly those of the class: a missing one would stay random."""
    stored = {key for key in found if DERIVED not in key}
    expected = {key for key in model.state_dict() if DERIVED not in key}
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


def _files(folder: Path, stem: str, *, variant: str | None) -> list[Path]:
    middle = f".{variant}" if variant else ""
    # The published text encoder has the old spelling of the index; newer exports put the variant first.
    spellings = [f"{stem}.safetensors.index{middle}.json", f"{stem}{middle}.safetensors.index.json"]
    for index in (folder / spelling for spelling in spellings):
        if index.is_file():
            weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            return [folder / name for name in sorted(set(weight_map.values()))]
    single = folder / f"{stem}{middle}.safetensors"
    if not single.is_file() and variant and (folder / f"{stem}.safetensors").is_file():
        raise ModelError(
            f"{folder} has {stem}.safetensors but no {variant} files; take Kwai-Kolors/Kolors-diffusers, whose files "
            f"are called {single.name}, not the original Kolors layout"
        )
    return [single]
