"""`shangxin restore`: the ledger from the store alone."""

from rich.console import Console

from tasks.restore import restore_ledger
from tasks.workplace import open_workplace

SHOWN = 10


def restore_here(console: Console) -> int:
    """Restore and say what came back; 1 where masters are missing from the store, else 0."""
    workplace = open_workplace()
    restored = restore_ledger(workplace)
    console.print(
        f"{workplace.store.uri} -> {workplace.ledger.name}: 运行 {restored.runs} runs, 任务 {restored.jobs} jobs, "
        f"母版 {restored.masters} masters.",
        highlight=False,
        soft_wrap=True,
    )
    if restored.unjudged:
        console.print(f"[yellow]待人工 {restored.unjudged} masters belong to no finished run: a person decides.[/]")
    for key in restored.lost[:SHOWN]:
        console.print(f"[red]缺失 missing or changed:[/] {key}", soft_wrap=True, highlight=False)
    if restored.lost:
        console.print(f"{len(restored.lost)} masters will be rendered again.")
    return 1 if restored.lost else 0
