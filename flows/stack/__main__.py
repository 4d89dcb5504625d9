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
out = Console(highlight=False)


def run(folder: Path, agents: int, port: int) -> int:
    """Everything in this process's care until SIGTERM or Ctrl-C."""
    stack = Stack(folder, agents=agents, prefect_port=port)
    if not stack.binaries:
        out.print("PostgreSQL is not on this machine: SQLite instead, which is for trying only (make system).")
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


def _leave(*_: object) -> None:
    raise SystemExit(0)


def start(folder: Path, agents: int, port: int) -> int:
    """In the background; returns when everything answers."""
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log, note = folder / "stack.log", folder / "stack.json"
    command = [sys.executable, "-m", "flows.stack", "run", str(folder), "--agents", str(agents), "--port", str(port)]
    with log.open("wb") as sink:
        keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True)  # noqa: S603
    deadline = time.monotonic() + 2 * READY_SECONDS
    while not note.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            out.print(f"The stack did not start; {log} ends with:", *log.read_text().splitlines()[-8:], sep="\n")
            return 2
        time.sleep(0.3)
    told = json.loads(note.read_text())
    out.print(f"上新 is up: {told['ui']}  (Deployments → marketing → Run → Custom run)")
    out.print(f"logs: {folder}/*.log; make stack-stop ends it")
    return 0


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
    given = parser.parse_args()
    try:
        if given.what == "stop":
            return stop(given.folder)
        return {"start": start, "run": run}[given.what](given.folder, given.agents, given.port)
    except ShangxinError as error:
        out.print(str(error))
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
