"""The resident renderers of one host as their parent sees them: asyncio processes that speak lines of JSON."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from flows.queues import queues_for
from tasks.errors import LedgerError, ModelError
from tasks.runs import owner_name
from tasks.workplace import open_workplace

LINE_BYTES = 1 << 20
AGAIN_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)  # before a renderer that keeps dying at its start is started again

logger = logging.getLogger(__name__)


class ResidentDied(Exception):
    """The render process ended in the middle of a shard; `code` as a shell has it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the render process ended with code {code}")
        self.code = code


class Resident:
    """One render process on one card, started again whenever it ends. `on_free` is told when it can take a shard."""

    def __init__(self, device: str, models: Iterable[str], on_free: Callable[[], None]) -> None:
        self.device, self._models, self._on_free = device, tuple(models), on_free
        self.holds: tuple[str, ...] = ()  # those of the sets that fit its card, once it is ready
        self.starts = 0
        self.refusal = ""
        self.busy_with = ""
        self.owner = ""  # as the ledger knows the process
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._answer: asyncio.Future[str] | None = None
        self._ending = False

    @property
    def free(self) -> bool:
        return self._ready.is_set() and not self.busy_with and not self._ending

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def takes_from(self, queue: str | None) -> bool:
        """Whether the shards of that queue are for a model set that this renderer holds."""
        return queue in queues_for(list(self.holds))

    def take(self, flow_run_id: str) -> None:
        """Mark it taken, before anything is awaited."""
        self.busy_with = flow_run_id

    async def render(self, flow_run_id: str) -> str:
        """Have it run that flow run; what went wrong, empty where nothing did. ResidentDied where it did."""
        self._answer = asyncio.get_running_loop().create_future()
        try:
            await self._tell(render=flow_run_id)
            return await self._answer
        finally:
            self.busy_with, self._answer = "", None
            self._on_free()

    async def drain(self) -> None:
        """Ask for the batch in hand to be the last of its shard."""
        with suppress(ConnectionError):
            await self._tell(drain=True)

    async def keep_alive(self) -> None:
        """Start the process and start it again until `end`; returns early, with `refusal`, where it refuses work."""
        while not self._ending:
            died_young = 0 if self._ready.is_set() else self.starts
            self._ready.clear()
            await self._live()
            if self.refusal or self._ending:
                return
            await asyncio.sleep(AGAIN_SECONDS[min(died_young, len(AGAIN_SECONDS) - 1)])

    async def end(self) -> None:
        """Close its line; it ends by itself."""
        self._ending = True
        if self._process and self._process.stdin:
            self._process.stdin.close()

    async def _live(self) -> None:
        self.starts += 1
        command = [sys.executable, "-m", "flows.resident", "--models", ",".join(self._models), "--device", self.device]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is for the parent alone
            limit=LINE_BYTES,
        )
        self.owner = owner = owner_name(self._process.pid)
        async for line in self._process.stdout or _nothing():
            self._hear(json.loads(line))
        code = await self._process.wait()
        await asyncio.to_thread(_bury, owner)
        if self._answer and not self._answer.done():
            self._answer.set_exception(ResidentDied(code))
        if not self._ending:
            logger.warning("render process %s on %s ended with code %d", owner, self.device, code)

    def _hear(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            logger.info("%s is ready: %s", self.device, message)
            self.holds = tuple(message["distances"])
            for reason in message["too_large"].values():
                logger.warning("%s leaves a model set to other cards: %s", self.device, reason)
            self._ready.set()
            self._on_free()
        elif "refused" in message:
            self.refusal = str(message["refused"])
        elif self._answer and not self._answer.done():
            self._answer.set_result(str(message["error"]))

    async def _tell(self, **order: Any) -> None:
        if self._process is None or self._process.stdin is None:
            raise ModelError(f"no render process on {self.device}")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()


def _bury(owner: str) -> None:
    """What the dead held is free at once. Where the ledger is out of reach, its leases run out instead."""
    with suppress(LedgerError):
        open_workplace().ledger.bury(owner)


async def _nothing() -> Any:
    return
    yield


def match(residents: Iterable[Resident], queues: Iterable[str | None]) -> list[int]:
    """Which of the shards that wait in these queues the free renderers can begin together, first come first served.

    A renderer that holds least is asked first, so that a small card's shard does not keep a large card from its own.
    """
    free, chosen = sorted((each for each in residents if each.free), key=lambda each: len(each.holds)), []
    for number, queue in enumerate(queues):
        taker = next((each for each in free if each.takes_from(queue)), None)
        if taker:
            free.remove(taker)
            chosen.append(number)
    return chosen
