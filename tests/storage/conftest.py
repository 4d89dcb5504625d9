"""Stores of every kind, empty."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.storage.base import ObjectStore
from tasks.storage.local import LocalStore
from tasks.storage.s3 import S3Store
from tests.storage.faulty import FaultyStore


@pytest.fixture(params=["local", "s3", "faulty"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Opens the same store again at each call."""
    if request.param == "local":
        return lambda: LocalStore(tmp_path / "store")
    if request.param == "faulty":
        return lambda: FaultyStore(LocalStore(tmp_path / "store"))  # the tests' own, as long as no fault comes
    access, name = request.getfixturevalue("s3_access"), request.getfixturevalue("bucket")
    return lambda: S3Store(name, "shop/one", access=access)


@pytest.fixture
def store(make_store: Callable[[], ObjectStore]) -> ObjectStore:
    return make_store()
