"""`python -m flows.stack.tether SIGTERM USER command ...`: a command that gets that signal when its parent dies.

USER is who it runs as, "-" for whoever we are.
"""

import ctypes
import os
import pwd
import signal
import sys

SET_DEATH_SIGNAL = 1  # prctl(2)


def become(user: str) -> None:
    """For good; before `tie`, because the kernel forgets the death signal of a process that changes hands."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def tie(name: str, parent: int) -> None:
    """Ask the kernel to signal this process when its parent ends. Linux only: elsewhere the parent must do it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, int(getattr(signal, name)))
    if os.getppid() != parent:
        raise SystemExit(1)  # it died in between


if __name__ == "__main__":
    found = os.getppid()
    _, how, user, *command = sys.argv
    if user != "-":
        become(user)
    tie(how, found)
    os.execvp(command[0], command)  # noqa: S606
