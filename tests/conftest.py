"""Shared by all tests: Prefect never touches the user's home, and real servers of their own."""

import tempfile
from pathlib import Path

from flows.environment import keep_prefect_at
from tests.moto_s3 import bucket, s3_access, s3_endpoint
from tests.postgres import postgres, postgres_url

__all__ = ["bucket", "postgres", "postgres_url", "s3_access", "s3_endpoint"]

# before any test module imports Prefect; one home per test session
keep_prefect_at(Path(tempfile.mkdtemp(prefix="shangxin-prefect-")))
