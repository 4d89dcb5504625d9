"""Serving the approval page: on this machine alone, or with a token."""

import getpass
import ipaddress
import secrets
import socket

import uvicorn
from rich.console import Console

from flows.approval.app import make_app
from tasks.errors import ConfigurationError
from tasks.workplace import Workplace

SHORTEST_TOKEN = 16


def serve_review(workplace: Workplace, console: Console, *, host: str, port: int, run_id: str, who: str) -> None:
    """Serve until interrupted; ConfigurationError where there is nothing to review or the address is taken."""
    if workplace.ledger.last_run() is None:
        raise ConfigurationError(f"{workplace.ledger.name} knows no run yet. Render first: shangxin run CATALOGUE.")
    if run_id:
        workplace.ledger.run(run_id)  # LedgerError names the run that is not there
    token = None if is_loopback(host) else chosen_token(workplace)
    listener = _listen(host, port)
    app = make_app(workplace, run_id=run_id, who=who or _user(), token=token)
    shown = f"[{host}]" if ":" in host else host
    enter = f"/enter?token={token}" if token else "/"
    console.print(f"审片 Review: http://{shown}:{listener.getsockname()[1]}{enter}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C 结束 to stop", style="dim")
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws="none")
    uvicorn.Server(config).run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """True where only this machine can connect."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def chosen_token(workplace: Workplace) -> str:
    """The token of the settings, else a fresh one of 192 random bits."""
    setting = workplace.settings.review_token
    if setting is None:
        return secrets.token_urlsafe(24)
    token = setting.get_secret_value()
    if len(token) < SHORTEST_TOKEN:
        raise ConfigurationError(
            f"SHANGXIN_REVIEW_TOKEN has {len(token)} characters; give at least {SHORTEST_TOKEN}, or none."
        )
    return token


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ConfigurationError(f"{host}:{port}: {error.strerror or error}. Choose another with --port.") from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
