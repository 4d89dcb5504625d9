"""Which segmentation models may cut products out, and which one is at hand. Free of torch, so that planning may ask."""

from pathlib import Path

from tasks.rendering.job import CutOutModel
from tasks.rendering.reviewed import find_reviewed

# Reviewed models by folder name: the class that reads them, and the licence of their published weights.
REVIEWED = {
    "sam-vit-base": ("sam", "Apache-2.0", "facebook/sam-vit-base"),
    "sam-vit-large": ("sam", "Apache-2.0", "facebook/sam-vit-large"),
    "sam-vit-huge": ("sam", "Apache-2.0", "facebook/sam-vit-huge"),
}


def find_segmenter(models_dir: Path | None) -> CutOutModel | None:
    """The reviewed model at hand in `models_dir`, the first in the table's order. Errors as `find_reviewed`."""
    found = find_reviewed(models_dir, REVIEWED)
    return None if found is None else CutOutModel(**found._asdict())
