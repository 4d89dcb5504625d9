"""One embedded Prefect server for all flow tests, and a small catalogue whose renderer only sleeps."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from flows.embedded import EmbeddedServer, connected
from tasks.settings import PROJECT, Settings, use_settings
from tasks.workplace import open_workplace
from tests.flows.dropping import in_s3, s3, sqs
from tests.flows.painting import Drawn, PaintingRenderer, WorkplaceWith, digest_of
from tests.flows.robot import Robot

__all__ = ["in_s3", "s3", "sqs"]

Renderers = Callable[..., PaintingRenderer]

SIDE = 256  # px of a test's masters: a sixteenth of the pixels of a real one


@pytest.fixture(scope="session")
def server_home() -> Path:
    """The home that `keep_prefect_at` gave this test session."""
    return Path(os.environ["PREFECT_HOME"])


@pytest.fixture(scope="session")
def prefect_server(server_home: Path) -> Iterator[str]:
    with EmbeddedServer(server_home, start_seconds=180) as server, connected(server.url()):
        yield server.url()


@pytest.fixture(scope="session")
def small_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates that ship, with small masters. For reading only: copy them to change them."""
    folder = tmp_path_factory.mktemp("small") / "templates"
    shutil.copytree(PROJECT / "templates", folder)
    for scene in (folder / "scenes").glob("*.yaml"):
        scene.write_text(f"{scene.read_text(encoding='utf-8')}\nsize: [{SIDE}, {SIDE}]\n", encoding="utf-8")
    return folder


@pytest.fixture
def here(tmp_path: Path, small_templates: Path) -> Iterator[Path]:
    """A folder of its own as SHANGXIN_OUT, and small masters."""
    use_settings(Settings(out=tmp_path / "out", shard_size=4, templates=small_templates))
    yield tmp_path
    use_settings(None)


@pytest.fixture(scope="session")
def warm_home(prefect_server: str, server_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Prefect home with its tables made, for copying: a fresh one costs a server's first start ten seconds."""
    home = tmp_path_factory.mktemp("warm")
    with (
        closing(sqlite3.connect(server_home / "prefect.db")) as made,
        closing(sqlite3.connect(home / "prefect.db")) as copy,
    ):
        made.backup(copy)
    return home


@pytest.fixture
def robot() -> Iterator[Robot]:
    listening = Robot()
    yield listening
    listening.close()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    return draw_catalogue(tmp_path)


def draw_catalogue(folder: Path) -> Path:
    """Three good products and one without a picture; the pictures have real transparency."""
    for number, colour in enumerate([(40, 60, 200), (60, 160, 60), (180, 90, 40)]):
        picture = np.zeros((400, 320, 4), np.uint8)
        cv2.ellipse(picture, (160, 200), (110, 160), 0, 0, 360, (*colour, 255), -1, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"p{number}.png"), picture)
    path = folder / "goods.csv"
    path.write_text(
        "sku,title,image,category\n杯/1,白瓷杯,p0.png,drinkware\nB-2,绿茶罐,p1.png,tea\nC-3,布包,p2.png,bag\nD-4,缺图,no.png,bag\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def paint(here: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> Renderers:
    """A renderer put to work, with a defect by picture and drawing: {"p0.png": ["growth", ""]}, the last one stays."""

    def put(defects: dict[str, list[str]] | None = None) -> PaintingRenderer:
        workplace = open_workplace()
        by_digest = {digest_of(workplace, catalogue, image): list_ for image, list_ in (defects or {}).items()}

        def plant(drawn: Drawn) -> str:
            planted = by_digest.get(drawn.product, [""])
            return planted[min(drawn.take, len(planted) - 1)]

        renderer = PaintingRenderer(plant)
        monkeypatch.setattr("tasks.workplace._Open.workplace", WorkplaceWith(renderer))
        return renderer

    return put
