"""How a run ended, on the console."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tasks.catalog.brief import CampaignBrief
from tasks.delivery.acceptance import Acceptance
from tasks.delivery.keys import manifest_key, report_key
from tasks.delivery.ledger import Counts
from tasks.reporting import reported_row
from tasks.workplace import Workplace

ROWS = (
    ("approved", "已通过 approved", "green"),
    ("review", "待人工 review", "yellow"),
    ("rejected", "已拒绝 rejected", "red"),
    ("failed", "失败 failed", "red"),
    ("unfinished", "未完成 left", "yellow"),
)


def print_summary(workplace: Workplace, run_id: str, console: Console) -> int:
    """The table of outcomes and where to look; returns the exit code: 1 where jobs failed or are left, else 0.

    Where nothing passed, the likeliest common cause stands before everything else.
    """
    counts = workplace.ledger.counts(run_id)
    if cause := common_cause(workplace, run_id, counts):
        console.print(
            "[red]没有一张通过 Nothing passed.[/] 最可能的共同原因 The likeliest common cause: "
            f"[bold]{escape(cause)}[/].",
            soft_wrap=True,
        )
    table = Table("结果 outcome", "数量 jobs", title=f"{run_id}", title_justify="left", min_width=40)
    for field, label, colour in ROWS:
        number = getattr(counts, field)
        if number or field in {"approved", "review", "rejected", "failed"}:
            table.add_row(f"[{colour}]{label}[/]", str(number))
    console.print(table)
    store = workplace.store.uri.rstrip("/")
    console.print(f"总览 Contact sheet: {store}/{report_key(run_id)}", soft_wrap=True, highlight=False)
    if counts.unfinished:
        _print_budget(workplace, run_id, console)
        console.print("未完成的任务可用同一命令继续 The same command goes on with the jobs that are left.")
    else:
        console.print(f"清单 Manifest: {store}/{manifest_key(run_id)}", soft_wrap=True, highlight=False)
    return 1 if counts.failed or counts.unfinished else 0


def common_cause(workplace: Workplace, run_id: str, counts: Counts) -> str:
    """The likeliest common cause of a finished run in which nothing passed, and of how many; else nothing."""
    if not counts.total or counts.approved or counts.unfinished:
        return ""
    acceptance = Acceptance()
    for record in workplace.ledger.results(run_id):
        acceptance.add(reported_row(workplace, record, {}))
    alarm = acceptance.alarm
    if not alarm:
        return ""
    why = workplace.thresholds.cause_titles.get(alarm.cause, alarm.cause) if alarm.cause else alarm.reason
    return f"{why} ({alarm.pictures}/{alarm.total})"


def _print_budget(workplace: Workplace, run_id: str, console: Console) -> None:
    limit = CampaignBrief.model_validate_json(workplace.ledger.run(run_id).brief).max_cost
    spent = workplace.ledger.spent(run_id)
    if limit is not None and spent >= limit:
        console.print(
            f"已达预算 Stopped at the budget: {spent:.4f} {workplace.settings.currency} of --max-cost {limit:g}."
        )
