"""Which segmentation models may cut products out, and which one is at hand. Free of torch, so that planning may ask."""

import json
from hashlib import sha256
from pathlib import Path

from tasks.errors import ModelError
from tasks.rendering.job import CutOutModel

# Reviewed models by folder name: the class that reads them, and the licence of their published weights.
REVIEWED = {
    "sam-vit-base": ("sam", "Apache-2.0", "facebook/sam-vit-base"),
    "sam-vit-large": ("sam", "Apache-2.0", "facebook/sam-vit-large"),
    "sam-vit-huge": ("sam", "Apache-2.0", "facebook/sam-vit-huge"),
}


def find_segmenter(models_dir: Path | None) -> CutOutModel | None:
    """The reviewed model at hand in `models_dir`, the first in the table's order; None where there is none.

    The revision is a digest of its weights' length, samples and configuration, so that it may stand in a job. Raises
    ModelError where a folder of that name holds another kind of model or is incomplete.
    """
    for name in REVIEWED if models_dir is not None else ():
        folder = Path(models_dir or "", name)
        if folder.is_dir():
            return CutOutModel(name=name, revision=_revision(folder, name))
    return None


def _revision(folder: Path, name: str) -> str:
    kind = REVIEWED[name][0]
    try:
        config = (folder / "config.json").read_bytes()
        found = json.loads(config).get("model_type")
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder / 'config.json'} cannot be read ({error}); copy {REVIEWED[name][2]} again"
        ) from error
    if found != kind:
        raise ModelError(f"{folder} holds a model of type {found!r}, expected {kind!r}: {REVIEWED[name][2]}")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{weights} is missing; copy {REVIEWED[name][2]} with its safetensors file")
    digest = sha256(config)
    with weights.open("rb") as file:
        for start in range(0, weights.stat().st_size, max(1, weights.stat().st_size // 16)):
            file.seek(start)
            digest.update(file.read(65536))
    digest.update(str(weights.stat().st_size).encode())
    return digest.hexdigest()[:12]
