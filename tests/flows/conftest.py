"""One embedded Prefect server for all flow tests, and a small catalogue whose renderer only sleeps."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from flows.embedded import EmbeddedServer, connected
from tasks.settings import Settings, use_settings


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="shangxin-server-") as home,
        EmbeddedServer(Path(home), start_seconds=180) as server,
        connected(server.url()),
    ):
        yield server.url()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder of its own as SHANGXIN_OUT."""
    use_settings(Settings(out=tmp_path / "out", shard_size=4))
    yield tmp_path
    use_settings(None)


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
