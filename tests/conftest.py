"""Shared by all tests: Prefect never touches the user's home, and real servers of their own."""

import os
import tempfile
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch and OpenCV: processes side by side, one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

import pytest
from hypothesis import settings

from flows.environment import keep_prefect_at
from tests.moto_s3 import bucket, s3_access, s3_endpoint
from tests.postgres import postgres, postgres_url

__all__ = ["bucket", "postgres", "postgres_url", "s3_access", "s3_endpoint"]

settings.register_profile("any-machine", deadline=None)  # how long an example takes is no assertion
settings.load_profile("any-machine")

LONGEST = ("flows", "rendering", "quality")

# before any test module imports Prefect; one home per test session
_HOME = tempfile.TemporaryDirectory(prefix="shangxin-prefect-", ignore_cleanup_errors=True)
keep_prefect_at(Path(_HOME.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose files take longest come first: a process that ends early then finds something left to do."""
    folders = [Path(__file__).parent / name for name in LONGEST]
    items.sort(key=lambda item: next((n for n, each in enumerate(folders) if each in item.path.parents), len(folders)))


def pytest_unconfigure() -> None:
    """The home goes with the session."""
    _HOME.cleanup()
