"""Names of the work pools' queues: which shards an agent takes, and in which order."""

from typing import Literal

from tasks.rendering.checkpoints.table import published_sets

Priority = Literal["high", "normal"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal")


def queue_of(priority: Priority, model: str) -> str:
    """The queue of a run's shards: large model sets have queues of their own, for agents whose cards hold them.

    Tunings (after a colon) make no queue of their own.
    """
    own = model.partition(":")[0]
    return f"{priority}-{own}" if own in published_sets() else priority


def queues_for(models: list[str]) -> list[str]:
    """The queues that an agent with those model sets takes shards from."""
    return list(dict.fromkeys(queue_of(priority, model) for priority in PRIORITIES for model in models))


def all_queues() -> dict[str, int]:
    """Every queue of the `gpu` pool with its priority; 1 goes first."""
    names = {priority: number * 10 for number, priority in enumerate(PRIORITIES, start=1)}
    return {
        name: number
        for priority, number in names.items()
        for name in dict.fromkeys([priority, *(queue_of(priority, model) for model in published_sets())])
    }
