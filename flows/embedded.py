"""The embedded Prefect server: started for one run, tied to its life, in a home of its own."""

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tasks.errors import ConfigurationError


def free_port() -> int:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def embedded_server(home: Path, *, start_seconds: float) -> Iterator[str]:
    """Start a Prefect server on a free loopback port and yield its API address; it ends with this process.

    A fresh home is migrated first, which takes 15-20 s on a slow machine: hence a generous `start_seconds`.
    Raises ConfigurationError with the end of the server's log where it does not come up.
    """
    log = home / "server.log"
    port = free_port()
    command = [sys.executable, "-m", "flows.embedded", "--port", str(port)]
    with log.open("wb") as sink:
        # the child watches its standard input: when this process dies, however it dies, the pipe closes
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sink, stderr=sink)  # noqa: S603
    try:
        url = f"http://127.0.0.1:{port}/api"
        _await_health(url, process, log, start_seconds)
        yield url
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_health(url: str, process: "subprocess.Popen[bytes]", log: Path, start_seconds: float) -> None:
    deadline = time.monotonic() + start_seconds
    with httpx.Client(trust_env=False, timeout=5) as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{url}/health").status_code == httpx.codes.OK:
                    return
            time.sleep(0.1)
    found = f"it ended with code {process.returncode}" if process.poll() is not None else "it did not answer"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise ConfigurationError(
        f"the embedded Prefect server did not start within {start_seconds:.0f} s: {found}. Its log {log} ends with:\n"
        f"{tail}\nMore time: SHANGXIN_PREFECT_START_SECONDS. Wrong packages: reinstall with -c constraints.txt."
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
