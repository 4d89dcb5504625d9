"""`shangxin housekeeping`: the store and the ledger from the command line. Prefect's tables are the flow's part."""

from rich.console import Console

from tasks.housekeeping import tidy_store
from tasks.workplace import open_workplace


def tidy_here(console: Console, *, dry_run: bool, days: int | None) -> int:
    """Sweep and say what went."""
    workplace = open_workplace()
    tidied = tidy_store(workplace, days=days or workplace.settings.keep_days, dry_run=dry_run)
    console.print(
        f"旧运行 {tidied.runs} old runs, 旧版 {tidied.superseded} pictures of earlier takes, "
        f"无主 {tidied.orphans} of no job, {tidied.bytes / 2**20:.1f} MB.",
        highlight=False,
    )
    console.print("未删除 Nothing was deleted; --apply does." if dry_run else "已删除 Deleted.")
    return 0
