"""Models beside the picture model, taken from a folder that is at hand and never downloaded. Free of torch."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tasks.errors import ModelError


class AtHand(NamedTuple):
    """A reviewed model in a folder. The revision digests configuration, length and samples of its weights."""

    name: str
    revision: str


def find_reviewed(models_dir: Path | None, reviewed: Mapping[str, tuple[str, str, str]]) -> AtHand | None:
    """The first model of the table (folder name -> kind, licence, source) that lies in `models_dir`, else None.

    Raises ModelError where a folder of that name holds another kind of model or is incomplete.
    """
    for name, (kind, _, source) in reviewed.items() if models_dir is not None else ():
        folder = Path(models_dir or "", name)
        if folder.is_dir():
            return AtHand(name, _revision(folder, kind, source))
    return None


def _revision(folder: Path, kind: str, source: str) -> str:
    try:
        config = (folder / "config.json").read_bytes()
        found = json.loads(config).get("model_type")
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read ({error}); copy {source} again") from error
    if found != kind:
        raise ModelError(f"{folder} holds a model of type {found!r}, expected {kind!r}: {source}")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{weights} is missing; copy {source} with its safetensors file")
    digest = sha256(config)
    with weights.open("rb") as file:
        for start in range(0, weights.stat().st_size, max(1, weights.stat().st_size // 16)):
            file.seek(start)
            digest.update(file.read(65536))
    digest.update(str(weights.stat().st_size).encode())
    return digest.hexdigest()[:12]
