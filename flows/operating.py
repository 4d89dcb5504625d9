"""The commands of those who run an installation: inbox, restore, housekeeping, doctor, agent, deploy."""

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.environment import join_prefect, keep_prefect_at, names_server, prefect_home
from flows.options import StoreOption, configure, names
from tasks.catalog.brief import load_brief

operating = typer.Typer()
out = Console()


@operating.command()
def inbox(
    address: Annotated[str, typer.Argument(help="s3://bucket/prefix or a folder; empty: SHANGXIN_INBOX.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Make what is there now, then stop.")] = False,
    store: StoreOption = "",
) -> None:
    """Make a campaign of every catalogue dropped under ADDRESS/inbox/; what became of it comes back beside it."""
    settings = configure(store)
    if names_server():
        join_prefect()
    else:
        keep_prefect_at(prefect_home(settings))
    from flows.inbox import watch_here

    raise typer.Exit(watch_here(address, out, once=once))


@operating.command()
def restore(store: StoreOption = "") -> None:
    """The ledger anew from the store alone: runs, jobs, verdicts, renditions. What it knows already stays."""
    from flows.restoring import restore_here

    configure(store)
    raise typer.Exit(restore_here(out))


@operating.command()
def housekeeping(
    apply: Annotated[bool, typer.Option("--apply", help="Delete; without it, only say what would go.")] = False,
    days: Annotated[int | None, typer.Option(help="What is older goes; empty: SHANGXIN_KEEP_DAYS.", min=1)] = None,
    store: StoreOption = "",
) -> None:
    """Old runs, old takes, objects that belong to no job: what would go, or with --apply, gone."""
    from flows.tidying import tidy_here

    configure(store)
    raise typer.Exit(tidy_here(out, dry_run=not apply, days=days))


@operating.command()
def doctor(
    catalog: Annotated[str, typer.Argument(help="Whose copy the fonts must hold; empty: the sample's.")] = "",
    store: StoreOption = "",
) -> None:
    """What is ready and what is not: device, weights, fonts, formats, store, database, Prefect, licences."""
    from flows.doctor import print_diagnosis

    configure(store)
    raise typer.Exit(print_diagnosis(out, catalog))


@operating.command()
def agent(
    cards: Annotated[int | None, typer.Option(help="Renderers here; empty: one a card, one on a CPU.", min=1)] = None,
    models: Annotated[str, typer.Option(help="Model sets to load and to take shards for.")] = "kolors-nano",
    pool: Annotated[str, typer.Option(help="Prefect's work pool; empty: SHANGXIN_WORK_POOL, else gpu.")] = "",
    name: Annotated[str, typer.Option(help="Of this worker; empty: host and pid.")] = "",
    store: StoreOption = "",
) -> None:
    """A GPU agent: joins the work pool, keeps the model warm, renders shard after shard until SIGTERM."""
    settings = configure(store)
    join_prefect()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it looks for work every second
    from flows.agent import serve_agent
    from flows.queues import queues_for

    sets = list(names(models))
    queues = queues_for(sets)
    code = serve_agent(pool=pool or settings.work_pool, queues=queues, name=name, cards=cards, models=sets)
    raise typer.Exit(code)


@operating.command()
def deploy(
    nightly: Annotated[str, typer.Option(help="The brief of the nightly run: a YAML file.")] = "",
    write_yaml: Annotated[bool, typer.Option("--write-yaml", help="Write infra/prefect.yaml instead.")] = False,
) -> None:
    """Register deployments, schedules, work pools, limits and automations on the configured Prefect server."""
    if write_yaml:
        from flows.deployments import write_yaml as write

        write()
        raise typer.Exit(0)
    server = join_prefect()
    from flows.registering import register

    brief = load_brief(Path(nightly)).model_dump(mode="json") if nightly else None
    for deployed in register(nightly=brief):
        out.print(f"[green]✓[/] {deployed}", highlight=False)
    out.print(f"{server}", highlight=False)
