"""What ships, made small: the templates with small masters, the draft model with few steps."""

import json
import shutil
from pathlib import Path

from tasks.rendering.modelset import BUILT_IN, CARD
from tasks.settings import PROJECT

SIDE = 256  # px
STEPS = 3


def small_templates(folder: Path) -> Path:
    """Copied into the folder; where they are."""
    templates = folder / "templates"
    shutil.copytree(PROJECT / "templates", templates)
    for scene in (templates / "scenes").glob("*.yaml"):
        scene.write_text(f"{scene.read_text(encoding='utf-8')}\nsize: [{SIDE}, {SIDE}]\n", encoding="utf-8")
    return templates


def quick_models(folder: Path) -> Path:
    """A models folder whose kolors-nano has the weights that ship and takes a few steps."""
    models, shipped = folder / "models", BUILT_IN / "kolors-nano"
    (models / shipped.name).mkdir(parents=True)
    for part in shipped.iterdir():
        (models / shipped.name / part.name).symlink_to(part)
    card = json.loads((shipped / CARD).read_text(encoding="utf-8"))
    card["sampler"]["steps"] = STEPS
    (models / shipped.name / CARD).unlink()
    (models / shipped.name / CARD).write_text(json.dumps(card), encoding="utf-8")
    return models
