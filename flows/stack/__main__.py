"""`python -m flows.stack start|stop|run [folder]`: the stack in the background, its end, or in the foreground."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from rich.console import Console

from flows.stack.stack import READY_SECONDS, Stack
from tasks.errors import ShangxinError

FOLDER = Path("out/stack")
UI_PORT = 4200
STEP = "· "  # what the keeper says of its progress begins so
out = Console(highlight=False)


def run(folder: Path, agents: int, port: int, *, sqlite: bool) -> int:
    """Everything in this process's care until SIGTERM or Ctrl-C."""
    stack = Stack(folder, agents=agents, prefect_port=port, sqlite=sqlite, say=_tell)
    if not stack.binaries:
        why = "as asked for" if sqlite else "PostgreSQL is not on this machine (make system)"
        _tell(f"SQLite, which is for trying only: {why}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    note = folder / "stack.json"
    try:
        with stack:
            note.write_text(json.dumps({"pid": os.getpid(), "ui": stack.ui, "environment": stack.environment}))
            while True:
                for name in stack.revive():
                    out.print(f"{name} ended; started again")
                if not stack.review.alive:
                    stack.serve_review()
                time.sleep(2)
    finally:
        note.unlink(missing_ok=True)


def _tell(step: str) -> None:
    out.print(f"{STEP}{step}", soft_wrap=True)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def start(folder: Path, agents: int, port: int, *, sqlite: bool) -> int:
    """In the background; says what comes up, and returns when everything answers."""
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log, note = folder / "stack.log", folder / "stack.json"
    command = [sys.executable, "-m", "flows.stack", "run", str(folder), "--agents", str(agents), "--port", str(port)]
    command += ["--sqlite"] if sqlite else []
    with log.open("wb") as sink:
        keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True)  # noqa: S603
    deadline, told = time.monotonic() + 2 * READY_SECONDS, 0
    while not note.exists():
        told = _pass_on(log, told)
        if keeper.poll() is not None or time.monotonic() > deadline:
            out.print(f"The stack did not start; {log} ends with:", *log.read_text().splitlines()[-8:], sep="\n")
            return 2
        time.sleep(0.3)
    _pass_on(log, told)
    ui = json.loads(note.read_text())["ui"]
    out.print(f"上新 is up: {ui}  (Deployments → marketing → Run → Custom run)")
    out.print(f"logs: {folder}/*.log; make stack-stop ends it")
    return 0


def _pass_on(log: Path, told: int) -> int:
    """Print the keeper's steps after those that were told; how many there are now."""
    steps = [line for line in log.read_text().splitlines() if line.startswith(STEP)]
    for step in steps[told:]:
        out.print(step, soft_wrap=True)
    return len(steps)


def stop(folder: Path) -> int:
    """End a stack that runs in that folder, if one does."""
    note = folder / "stack.json"
    if not note.exists():
        return 0
    with suppress(psutil.NoSuchProcess):
        keeper = psutil.Process(json.loads(note.read_text())["pid"])
        if "flows.stack" in keeper.cmdline():
            keeper.terminate()
            psutil.wait_procs([keeper], timeout=90)
    note.unlink(missing_ok=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="A whole installation as plain processes on this machine.")
    parser.add_argument("what", choices=("start", "stop", "run"))
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--agents", type=int, default=2)
    parser.add_argument("--port", type=int, default=UI_PORT)
    parser.add_argument("--sqlite", action="store_true", help="even where PostgreSQL is on this machine")
    given = parser.parse_args()
    try:
        if given.what == "stop":
            return stop(given.folder)
        begin = {"start": start, "run": run}[given.what]
        return begin(given.folder, given.agents, given.port, sqlite=given.sqlite)
    except ShangxinError as error:
        out.print(str(error))
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
