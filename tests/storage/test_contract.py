"""What every store promises, asked of every store."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.errors import StorageError, StorageUnavailable
from tasks.storage.base import ObjectStore, StoredObject

KEY = "masters/A-1/0123456789abcdef0123-0.png"
HARD_KEYS = [
    "masters/%E6%9D%AF%E5%AD%90/a-0.png",
    "masters/杯子 白色/a-0.png",
    "renditions/taobao+1/%2E%2E/x&y=1?.jpg",
    "runs/夜/report #1.html",
    "~tilde/$dollar'quote\"/emoji-🫖.webp",
]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_put_object_reads_back_with_its_checksum(store: ObjectStore) -> None:
    stored = store.put(KEY, b"pixels", content_type="image/png")
    assert stored == StoredObject(KEY, sha256(b"pixels"), 6)
    assert store.get(KEY) == b"pixels"
    assert store.head(KEY) == stored
    assert store.exists(KEY)


def test_an_object_outlives_the_store_that_wrote_it(make_store: Callable[[], ObjectStore]) -> None:
    make_store().put(KEY, b"pixels", content_type="image/png")
    assert make_store().get(KEY) == b"pixels"


def test_putting_the_same_bytes_again_is_harmless(store: ObjectStore) -> None:
    first = store.put(KEY, b"pixels", content_type="image/png")
    assert store.put(KEY, b"pixels", content_type="image/png") == first
    assert list(store.keys()) == [KEY]


def test_putting_other_bytes_replaces_the_object_whole(store: ObjectStore) -> None:
    store.put(KEY, b"a long first version", content_type="image/png")
    store.put(KEY, b"short", content_type="image/png")
    assert store.get(KEY) == b"short"
    assert store.head(KEY) == StoredObject(KEY, sha256(b"short"), 5)


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put(KEY, b"", content_type="text/csv")
    assert store.exists(KEY)
    assert store.get(KEY) == b""


def test_a_missing_object_is_told_apart_from_an_empty_one(store: ObjectStore) -> None:
    assert not store.exists(KEY)
    assert store.head(KEY) is None
    with pytest.raises(StorageError, match="no object") as caught:
        store.get(KEY)
    assert KEY in str(caught.value)
    assert not isinstance(caught.value, StorageUnavailable)


def test_a_folder_is_not_an_object(store: ObjectStore) -> None:
    store.put(KEY, b"pixels", content_type="image/png")
    assert not store.exists("masters/A-1")
    assert store.head("masters/A-1") is None
    with pytest.raises(StorageError, match="no object"):
        store.get("masters/A-1")


def test_delete_leaves_nothing_whether_it_was_there_or_not(store: ObjectStore) -> None:
    store.put(KEY, b"pixels", content_type="image/png")
    store.delete(KEY)
    store.delete(KEY)
    assert not store.exists(KEY)
    assert list(store.keys()) == []


def test_keys_lists_by_prefix_even_in_the_middle_of_a_name(store: ObjectStore) -> None:
    for key in ["masters/A-1/x.png", "masters/A-2/x.png", "masters/B/x.png", "runs/1/manifest.jsonl"]:
        store.put(key, b"1", content_type="image/png")
    assert sorted(store.keys("masters/A")) == ["masters/A-1/x.png", "masters/A-2/x.png"]
    assert sorted(store.keys("masters/A-1/")) == ["masters/A-1/x.png"]
    assert len(list(store.keys())) == 4
    assert list(store.keys("nothing/here")) == []


@pytest.mark.parametrize("key", HARD_KEYS)
def test_chinese_percent_and_punctuation_survive_in_keys(store: ObjectStore, key: str) -> None:
    store.put(key, key.encode(), content_type="application/octet-stream")
    assert store.get(key) == key.encode()
    assert list(store.keys()) == [key]
    assert list(store.keys(key[:-2])) == [key]


@pytest.mark.parametrize(
    "key",
    [
        *("", "/etc/passwd", "../outside", "a/../../b", "a//b", "a/./b", "a/", "a\\b", "a\0b", "a\nb", "\ud800/x"),
        *("a/" + "x" * 256, "杯" * 86, "/".join(["x" * 200] * 6), ".part-0123", "a/.part-0123"),
    ],
)
def test_a_key_that_could_leave_the_store_or_not_fit_is_refused(store: ObjectStore, key: str) -> None:
    for use in (store.get, store.exists, store.head, store.delete):
        with pytest.raises(StorageError, match="key"):
            use(key)
    with pytest.raises(StorageError, match="key"):
        store.put(key, b"x", content_type="image/png")


def test_listing_refuses_a_prefix_that_leaves_the_store(store: ObjectStore) -> None:
    with pytest.raises(StorageError, match="key"):
        list(store.keys("../"))


def test_a_large_object_comes_back_bit_for_bit(store: ObjectStore) -> None:
    data = bytes(range(256)) * (12 << 12)  # 12 MiB
    assert store.put(KEY, data, content_type="image/png").bytes == len(data)
    assert sha256(store.get(KEY)) == sha256(data)


def test_a_file_is_put_as_its_bytes_are(store: ObjectStore, tmp_path: Path) -> None:
    data = b"one line a job\n" * 200_000  # 3 MB
    (tmp_path / "manifest.jsonl").write_bytes(data)
    stored = store.put_file("runs/r/manifest.jsonl", tmp_path / "manifest.jsonl", content_type="application/jsonl")
    assert stored == StoredObject("runs/r/manifest.jsonl", sha256(data), len(data)) == store.head(stored.key)
    assert store.get(stored.key) == data
    with pytest.raises(StorageError, match=r"none\.jsonl"):
        store.put_file("runs/r/none.jsonl", tmp_path / "none.jsonl", content_type="application/jsonl")
    with pytest.raises(StorageError, match="key"):
        store.put_file("../manifest.jsonl", tmp_path / "manifest.jsonl", content_type="application/jsonl")


def test_many_writers_of_many_keys_lose_nothing(store: ObjectStore) -> None:
    keys = [f"masters/{number % 4}/{number}.png" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, key.encode(), content_type="image/png"), keys))
    assert sorted(store.keys()) == sorted(keys)
    assert all(store.get(key) == key.encode() for key in keys)


def test_writers_of_one_key_leave_one_whole_version(store: ObjectStore) -> None:
    versions = [bytes([number]) * 200_000 for number in range(8)]

    def put(data: bytes) -> None:
        with suppress(StorageUnavailable):  # overtaken between write and check: allowed to say so, not to mix
            store.put(KEY, data, content_type="image/png")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, versions))
    assert store.get(KEY) in versions


def test_a_store_says_where_it_is_and_never_its_secrets(store: ObjectStore) -> None:
    assert store.uri in repr(store)
    assert "planted" not in repr(store) + store.uri + repr(vars(store))
