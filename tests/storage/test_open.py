"""Addresses of local files and folders."""

from pathlib import Path

import pytest

from tasks.errors import ConfigurationError, StorageError
from tasks.storage.local import LocalStore
from tasks.storage.open import open_binary, open_store, read_bytes


def test_a_path_opens_a_local_store(tmp_path: Path) -> None:
    for uri in (str(tmp_path), tmp_path.as_uri()):
        store = open_store(uri)
        assert isinstance(store, LocalStore)
        assert store.uri == str(tmp_path)


def test_a_store_follows_no_later_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("out")
    monkeypatch.chdir("/")
    store.put("a", b"x", content_type="text/csv")
    assert (tmp_path / "out/a").read_bytes() == b"x"


@pytest.mark.parametrize("uri", ["gs://bucket/x", "http://user:hunter2@host/x", "ftp://x"])
def test_another_scheme_is_refused_without_repeating_its_password(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="not supported") as caught:
        open_store(uri)
    assert "hunter2" not in str(caught.value)


def test_a_local_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "杯子 1.png"
    file.write_bytes(b"x" * 100)
    assert read_bytes(str(file), max_bytes=100) == b"x" * 100
    assert read_bytes(file.as_uri(), max_bytes=100) == b"x" * 100
    with pytest.raises(StorageError, match="larger than 99 bytes"):
        read_bytes(str(file), max_bytes=99)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        open_binary(str(tmp_path / "none.csv"))
    with pytest.raises(StorageError, match="not a file"):
        open_binary(str(tmp_path))
