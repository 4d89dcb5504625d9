"""Which files hold a component's weights, in every spelling that was published."""

import json
from pathlib import Path

from tasks.errors import ModelError


def weight_files(folder: Path, stem: str, *, variant: str | None) -> list[Path]:
    """The safetensors files of a component, whether or not they are there. Raises ModelError on a wrong variant."""
    middle = f".{variant}" if variant else ""
    # The published text encoder has the old spelling of the index; newer exports put the variant first.
    spellings = [f"{stem}.safetensors.index{middle}.json", f"{stem}{middle}.safetensors.index.json"]
    for index in (folder / spelling for spelling in spellings):
        if index.is_file():
            return [folder / name for name in _shards(index)]
    single = folder / f"{stem}{middle}.safetensors"
    if not single.is_file() and variant and (folder / f"{stem}.safetensors").is_file():
        raise ModelError(
            f"{folder} has {stem}.safetensors but no {variant} files; take Kwai-Kolors/Kolors-diffusers, whose files "
            f"are called {single.name}, not the original Kolors layout"
        )
    return [single]


def _shards(index: Path) -> list[str]:
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{index} is no index of shards ({error}); delete it and fetch it again") from error
