"""The embedded Prefect server: started for one run, tied to its life, in a home of its own."""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tasks.errors import ConfigurationError, OrchestrationError

NEEDED_MB = 32  # a fresh home with its journal takes six
RESTARTS = 3  # of a server that dies in the middle of a run
WATCH_SECONDS = 0.5
EVENTS_SECONDS = 60.0  # for what a dead server left in the queue


def free_port() -> int:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedServer:
    """A Prefect server of our own on a free loopback port: starting at once, awaited when its address is needed.

    A fresh home is migrated first, which takes 15-20 s on a slow machine: hence a generous `start_seconds`, and a
    start that other work can go on beside.
    """

    def __init__(self, home: Path, *, start_seconds: float) -> None:
        self._log = home / "server.log"
        self._deadline = time.monotonic() + start_seconds
        self._start_seconds = start_seconds
        self._url = ""
        self._port = free_port()
        self._log.unlink(missing_ok=True)
        self._process = self._start()
        self._restarted = False
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="server-keeper", daemon=True)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flows.embedded", "--port", str(self._port)]
        with self._log.open("ab") as sink:
            # the child watches its standard input: when this process dies, however it dies, the pipe closes. A session
            # of its own keeps a terminal's Ctrl-C from it: the run that is stopping still has things to tell it.
            return subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=sink, stderr=sink, start_new_session=True
            )

    def url(self) -> str:
        """The API's address, once it answers; ConfigurationError with the end of its log where it does not."""
        if not self._url:
            url = f"http://127.0.0.1:{self._port}/api"
            self._await_health(url)
            self._url = url
            self._keeper.start()
        return self._url

    def _keep(self) -> None:
        """Start a server that died again, at the same address: the run's calls are repeated until it answers."""
        for _ in range(RESTARTS):
            while not self._stopping.wait(WATCH_SECONDS):
                if self._process.poll() is not None:
                    break
            if self._stopping.is_set():
                return
            self._deadline = time.monotonic() + self._start_seconds
            self._process = self._start()
            self._restarted = True

    def explain(self, error: Exception) -> OrchestrationError:
        """What a failed call to the server meant: it died, or it is there and refused."""
        ended = self._process.poll()
        found = str(error) or type(error).__name__ if ended is None else f"it ended with code {ended}"
        return OrchestrationError(
            f"the embedded Prefect server failed during the run: {found}. Its log: {self._log}. "
            "What was finished is kept; the same command goes on from here."
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._stopping.set()
        if self._keeper.ident:
            self._keeper.join()
        if self._restarted and self._process.poll() is None:
            self._let_events_through()
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _let_events_through(self) -> None:
        """Wait for a server that is just coming back: Prefect tries each event for seconds where nobody listens, and
        would do so for all that are queued, long after the run is done."""
        from prefect.events.worker import EventsWorker

        with contextlib.suppress(ConfigurationError):
            self._await_health(self._url)
            threads = [threading.Thread(target=one.wait_until_empty, daemon=True) for one in _workers(EventsWorker)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=EVENTS_SECONDS)

    def __enter__(self) -> "EmbeddedServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: object) -> None:
        self.stop()

    def _await_health(self, url: str) -> None:
        with httpx.Client(trust_env=False, timeout=5) as client:
            while self._process.poll() is None and time.monotonic() < self._deadline:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{url}/health").status_code == httpx.codes.OK:
                        return
                time.sleep(0.1)
        ended = self._process.poll()
        found = "it did not answer" if ended is None else f"it ended with code {ended}"
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        free = shutil.disk_usage(self._log.parent).free
        full = f"Only {free / 2**20:.0f} MB are free there; it needs {NEEDED_MB}.\n" if free < NEEDED_MB * 2**20 else ""
        raise ConfigurationError(
            f"the embedded Prefect server did not start within {self._start_seconds:.0f} s: {found}. "
            f"Its log {self._log} ends with:\n{tail}\n{full}"
            "More time: SHANGXIN_PREFECT_START_SECONDS. Wrong packages: install again with -c constraints.txt."
        )


@contextlib.contextmanager
def connected(url: str) -> Iterator[None]:
    """Point this process's Prefect client at `url`, without the heartbeat thread that costs a second per flow run."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def _workers(kind: type[Any]) -> list[Any]:
    """The services of a kind that Prefect has running in this process."""
    return [one for one in kind._instances.values() if isinstance(one, kind)]  # there is no public way


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def serve(port: int) -> None:
    """Run the server in this process until standard input closes."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve Prefect's API on loopback until standard input closes.")
    parser.add_argument("--port", type=int, required=True)
    serve(parser.parse_args().port)
