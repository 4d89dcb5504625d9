"""A toy set laid out as the published repositories are, its table, and a Hub that serves it."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.rendering.checkpoints.check import layout_digest, read_tensors
from tasks.rendering.checkpoints.files import weight_files
from tasks.rendering.checkpoints.layout import Located, locate
from tasks.rendering.checkpoints.table import Component, PublishedSet, Repository, published_sets
from tests.rendering.checkpoints.toyhub import ToyHub

COMMITS = {"Kolors-diffusers": "d" * 40, "Kolors-Inpainting": "1" * 40}


@pytest.fixture
def models_dir(random_set: Path, tmp_path: Path) -> Path:
    """<models>/kolors/<repository>, as fetching leaves it; no card and no lock."""
    shutil.copytree(random_set, tmp_path / "kolors")
    (tmp_path / "kolors" / "set.json").unlink()
    return tmp_path


@pytest.fixture(scope="session")
def table(random_set: Path) -> PublishedSet:
    """The reviewed table with the toy's numbers in place of the published ones."""
    published = published_sets()["kolors"]
    repositories = tuple(_at_toy_width(repo, random_set / repo.folder) for repo in published.repositories)
    return published.model_copy(update={"repositories": repositories})


@pytest.fixture
def located(table: PublishedSet, models_dir: Path) -> Located:
    return locate(table, models_dir)


def _at_toy_width(repo: Repository, place: Path) -> Repository:
    if not place.is_dir():  # the toy set has no pose
        return repo
    components = tuple(_measured(component, place / component.folder) for component in repo.components)
    return repo.model_copy(update={"components": components, "sizes": {}, "sha256_starts": {}})


def _measured(component: Component, folder: Path) -> Component:
    if not component.stem:
        return component
    tensors = read_tensors(weight_files(folder, component.stem, variant=component.variant))
    changes: dict[str, Any] = {
        "tensors": len(tensors),
        "elements": sum(info.elements for info in tensors.values()),
        "shapes": {name: tensors[name].shape for name in component.shapes},
        "layout": layout_digest(tensors) if component.layout else "",
        "image_size": 28 if component.kind == "image_encoder" else None,
    }
    return component.model_copy(update=changes)


@pytest.fixture
def hub(random_set: Path) -> Iterator[ToyHub]:
    server = ToyHub(random_set, commits=COMMITS)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
