"""`shangxin drift`: does the golden set come out as it did on the last accepted night?"""

from rich.console import Console
from rich.table import Table

from tasks.drifting import drift_rows, watch
from tasks.runs import new_run_id
from tasks.workplace import open_workplace

TITLES = {
    "acceptance": "通过率下降 Fall of acceptance",
    "colour": "色差 Colour (CIE76)",
    "hash": "画面差异 Hash distance",
    "time": "用时倍数 Time, times",
}
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]—[/]"}


def watch_here(model: str, console: Console, *, accept: bool) -> int:
    """Render, compare and print; 1 where something jumped and was not accepted, else 0."""
    watched = watch(open_workplace(), model, new_run_id(), accept=accept)
    night, accepted = watched.night, watched.accepted
    console.print(
        f"{night.model} {night.revision}: {len(night.pictures)} 张标准样张 golden pictures, "
        f"{night.acceptance:.0%} 通过 approved.",
        highlight=False,
    )
    if accepted is None or not watched.findings:
        console.print("没有可比的前一晚，以此为准 There was no night to compare with: this one counts from now on.")
        return 0
    table = Table("项目 what", "值 value", "限 limit", "", title=f"{accepted.run_id} → {night.run_id}")
    for check, value, limit, passed in drift_rows(watched):
        table.add_row(TITLES[check], value, limit, MARKS[passed])
    console.print(table)
    if accept:
        console.print("已接受 Accepted: the next night is compared with this one.")
        return 0
    if watched.jumps:
        console.print(f"[red]漂移 Drift:[/] {watched}. 确认无误后 If it is meant: shangxin drift --accept")
        return 1
    return 0
