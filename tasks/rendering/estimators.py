"""Which depth models may be used, and which one is at hand. Free of torch, so that planning may ask."""

from pathlib import Path

from tasks.rendering.job import DepthModel
from tasks.rendering.reviewed import find_reviewed

# Reviewed models by folder name: the class that reads them, and the licence of their published weights. Of Depth
# Anything V2 the Small one alone is Apache-2.0: Base and Large are CC-BY-NC-4.0, not for commerce.
REVIEWED = {
    "depth-anything-v2-small": ("depth_anything", "Apache-2.0", "depth-anything/Depth-Anything-V2-Small-hf"),
}


def find_estimator(models_dir: Path | None) -> DepthModel | None:
    """The reviewed model at hand in `models_dir`, None where there is none. Errors as `find_reviewed`."""
    found = find_reviewed(models_dir, REVIEWED)
    return None if found is None else DepthModel(**found._asdict())
