"""Catalogues dropped into an inbox become campaigns. Events only say when to look; the inbox says what to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import flow, get_run_logger, runtime
from rich.console import Console

from flows.campaign import produce_campaign
from flows.embedded import EmbeddedServer, connected
from flows.environment import names_server, prefect_home
from tasks.confinement import confine, roots_of
from tasks.errors import CatalogError, ConfigurationError, ShangxinError, StorageError, TemplateError
from tasks.inbox import Desk, DropStatus
from tasks.settings import get_settings
from tasks.storage.arrivals import Arrival
from tasks.telemetry import DROPS
from tasks.workplace import open_workplace

SENDERS_FAULT = (CatalogError, ConfigurationError, TemplateError)  # trying again would find the same
MARKS = {"done": "green", "stopped": "yellow", "interrupted": "yellow", "failed": "red"}


@flow(name="watch-inbox", persist_result=False)
def watch_inbox(inbox: str = "") -> list[dict[str, Any]]:
    """Produce every whole catalogue that waits in the inbox, oldest first; returns what became of each.

    Args:
        inbox: 收件目录 s3://bucket/prefix, or a folder; empty: SHANGXIN_INBOX.
    """
    if inbox and runtime.deployment.id:
        confine(inbox, roots_of(get_settings(), deployed=True))
    desk = Desk(open_workplace(), inbox)
    outcomes = []
    with desk.attending(desk.receive(wait_seconds=0)):
        for arrival in desk.whole():
            outcome = take_drop(desk, arrival)
            if outcome:
                DROPS.labels(outcome.state).inc()
                outcomes.append(outcome.model_dump(mode="json"))
    return outcomes


def take_drop(desk: Desk, arrival: Arrival) -> DropStatus | None:
    """One drop from beginning to end; None where it is no longer what it was: the next look finds it anew.

    Whoever dies in the middle leaves it in the inbox: it is begun again under the same run id, and the ledger makes
    that harmless.
    """
    if not desk.is_current(arrival):
        return None
    try:
        order = desk.begin(arrival)
        counts = produce_campaign(order.brief, order.status.run_id)
        return desk.finish(order, counts)
    except SENDERS_FAULT as error:
        return desk.fail(arrival, str(error)) if desk.is_current(arrival) else None
    except Exception as error:  # noqa: BLE001 one drop that cannot be made must not keep the others waiting
        get_run_logger().error("%s: %s: %s", arrival.key, type(error).__name__, error)
        reason = str(error) if isinstance(error, ShangxinError) else type(error).__name__
        return desk.interrupt(arrival, reason) if desk.is_current(arrival) else None


def watch_here(inbox: str, console: Console, *, once: bool) -> int:
    """Watch until stopped, or look once; 1 where a drop failed or has to wait, else 0."""
    desk = Desk(open_workplace(), inbox)
    with _prefect():
        console.print(f"收件 Watching {desk.root}/inbox/", highlight=False, soft_wrap=True)
        if once:
            return max((_told(outcome, console) for outcome in watch_inbox(inbox)), default=0)
        _watch(desk, inbox, console)
    return 0


@contextmanager
def _prefect() -> Iterator[None]:
    """The server that PREFECT_API_URL names, or one embedded for as long as this lasts."""
    if names_server():
        yield
        return
    settings = get_settings()
    with (
        EmbeddedServer(prefect_home(settings), start_seconds=settings.prefect_start_seconds) as server,
        connected(server.url()),
    ):
        yield


def _watch(desk: Desk, inbox: str, console: Console) -> None:
    """For ever: look when a message says so, and now and then in any case; a flow run only where something waits."""
    every = get_settings().inbox_look_seconds
    look_at = time.monotonic()
    while True:
        try:
            notices = desk.receive(wait_seconds=max(0.0, min(20.0, look_at - time.monotonic())))
            if not notices and time.monotonic() < look_at:
                continue
            look_at = time.monotonic() + every
            with desk.attending(notices):
                if desk.waiting():
                    for outcome in watch_inbox(inbox):
                        _told(outcome, console)
        except StorageError as error:
            console.print(f"[yellow]{type(error).__name__}[/] {error}", soft_wrap=True, highlight=False)
            time.sleep(min(every, 20.0))


def _told(outcome: dict[str, Any], console: Console) -> int:
    state, counts = outcome["state"], outcome["counts"]
    told = ", ".join(f"{name} {count}" for name, count in counts.items() if count) or outcome["reason"]
    console.print(f"[{MARKS[state]}]{state}[/] {outcome['file']} {outcome['run_id']}: ", end="", highlight=False)
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    return 0 if state == "done" else 1
