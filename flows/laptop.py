"""A campaign on this machine alone: embedded Prefect, SQLite, a folder or S3, one resident renderer."""

from rich.console import Console

from flows.embedded import EmbeddedServer, connected
from flows.environment import keep_prefect_at
from flows.progress import LiveProgress
from flows.summary import print_summary
from tasks.catalog.brief import CampaignBrief
from tasks.settings import get_settings
from tasks.standing import find_finished_twin
from tasks.workplace import open_workplace


def run_here(brief: CampaignBrief, console: Console) -> int:
    """Produce the campaign and return the exit code; says so in seconds where nothing is left to do."""
    settings = get_settings()
    home = settings.out / ".prefect"
    keep_prefect_at(home)
    workplace = open_workplace()
    with EmbeddedServer(home, start_seconds=settings.prefect_start_seconds) as server:
        twin = find_finished_twin(workplace, brief)
        if twin:
            console.print(f"[green]没有新任务 Nothing to render:[/] all {twin.total} jobs are done already.")
            return print_summary(workplace, twin.run_id, console)
        from flows.campaign import new_run_id, produce_campaign

        run_id = new_run_id()
        with LiveProgress(workplace.ledger, run_id, console), connected(server.url()):
            produce_campaign(brief, run_id)
    return print_summary(workplace, run_id, console)
