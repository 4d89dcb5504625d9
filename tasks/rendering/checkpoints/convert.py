"""Published pickles to safetensors: read once with `weights_only`, written beside, never opened again.

A pickle may run any code of its author's; torch's weights-only reader builds tensors and containers and nothing else.
"""

import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tasks.errors import ModelError
from tasks.rendering.checkpoints.fetch import pin_converted
from tasks.rendering.checkpoints.layout import Located
from tasks.rendering.checkpoints.names import (
    IP_ADAPTER,
    IP_ADAPTER_FILE,
    IP_ADAPTER_PICKLES,
    VISION_FILE,
    VISION_PICKLE,
)

GROUPS = ("image_proj", "ip_adapter")
TOWER = ("vision_model.", "visual_projection.")  # of the whole CLIP: the text tower is of no use here


def convert_set(located: Located) -> Iterator[tuple[Path, Path]]:
    """Convert the pickles of a published set and pin the results: (made, source) of each pickle that is there."""
    place = located.places.get(IP_ADAPTER)
    if place is None:
        return
    encoder = place / "image_encoder"
    steps = ((place, IP_ADAPTER_PICKLES, convert_ip_adapter), (encoder, (VISION_PICKLE,), convert_image_encoder))
    for folder, names, convert in steps:
        for source in (folder / name for name in names if (folder / name).is_file()):
            made = convert(folder)
            pin_converted(located.folder, IP_ADAPTER, place, made=made, source=source)
            yield made, source


def convert_ip_adapter(folder: Path) -> Path:
    """The adapter as safetensors, made from its pickle if need be. Raises ModelError where there is neither."""
    target = folder / IP_ADAPTER_FILE
    if target.is_file():
        return target
    source = _first(folder, IP_ADAPTER_PICKLES, target)
    groups = read_pickle(source)
    if set(groups) != set(GROUPS) or not all(isinstance(groups[group], Mapping) for group in GROUPS):
        raise ModelError(f"{source} holds {sorted(map(str, groups))[:4]}; expected the two groups {', '.join(GROUPS)}")
    flat = {f"{group}.{key}": value for group in GROUPS for key, value in groups[group].items()}
    return _write(flat, target, source=source)


def convert_image_encoder(folder: Path) -> Path:
    """The vision tower as safetensors, made from the whole CLIP's pickle if need be."""
    target = folder / VISION_FILE
    if target.is_file():
        return target
    source = _first(folder, (VISION_PICKLE,), target)
    weights = {key: value for key, value in read_pickle(source).items() if str(key).startswith(TOWER)}
    tower = {
        key: value for key, value in weights.items() if not key.endswith("position_ids")
    }  # every class computes it
    if not tower:
        raise ModelError(f"{source} has no tensor of {' or '.join(TOWER)}; expected the whole CLIP ViT-L/14-336")
    return _write(tower, target, source=source)


def read_pickle(path: Path) -> Mapping[str, Any]:
    """The dictionary that a pickle holds, with no code of the pickle's own run. Raises ModelError."""
    if path.stat().st_size < 1024 and path.read_bytes().startswith(b"version https://git-lfs"):
        raise ModelError(f"{path} is a git-lfs pointer, the weights were not downloaded; run `git lfs pull` there")
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0] if str(error) else "it is no pickle of tensors"
        raise ModelError(
            f"{path} was refused and nothing of it was run: it asks for more than tensors, or is damaged ({reason}). "
            f"Delete it and take the vendor's file, `shangxin models fetch`"
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError, AssertionError) as error:
        raise ModelError(
            f"{path} ({path.stat().st_size} bytes) is half a file or none "
            f"({type(error).__name__}: {error}); delete it and fetch it again"
        ) from error
    if not isinstance(value, Mapping):
        raise ModelError(f"{path} holds a {type(value).__name__}; expected a dictionary of tensors")
    return value


def _first(folder: Path, names: tuple[str, ...], target: Path) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    beside = ", ".join(sorted(path.name for path in folder.glob("*"))[:8]) or "nothing"
    raise ModelError(f"{target} is missing, and so is {' or '.join(names)}; beside it: {beside}. Fetch it again")


def _write(weights: Mapping[str, Any], target: Path, *, source: Path) -> Path:
    """Write beside the target and rename: another process sees the whole file or none."""
    strangers = [key for key, value in weights.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise ModelError(f"{source}: {strangers[0]!r} is no tensor; take the vendor's file, `shangxin models fetch`")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # clone: safetensors refuses tensors that share memory
        save_file({key: value.clone().contiguous() for key, value in weights.items()}, part, {"format": "pt"})
        part.replace(target)
    except OSError as error:
        raise ModelError(
            f"{target} cannot be written ({error}); free some disk space, or run `shangxin models convert` once "
            f"as a user who may write there"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return target
