"""Runs that are interrupted and killed as people and machines do it: real processes, real signals."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import psutil
import pytest

from flows.campaign import produce_campaign
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.manifest import comparable, read_manifest
from tasks.settings import PROJECT, Settings, use_settings
from tasks.workplace import open_workplace

PRODUCTS = 6
SCENES = ("white-studio", "wood-morning")
MODEL = "sleep-150ms"
FLAT_TAKES = 3  # the sleeper's flat ground is blank: two repairs, then a person
PATIENCE_SECONDS = 120.0


class Ended(NamedTuple):
    """How one run of the command ended, and what the ledger and the store held then."""

    code: int
    said: str
    children: int
    orphans: int
    jobs: dict[str, tuple[str, int, int]]  # job_id -> state, attempt, failures
    masters: dict[str, int]  # key -> when it was written, ns


class Story(NamedTuple):
    """One campaign in one folder: interrupted, killed, finished, asked for once more."""

    interrupted: Ended
    killed: Ended
    finished: Ended
    again: Ended
    manifest: list[dict[str, Any]]


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("goods")
    rows = ["sku,title,image,category"]
    for number in range(PRODUCTS):
        picture = np.zeros((200, 160, 4), np.uint8)
        cv2.ellipse(picture, (80, 100), (55, 80), 0, 0, 360, (40 + 30 * number, 200 - 20 * number, 60, 255), -1)
        cv2.imwrite(str(folder / f"p{number}.png"), picture)
        rows.append(f"S-{number},杯{number},p{number}.png,drinkware")
    path = folder / "goods.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def story(goods: Path, small_templates: Path, warm_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    out = tmp_path_factory.mktemp("disturbed") / "out"
    shutil.copytree(warm_home, out / ".prefect")
    start = lambda: Run(goods, out, small_templates)  # noqa: E731
    interrupted = start().interrupt(after=2)
    killed = start().kill(after=5)
    finished = start().end()
    again = start().end()
    manifest = [comparable(line) for line in read_manifest(the_manifest(out).read_bytes())]
    return Story(interrupted, killed, finished, again, manifest)


class Run:
    """`python -m flows run` in a process group of its own, as a terminal starts it."""

    def __init__(self, goods: Path, out: Path, templates: Path) -> None:
        self._out = out
        arguments = ["run", str(goods), "--scenes", ",".join(SCENES), "--placements", "taobao-main", "--model", MODEL]
        environment = {"SHANGXIN_OUT": str(out), "SHANGXIN_TEMPLATES": str(templates), "PYTHONPATH": str(PROJECT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows", *arguments],
            env={**os.environ, **environment},
            cwd=out.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 a shell's `&` ignores it
        )

    def interrupt(self, *, after: int) -> Ended:
        """Ctrl-C reaches everything in the terminal's foreground group, once `after` jobs are done."""
        children = self._wait_for(after)
        os.killpg(self._process.pid, signal.SIGINT)
        return self.end(children)

    def kill_server(self, *, after: int) -> Ended:
        """Prefect's server dies, the run does not."""
        children = self._wait_for(after)
        (server,) = [child for child in children if "flows.embedded" in child.cmdline()]
        server.kill()
        return self.end(children)

    def kill(self, *, after: int) -> Ended:
        children = self._wait_for(after)
        self._process.kill()
        return self.end(children)

    def end(self, children: Sequence[psutil.Process] = ()) -> Ended:
        said, _ = self._process.communicate(timeout=PATIENCE_SECONDS)
        _, orphans = psutil.wait_procs(children, timeout=10)
        jobs, masters = jobs_of(self._out), masters_of(self._out)
        return Ended(self._process.returncode, said, len(children), len(orphans), jobs, masters)

    def _wait_for(self, done: int) -> list[psutil.Process]:
        """The run's own children, Prefect's server among them, once so many jobs are done."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if sum(state == "done" for state, _, _ in jobs_of(self._out).values()) >= done:
                return psutil.Process(self._process.pid).children(recursive=True)
            time.sleep(0.02)
        raise AssertionError(f"the run ended before {done} jobs were done: {self.end().said}")


def jobs_of(out: Path) -> dict[str, tuple[str, int, int]]:
    try:
        with closing(sqlite3.connect(f"file:{out / 'ledger.db'}?mode=ro", uri=True)) as ledger:
            rows = ledger.execute("SELECT job_id, state, attempt, failures FROM job").fetchall()
    except sqlite3.OperationalError:
        return {}  # not made yet
    return {job_id: (state, attempt, failures) for job_id, state, attempt, failures in rows}


def masters_of(out: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (out / "masters").rglob("*.png")}


def the_manifest(out: Path) -> Path:
    (path,) = (out / "runs").glob("*/manifest.jsonl")
    return path


def done_in(ended: Ended) -> set[str]:
    return {job_id for job_id, (state, _, _) in ended.jobs.items() if state == "done"}


def test_ctrl_c_ends_a_run_in_plain_words(story: Story) -> None:
    interrupted = story.interrupted
    assert interrupted.code == 130
    assert "stopped" in interrupted.said
    assert "Traceback" not in interrupted.said
    assert interrupted.orphans == 0
    assert 0 < len(done_in(interrupted)) < len(interrupted.jobs)


def test_ctrl_c_gives_every_lease_back_without_blame(story: Story) -> None:
    states = {state for state, _, _ in story.interrupted.jobs.values()}
    assert states == {"done", "ready"}
    assert all(failures == 0 for _, _, failures in story.interrupted.jobs.values())


def test_a_killed_run_leaves_leases_and_no_server(story: Story) -> None:
    killed = story.killed
    assert killed.code == -signal.SIGKILL
    assert "leased" in {state for state, _, _ in killed.jobs.values()}
    assert killed.children > 0
    assert killed.orphans == 0


def test_the_next_run_finishes_what_was_killed_and_renders_nothing_twice(story: Story) -> None:
    assert story.finished.code == 0, story.finished.said
    assert len(done_in(story.finished)) == PRODUCTS * len(SCENES)
    for earlier in (story.interrupted, story.killed):
        for job_id in done_in(earlier):
            assert story.finished.jobs[job_id] == earlier.jobs[job_id]
            master = f"{job_id}-0"
            assert story.finished.masters[master] == earlier.masters[master]
    assert len(story.finished.masters) == PRODUCTS * (1 + FLAT_TAKES)


def test_a_run_outlives_its_prefect_server(goods: Path, small_templates: Path, warm_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(warm_home, out / ".prefect")

    ended = Run(goods, out, small_templates).kill_server(after=2)

    assert ended.code == 0, ended.said
    assert len(done_in(ended)) == PRODUCTS * len(SCENES)
    assert {attempt for _, attempt, _ in ended.jobs.values()} == {1, FLAT_TAKES}  # one lease a take
    assert the_manifest(out).exists()
    assert ended.orphans == 0


def test_its_manifest_equals_that_of_an_undisturbed_run(
    story: Story, goods: Path, small_templates: Path, tmp_path: Path
) -> None:
    use_settings(Settings(out=tmp_path / "out", templates=small_templates))
    brief = CampaignBrief(catalog=str(goods), scenes=SCENES, placements=("taobao-main",), model=MODEL)
    produce_campaign(brief, "undisturbed")
    store = open_workplace().store
    use_settings(None)

    undisturbed = [comparable(line) for line in read_manifest(store.get(manifest_key("undisturbed")))]
    assert len(undisturbed) == PRODUCTS * len(SCENES)
    assert story.manifest == undisturbed


def test_once_more_renders_nothing_and_says_so(story: Story) -> None:
    assert story.again.code == 0
    assert "Nothing to render" in story.again.said
    assert story.again.masters == story.finished.masters
    assert story.again.jobs == story.finished.jobs
