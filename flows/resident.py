"""The process that keeps a model on its card and renders shard after shard: `python -m flows.resident`.

Its parent talks to it in lines of JSON: `{"render": "<flow run id>"}` and `{"drain": true}` come in, `{"ready": ...}`,
`{"finished": ...}` and `{"refused": ...}` go out. When the lines end, however the parent died, it gives its shard back
and ends.
"""

import argparse
import asyncio
import json
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

import psutil

from tasks.errors import CardTooSmall, LedgerError, ShangxinError
from tasks.settings import Settings, use_settings

HEARTBEAT_SECONDS = 15
LAST_BATCH_SECONDS = 60  # what an orphan may take for the batch in hand; what it holds then comes back by its lease

logger = logging.getLogger(__name__)


class Channel:
    """Lines of JSON to the parent on what was standard output; whatever else prints goes to standard error."""

    def __init__(self) -> None:
        self._lines: IO[str] = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self._orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def say(self, **message: Any) -> None:
        with self._lock, suppress(BrokenPipeError):
            self._lines.write(json.dumps(message) + "\n")

    def listen(self, on_drain: threading.Event) -> None:
        threading.Thread(target=self._listen, args=(on_drain,), name="parent", daemon=True).start()

    def orders(self) -> Iterator[dict[str, Any]]:
        while (order := self._orders.get()) is not None:
            yield order

    def _listen(self, on_drain: threading.Event) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            if "drain" in order:
                on_drain.set()
            else:
                on_drain.clear()  # an earlier shard's
                self._orders.put(order)
        on_drain.set()
        self._orders.put(None)
        timer = threading.Timer(LAST_BATCH_SECONDS, os._exit, args=(1,))
        timer.daemon = True
        timer.start()


def reside(models: list[str], device: str) -> int:
    """Load, test, then render what the parent asks for, until its lines end; the exit code.

    Sets that this card is too small for are left to others, as long as one fits.
    """
    channel = Channel()
    use_settings(Settings(device=device))
    from flows.shard import stopping
    from tasks.selftest import check_renderer
    from tasks.workplace import open_workplace

    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel.listen(stopping)
    workplace = open_workplace()
    distances, too_large = dict[str, float](), dict[str, str]()
    try:
        for model in models:
            try:
                distances[model] = check_renderer(workplace, model)
            except CardTooSmall as error:
                too_large[model] = str(error)
        if not distances:
            raise CardTooSmall("; ".join(too_large.values()))
    except ShangxinError as error:
        channel.say(refused=str(error))
        return error.exit_code
    report = _Heartbeat(list(distances), device)
    report.beat()
    threading.Thread(target=report.go_on, name="heartbeat", daemon=True).start()
    channel.say(ready=workplace.owner, distances=distances, too_large=too_large)
    with asyncio.Runner() as runner:
        for order in channel.orders():
            flow_run_id = str(order["render"])
            channel.say(finished=flow_run_id, error=runner.run(_render(flow_run_id)))
    return 0


async def _render(flow_run_id: str) -> str:
    """Run the flow run here; what went wrong, empty where nothing did. Prefect's own troubles end no renderer."""
    from prefect import get_client
    from prefect.flow_engine import run_flow_async

    from flows.shard import render_shard

    try:
        async with get_client() as client:
            flow_run = await client.read_flow_run(flow_run_id)  # type: ignore[arg-type]
        state: Any = await run_flow_async(
            render_shard, flow_run=flow_run, parameters=flow_run.parameters, return_type="state"
        )
    except Exception as error:  # noqa: BLE001
        logger.warning("flow run %s: %s", flow_run_id, error)
        return f"{type(error).__name__}: {error}"
    failed = state.is_failed() or state.is_crashed()
    return str(state.message or state.name) if failed else ""


class _Heartbeat:
    """Tells the ledger that this renderer is there, and what it is."""

    def __init__(self, models: list[str], device: str) -> None:
        self._models, self._device = models, device

    def go_on(self) -> None:
        never = threading.Event()
        while not never.wait(HEARTBEAT_SECONDS):
            self.beat()

    def beat(self) -> None:
        from tasks.delivery.ledger import Agent
        from tasks.workplace import open_workplace

        workplace = open_workplace()
        agent = Agent(
            id=workplace.owner,
            host=socket.gethostname(),
            device=self._device,
            model=",".join(self._models),
            memory=self._memory(),
        )
        with suppress(LedgerError):  # whoever commits meets the same error, and tells it
            workplace.ledger.heartbeat(agent)

    def _memory(self) -> int:
        """The card's, or this machine's, in MiB."""
        if self._device in ("cpu", "mps"):
            return int(psutil.virtual_memory().total) >> 20
        from tasks.rendering.devices import device_memory

        return device_memory(self._device) >> 20


if __name__ == "__main__":
    from flows.environment import join_prefect

    parser = argparse.ArgumentParser(description="Keep a model on a card and render for `shangxin agent`.")
    parser.add_argument("--models", required=True)
    parser.add_argument("--device", required=True)
    given = parser.parse_args()
    join_prefect()
    raise SystemExit(reside(given.models.split(","), given.device))
