"""A campaign on this machine alone: embedded Prefect, SQLite, a folder or S3, one resident renderer."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import Any

import httpx
from rich.console import Console

from flows.embedded import EmbeddedServer, connected
from flows.environment import prefect_home
from flows.progress import LiveProgress
from flows.summary import print_summary
from tasks.catalog.brief import CampaignBrief
from tasks.compose import NOTHING, compose_stored, find_masters
from tasks.delivery.ledger import Rendition
from tasks.runs import died_here, new_run_id
from tasks.settings import get_settings
from tasks.standing import find_finished_twin
from tasks.workplace import open_workplace

REASONS, SHOWN = 20, 5  # lines of reasons, and SKUs in each, that fit on a screen


def compose_here(
    names: tuple[str, ...],
    console: Console,
    *,
    limit: int | None,
    visible_mark: bool | None = None,
    dress: Mapping[str, Any] = NOTHING,
) -> int:
    """Make the named placements of every approved master of the last run; returns the exit code.

    `visible_mark` None: as the run's brief had it. `dress` are the brief's fields for copy, as far as they change.
    """
    workplace = open_workplace()
    source = find_masters("", names, visible_mark=visible_mark, dress=dress)
    placements = len(workplace.placements(source.brief.placements))
    made = masters = 0
    refused: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def note(sku: str, rendition: Rendition) -> None:
        refused[rendition.placement, rendition.findings[0].detail][sku] += 1

    composed = compose_stored(
        workplace, source.run_id, source.brief, rendered=source.rendered, limit=limit, refused=note
    )
    for made_of_one in composed:
        made, masters = made + made_of_one, masters + 1
    console.print(f"{made} 张新图 new renditions of {masters} masters, {placements} placements asked for.")
    _print_refused(console, refused)
    return 0


def _print_refused(console: Console, refused: Mapping[tuple[str, str], Counter[str]]) -> None:
    """Why what is, with whose pictures: the first reasons in full, the rest as a number."""
    for (placement, reason), skus in islice(refused.items(), REASONS):
        whose = ", ".join(islice(skus, SHOWN)) + (f" + {len(skus) - SHOWN} SKU" if len(skus) > SHOWN else "")
        told = reason if placement in reason else f"{placement}: {reason}"
        console.print(f"未做 not made: {told} ({skus.total()}: {whose})", highlight=False, markup=False, soft_wrap=True)
    if len(refused) > REASONS:
        console.print(f"... {len(refused) - REASONS} 种原因未列 more reasons.")


def run_here(brief: CampaignBrief, console: Console) -> int:
    """Produce the campaign and return the exit code; says so in seconds where nothing is left to do."""
    settings = get_settings()
    home = prefect_home(settings)
    workplace = open_workplace()
    for owner in workplace.ledger.owners():
        if died_here(owner):
            workplace.ledger.bury(owner)  # a run that was killed on this machine holds nothing any more
    with EmbeddedServer(home, start_seconds=settings.prefect_start_seconds) as server:
        twin = find_finished_twin(workplace, brief)
        if twin:
            console.print(f"[green]没有新任务 Nothing to render:[/] all {twin.total} jobs are done already.")
            return print_summary(workplace, twin.run_id, console)
        run_id = new_run_id()
        with LiveProgress(workplace.ledger, run_id, console), connected(server.url()):
            produce(brief, run_id, server)
    return print_summary(workplace, run_id, console)


def produce(brief: CampaignBrief, run_id: str, server: EmbeddedServer) -> None:
    """Run the main flow on that server; OrchestrationError where the server fails it."""
    from prefect.exceptions import PrefectException

    from flows.campaign import produce_campaign

    try:
        produce_campaign(brief, run_id)
    except (httpx.HTTPError, PrefectException) as error:
        raise server.explain(error) from error
