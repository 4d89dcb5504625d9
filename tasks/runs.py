"""Names of runs, and who renders for them."""

import datetime as dt
import os
import re
import secrets
import socket

import psutil

from tasks.errors import ConfigurationError

RUN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def new_run_id() -> str:
    """Sortable by time, distinct when two runs start in one second."""
    now = dt.datetime.now(dt.UTC)
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def check_run_id(run_id: str) -> str:
    """The name itself, or ConfigurationError where it could not be part of a key: it comes from a run's parameters."""
    if not RUN_ID.fullmatch(run_id):
        raise ConfigurationError(
            f"run id {run_id[:80]!r}: expected at most 128 letters, digits, '.', '_' and '-'. Leave it out."
        )
    return run_id


def run_id_of(began: dt.datetime, identity: str) -> str:
    """The run id of what has an identity of its own: doing it again goes on with the same run."""
    return f"{began.astimezone(dt.UTC):%Y%m%d-%H%M%S}-{identity.replace('-', '')[:6]}"


def this_process() -> str:
    """host:pid:start of this process: a name that no other process has, not even a later one with the same pid."""
    return owner_name(os.getpid())


def owner_name(pid: int) -> str:
    """What `this_process` is to a process of this machine."""
    return f"{socket.gethostname()}:{pid}:{psutil.Process(pid).create_time():.2f}"


def died_here(owner: str) -> bool:
    """True where the owner was a process of this machine that is gone. Of other machines nothing is known: False."""
    host, _, rest = owner.partition(":")
    pid, _, started = rest.partition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != started or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
