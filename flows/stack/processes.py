"""A named process with a log of its own that dies with this one."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.errors import ConfigurationError

STOP_SECONDS = 30
# What the kernel calls a process's parent, when it ends, is the thread that started it: one that lasts.
_STARTER = ThreadPoolExecutor(1, "starter")


def whole_environment(own: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `own` on top, and nothing of another Prefect in it."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}, **own}


class Service:
    """One process of the stack; may be stopped, killed and started again with the same command."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        user: str = "",
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name, self._command, self._stop_signal = name, list(command), stop_signal
        self.log = folder / f"{name}.log"
        self._environment = whole_environment(environment or {})
        self._user = user or "-"
        self._process: subprocess.Popen[bytes] | None = None
        self.wanted = False  # started, and not told to end since

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Once more after its end as well; `environment` is for this life alone, on top of its own."""
        tether = [sys.executable, "-m", "flows.stack.tether", self._stop_signal.name, self._user]
        self.wanted = True
        with self.log.open("ab") as sink:
            self._process = _STARTER.submit(
                subprocess.Popen,
                [*tether, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**self._environment, **(environment or {})},
                start_new_session=True,
            ).result()

    def stop(self) -> int:
        """Ask it to end, and make it where it does not; its exit code."""
        self.wanted = False
        if self._process is None:
            return 0
        if self.alive:
            self._process.send_signal(self._stop_signal)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """As a crash would: no chance to say anything."""
        self.wanted = False
        if self._process is None:
            return 0
        self._process.kill()
        return self._process.wait()

    def check(self) -> None:
        """ConfigurationError with the end of its log where it has ended."""
        if not self.alive:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise ConfigurationError(f"{self.name} ended; its log {self.log} ends with:\n{tail}")
