"""The templates that ship, with small masters."""

import shutil
from pathlib import Path

from tasks.settings import PROJECT

SIDE = 256  # px


def small_templates(folder: Path) -> Path:
    """Copied into the folder; where they are."""
    templates = folder / "templates"
    shutil.copytree(PROJECT / "templates", templates)
    for scene in (templates / "scenes").glob("*.yaml"):
        scene.write_text(f"{scene.read_text(encoding='utf-8')}\nsize: [{SIDE}, {SIDE}]\n", encoding="utf-8")
    return templates
