"""A folder's own troubles: killed writers, full disks, missing rights."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import StorageError, StorageUnavailable
from tasks.storage.local import LocalStore

KEY = "masters/A-1/x.png"


def leave_part(store: LocalStore, *, age_seconds: float) -> Path:
    part = store.folder / "masters/A-1/.part-0123"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"half")
    os.utime(part, (time.time() - age_seconds,) * 2)
    return part


def test_opening_a_store_makes_no_folder(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "later")
    assert list(store.keys()) == []
    assert not store.exists(KEY)
    assert not (tmp_path / "later").exists()


def test_leftovers_of_a_killed_write_are_no_keys_and_go_with_the_next_write(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    part = leave_part(store, age_seconds=7200)
    assert list(store.keys()) == []
    store.put(KEY, b"whole", content_type="image/png")
    assert not part.exists()


def test_a_write_in_progress_is_left_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    part = leave_part(store, age_seconds=10)
    store.put(KEY, b"whole", content_type="image/png")
    assert part.exists()
    assert list(store.keys()) == [KEY]


def test_sweep_counts_what_it_removes(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    leave_part(store, age_seconds=10)
    assert store.sweep() == 0
    assert store.sweep(older_than_seconds=1) == 1


def test_a_writer_killed_at_any_moment_leaves_the_old_object_or_the_new_one(tmp_path: Path) -> None:
    store, size = LocalStore(tmp_path), 200_000
    code = f"""
        from tasks.storage.local import LocalStore
        store, number = LocalStore({str(tmp_path)!r}), 0
        while True:
            store.put({KEY!r}, bytes([number % 256]) * {size}, content_type="image/png")
            number += 1
            print(number, flush=True)
    """
    for pause in (0.0, 0.003, 0.007):
        writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
        assert writer.stdout
        writer.stdout.readline()
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        data = store.get(KEY)
        assert len(data) == size
        assert len(set(data)) == 1
    assert list(store.keys()) == [KEY]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB, where this user may mount one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root; the file size limit below tests the same path")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs is not allowed in this container")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_says_so_and_leaves_no_half_object(tiny_disk: Path) -> None:
    store = LocalStore(tiny_disk)
    store.put(KEY, b"old", content_type="image/png")
    with pytest.raises(StorageError, match="free some space") as caught:
        store.put(KEY, b"x" * (2 << 20), content_type="image/png")
    assert not isinstance(caught.value, StorageUnavailable)
    assert store.get(KEY) == b"old"
    assert [path.name for path in tiny_disk.rglob("*") if path.is_file()] == ["x.png"]


def test_a_file_size_limit_leaves_no_half_object(tmp_path: Path) -> None:
    store, limits = LocalStore(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StorageError, match="free some space"):
            store.put(KEY, b"x" * 300_000, content_type="image/png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert list(tmp_path.rglob("*")) == [tmp_path / "masters", tmp_path / "masters/A-1"]


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root may write anywhere; become nobody for a moment."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_without_rights_names_the_way_out() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with as_ordinary_user(), pytest.raises(StorageError, match="access to the folder") as caught:
            LocalStore(folder).put(KEY, b"x", content_type="image/png")
    assert "Permission denied" in str(caught.value)


def test_a_file_in_the_place_of_a_folder_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "masters").write_text("a file")
    store = LocalStore(tmp_path)
    assert not store.exists(KEY)
    with pytest.raises(StorageError, match="masters/A-1"):
        store.put(KEY, b"x", content_type="image/png")
