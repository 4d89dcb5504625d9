import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["modelset", "presets", "tuning", "sleeping", "staging", "job", "renderer", "tiers", "checkpoints.verify"]
)
def test_what_planning_needs_does_not_import_torch(module: str) -> None:
    code = f"import sys, tasks.rendering.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
