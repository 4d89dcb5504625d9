"""A PostgreSQL of the stack's own, where its binaries are on this machine."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from flows.stack.processes import Service
from tasks.errors import ConfigurationError

DEBIAN = Path("/usr/lib/postgresql")
USER = "shangxin"


def find_postgres() -> Path | None:
    """The folder with `initdb` and `postgres`: on PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next(iter(sorted(DEBIAN.glob("*/bin"), reverse=True)), None)


def postgres_service(binaries: Path, folder: Path, port: int) -> Service:
    """The server, its data made where there is none. It refuses to be root, so root lends it `nobody`."""
    user = "nobody" if os.geteuid() == 0 else ""
    data = folder / "data"
    if not data.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if user:
            shutil.chown(folder, user, "nogroup")
        command = [binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8"]
        as_user = {"user": user, "group": "nogroup", "extra_groups": []} if user else {}
        made = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", **as_user)  # type: ignore[call-overload]  # noqa: S603
        if made.returncode:
            raise ConfigurationError(f"initdb failed in {folder}: {made.stderr.strip()}")
    command_line = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-k", str(folder)]
    return Service("postgres", [*command_line, *options], folder=folder.parent, user=user, stop_signal=signal.SIGINT)
