"""References lead to checked pictures inside the catalogue's folder, or nowhere."""

import hashlib
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tasks.catalog import images as module
from tasks.catalog.images import ImageResolver
from tasks.catalog.picture import ImageLimits
from tasks.errors import CatalogError, CellError, ImageError


def png(color: str = "red", size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "catalogue"
    (inside / "images").mkdir(parents=True)
    (inside / "images/a.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png("blue"))
    return inside


class Bucket:
    """An S3 stand-in that counts what it is asked for."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects, self.asked = objects, []  # type: ignore[var-annotated]

    def __call__(self, address: str) -> bytes:
        self.asked.append(address)
        if address not in self.objects:
            raise ImageError(f"missing: {address}")
        return self.objects[address]


def test_a_picture_inside_the_folder_is_digested_and_read(folder: Path) -> None:
    resolver = ImageResolver(folder)
    for reference in ("images/a.png", "images\\a.png", "./images/../images/a.png"):
        assert resolver.digest(reference) == hashlib.sha256(png()).hexdigest()
        assert resolver.read(reference) == png()


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.png", "images/../../secret.png", "..\\secret.png", "/etc/passwd", "\\\\server\\share\\a.png",
        "link.png",
        "linked/secret.png", "C:\\a.png", "file:///etc/passwd", "ftp://host/a.png", "a\0.png", "s3://bucket/a.png",
    ],
)  # fmt: skip
def test_a_way_out_of_the_folder_is_refused(folder: Path, reference: str) -> None:
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "linked").symlink_to(folder.parent, target_is_directory=True)
    with pytest.raises(CellError) as caught:
        ImageResolver(folder).digest(reference)
    assert caught.value.column == "image"


def test_a_link_that_stays_inside_is_followed(folder: Path) -> None:
    (folder / "link.png").symlink_to(folder / "images/a.png")
    assert ImageResolver(folder).read("link.png") == png()


@pytest.mark.parametrize("reference", ["none.png", "images", "loop.png", "n" * 300 + ".png", "fifo.png"])
def test_what_is_no_file_is_an_image_error(folder: Path, reference: str) -> None:
    (folder / "loop.png").symlink_to(folder / "loop.png")
    os.mkfifo(folder / "fifo.png")
    with pytest.raises(ImageError):
        ImageResolver(folder).digest(reference)


def test_a_file_over_the_limit_is_not_read_whole(folder: Path) -> None:
    with pytest.raises(ImageError, match="over 100 bytes"):
        ImageResolver(folder, limits=ImageLimits(max_bytes=100)).digest("images/a.png")


def test_each_picture_is_read_and_checked_once() -> None:
    bucket = Bucket({"s3://shop/tonight/a.png": png()})
    resolver = ImageResolver("s3://shop/tonight/", open_s3=bucket)
    found = [resolver.digests(["a.png", "none.png", "a.png"]) for _ in range(3)]
    assert found[0]["a.png"] == hashlib.sha256(png()).hexdigest()
    assert isinstance(found[2]["none.png"], CatalogError)
    assert sorted(bucket.asked) == ["s3://shop/tonight/a.png", "s3://shop/tonight/none.png"]


def test_a_remote_folder_is_not_left_either() -> None:
    bucket = Bucket({})
    with pytest.raises(CellError, match="outside"):
        ImageResolver("s3://shop/tonight", open_s3=bucket).digest("../other/a.png")
    assert bucket.asked == []


def test_a_remote_object_over_the_limit_is_refused() -> None:
    resolver = ImageResolver("s3://shop", open_s3=Bucket({"s3://shop/a.png": png()}), limits=ImageLimits(max_bytes=9))
    with pytest.raises(ImageError, match="too large"):
        resolver.digest("a.png")


def test_the_memory_of_digests_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED_REFERENCES", 3)
    resolver = ImageResolver(folder)
    resolver.digests([f"none-{number}.png" for number in range(10)])
    assert len(resolver._known) == 3
    assert resolver.digest("images/a.png")


def test_a_picture_that_changes_under_way_is_noticed(folder: Path) -> None:
    resolver = ImageResolver(folder)
    resolver.digest("images/a.png")
    (folder / "images/a.png").write_bytes(png("green"))
    with pytest.raises(ImageError, match="changed"):
        resolver.read("images/a.png")


def test_a_wrong_ending_is_noted_once(folder: Path) -> None:
    (folder / "b.jpg").write_bytes(png())
    notes: list[tuple[str, str]] = []
    resolver = ImageResolver(folder, on_note=lambda reference, note: notes.append((reference, note)))
    resolver.digest("b.jpg")
    resolver.digest("b.jpg")
    assert notes == [("b.jpg", "mislabelled: named .jpg, the content is PNG")]


def test_credentials_do_not_reach_the_error(folder: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        ImageResolver(folder).digest("https://user:secret@localhost/a.png?sig=token")
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)
