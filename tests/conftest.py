"""Shared by all tests: Prefect never touches the user's home."""

import tempfile
from pathlib import Path

from flows.environment import keep_prefect_at

# before any test module imports Prefect; one home per test session
keep_prefect_at(Path(tempfile.mkdtemp(prefix="shangxin-prefect-")))
