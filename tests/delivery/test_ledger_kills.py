"""Real processes that die and freeze in the middle of their work."""

import signal
import subprocess
import sys
from pathlib import Path

from tasks.delivery.ledger import Ledger, open_ledger
from tasks.delivery.manifest import comparable, manifest_lines, read_manifest
from tests.delivery import renderer_process
from tests.delivery.small_jobs import plan

RUN = "2026-11-23"
JOBS = 60
LEASE_SECONDS = "1"


def begin(url: str) -> Ledger:
    ledger = open_ledger(url)
    ledger.begin_run(RUN, "{}")
    ledger.add_jobs(RUN, plan(JOBS))
    return ledger


def start_renderer(url: str, owner: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", renderer_process.__name__, url, RUN, owner, LEASE_SECONDS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def wait_until_it_holds_jobs(renderer: subprocess.Popen[str]) -> None:
    assert renderer.stdout
    assert any(line == "leased\n" for line in renderer.stdout)


def said(renderer: subprocess.Popen[str]) -> list[str]:
    output, _ = renderer.communicate(timeout=60)
    return output.split()


def test_whatever_dies_or_freezes_every_job_is_committed_exactly_once(url: str, tmp_path: Path) -> None:
    ledger = begin(url)
    killed, frozen = start_renderer(url, "killed"), start_renderer(url, "frozen")
    wait_until_it_holds_jobs(killed)
    killed.send_signal(signal.SIGKILL)
    wait_until_it_holds_jobs(frozen)
    survivor = start_renderer(url, "survivor")
    said(survivor)  # ends only when no job is left, those of the dead and the frozen included
    frozen.send_signal(signal.SIGCONT)

    assert "stale" in said(frozen)
    assert frozen.returncode == survivor.returncode == 0
    said(killed)
    assert ledger.counts(RUN).by_state == {"done": JOBS}
    assert ledger.spent(RUN) == JOBS
    assert ledger.expire() == (0, 0)
    assert manifest_of(ledger) == undisturbed_manifest(tmp_path)
    ledger.close()


def manifest_of(ledger: Ledger) -> list[dict[str, object]]:
    return [comparable(line) for line in read_manifest(manifest_lines(ledger.results(RUN)))]


def undisturbed_manifest(folder: Path) -> list[dict[str, object]]:
    url = f"sqlite:///{folder / 'undisturbed.db'}"
    ledger = begin(url)
    renderer_process.main(url, RUN, "only", "60")
    manifest = manifest_of(ledger)
    ledger.close()
    return manifest
