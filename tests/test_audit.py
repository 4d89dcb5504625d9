"""Known vulnerabilities of what is pinned; needs the advisory database, so it is skipped where that is out of reach."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.settings import PROJECT

OUT_OF_REACH = ("ConnectionError", "Max retries", "Temporary failure", "timed out", "ServiceError", "ProxyError")
KNOWN_BAD = "jinja2==2.10"  # PYSEC-2019-217 and others: whoever does not know it knows nothing
# Known, judged, and why it may stay: advisory -> reason.
ACCEPTED: dict[str, str] = {}


def audit(pins: list[str], folder: Path) -> dict[str, list[str]]:
    """Advisories by package; skips the test where nobody can be asked."""
    file = folder / "pins.txt"
    file.write_text("\n".join(pins), encoding="utf-8")
    command = [sys.executable, "-m", "pip_audit", "-r", str(file), "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", "--timeout", "15"], capture_output=True, text=True, check=False
    )
    if not done.stdout.startswith("{"):
        assert any(sign in done.stderr for sign in OUT_OF_REACH), done.stderr
        pytest.skip(f"the advisory database is out of reach: {done.stderr.strip().splitlines()[-1][:200]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return {
        f"{each['name']} {each['version']}": [one["id"] for one in each["vulns"]] for each in found if "vulns" in each
    }


@pytest.mark.slow
def test_no_pinned_dependency_has_a_known_vulnerability(tmp_path: Path) -> None:
    if not any(audit([KNOWN_BAD], tmp_path).values()):
        pytest.skip(f"the index that can be reached knows no advisories, not even those of {KNOWN_BAD}")
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if "==" in line and not line.startswith("#")]
    audited = audit(pins, tmp_path)
    assert len(audited) > len(pins) * 0.9
    known = {f"{package}: {each}" for package, ids in audited.items() for each in ids if each not in ACCEPTED}
    assert known == set()
