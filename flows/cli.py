"""The `shangxin` command. Exit codes: 0 all approved or waiting for review; 1 some jobs failed; 2 usage or input."""

import logging
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.exceptions import TyperException

from flows.environment import hush_libraries, join_prefect, keep_prefect_at, names_server, prefect_home
from flows.models import models
from flows.placements import placements as placements_commands
from tasks.catalog.brief import CampaignBrief, load_brief
from tasks.catalog.copy_columns import LOCALES
from tasks.errors import ConfigurationError, ShangxinError
from tasks.settings import Settings, get_settings, use_settings


class Drift(StrEnum):
    """As in CampaignBrief."""

    off = "off"
    warn = "warn"
    stop = "stop"


class Approval(StrEnum):
    """As in CampaignBrief."""

    none = "none"
    wait = "wait"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="上新 Shangxin: a catalogue goes in, checked and delivered marketing pictures come out.",
)
app.add_typer(models, name="models")
app.add_typer(placements_commands, name="placements")
INTERRUPTED = 130  # as shells report Ctrl-C

out = Console()
err = Console(stderr=True)

CatalogArgument = Annotated[str, typer.Argument(help="A .csv, .tsv, .csv.gz, .xlsx or .parquet file, or s3://...")]
ScenesOption = Annotated[str, typer.Option(help="Scenes, comma-separated; empty: all that fit each category.")]
PlacementsOption = Annotated[str, typer.Option(help="Placements or sets of them, comma-separated; empty: the default.")]
BrandOption = Annotated[str, typer.Option(help="A file of templates/brands; empty: the catalogue's brand column.")]
VariantsOption = Annotated[int, typer.Option(help="Pictures per product and scene.")]
LimitOption = Annotated[int | None, typer.Option(help="Only the first N products.")]
ModelOption = Annotated[str, typer.Option(help="The model set: kolors-nano (draft, built in) or kolors.")]
StoreOption = Annotated[str, typer.Option(help="Local folder or s3://bucket/prefix; empty: SHANGXIN_STORE, else out.")]
DriftOption = Annotated[Drift, typer.Option(help="Render the golden set first; warn of a jump, or stop.")]
ApprovalOption = Annotated[Approval, typer.Option(help="wait: publish when people have decided on what needs them.")]
CandidatesOption = Annotated[int, typer.Option(help="Takes rendered per picture; the best is kept.")]
MaxCostOption = Annotated[float | None, typer.Option(help="Stop rendering, resumably, when this much is spent.")]
LocaleOption = Annotated[str, typer.Option(help="Copy in this language, as a set of its own; empty: each product's.")]
CopyOption = Annotated[
    str, typer.Option("--copy", help="A CSV: sku and columns of copy that win over the catalogue's.")
]
LayersOption = Annotated[bool, typer.Option("--layers", help="A layered SVG beside each dressed picture.")]
MarkOption = Annotated[
    bool, typer.Option("--visible-mark", help="Say on generated pictures that they are; kept as a set of its own.")
]
MastersOption = Annotated[
    int,
    typer.Option(help="Master shapes per product and scene at most; `plan` says what more gain.", min=1, max=8),
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Pictures that some check could not judge (no weights for it) go to a person.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.command()
def plan(
    catalog: CatalogArgument,
    scenes: ScenesOption = "",
    placements: PlacementsOption = "",
    brand: BrandOption = "",
    variants: VariantsOption = 1,
    masters: MastersOption = 1,
    limit: LimitOption = None,
    model: ModelOption = "kolors-nano",
    store: StoreOption = "",
    max_cost: MaxCostOption = None,
    candidates: CandidatesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Dry run: rows, bad rows, every job with prompt, size and seed, what is done already, time and cost."""
    from flows.planning import print_plan, stream_plan_json

    configure(store)
    brief = make_brief(
        catalog,
        scenes=scenes,
        placements=placements,
        brand=brand,
        variants=variants,
        limit=limit,
        model=model,
        max_cost=max_cost,
        masters=masters,
        candidates=candidates,
    )
    if as_json:
        stream_plan_json(brief, sys.stdout.buffer)
    else:
        print_plan(brief, out)


@app.command()
def run(
    catalog: CatalogArgument,
    scenes: ScenesOption = "",
    placements: PlacementsOption = "",
    brand: BrandOption = "",
    variants: VariantsOption = 1,
    masters: MastersOption = 1,
    limit: LimitOption = None,
    model: ModelOption = "kolors-nano",
    store: StoreOption = "",
    max_cost: MaxCostOption = None,
    strict: StrictOption = False,
    candidates: CandidatesOption = 1,
    visible_mark: MarkOption = False,
    locale: LocaleOption = "",
    copy_file: CopyOption = "",
    layers: LayersOption = False,
    drift: DriftOption = Drift.off,
    approval: ApprovalOption = Approval.none,
) -> None:
    """Produce the campaign on this machine: what is done already is not done again."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.laptop import run_here

    brief = make_brief(
        catalog,
        scenes=scenes,
        placements=placements,
        brand=brand,
        variants=variants,
        limit=limit,
        model=model,
        max_cost=max_cost,
        masters=masters,
        candidates=candidates,
        strict=strict,
        visible_mark=visible_mark,
        drift=drift.value,
        approval=approval.value,
        **checked_dress(locale, copy_file, layers),
    )
    raise typer.Exit(run_here(brief, out))


@app.command()
def compose(
    placements: PlacementsOption = "",
    store: StoreOption = "",
    limit: LimitOption = None,
    visible_mark: Annotated[
        bool | None, typer.Option("--visible-mark/--no-visible-mark", help="Unless said: as the run had it.")
    ] = None,
    locale: LocaleOption = "",
    copy_file: CopyOption = "",
    layers: LayersOption = False,
) -> None:
    """New placements or new copy on the approved masters already in the store; nothing is rendered."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.laptop import compose_here

    dress = checked_dress(locale, copy_file, layers)
    raise typer.Exit(compose_here(names(placements), out, limit=limit, visible_mark=visible_mark, dress=dress))


@app.command()
def explain(
    catalog: CatalogArgument,
    sku: Annotated[str, typer.Option(help="Which product.")],
    scene: Annotated[str, typer.Option(help="Which scene.")],
    brand: BrandOption = "",
    model: ModelOption = "kolors-nano",
) -> None:
    """The expanded prompt, each part with the layer and file it came from; what the sampler may change."""
    from flows.planning import print_explanation

    print_explanation(CampaignBrief(catalog=catalog, brand=brand, model=model), sku=sku, scene=scene, out=out)


@app.command()
def lint(
    catalog: Annotated[str, typer.Argument(help="Check this catalogue's columns and copy as well.")] = "",
) -> None:
    """Templates, scenes, placements, brands: unknown fields, missing variables, token budget, forbidden words."""
    from flows.planning import print_lint

    raise typer.Exit(print_lint(catalog, out))


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Any JPEG, PNG, WebP or AVIF, ours or not.")],
    as_json: JsonOption = False,
) -> None:
    """What a picture says of itself: size, profile, labels, recipe, and whether it is as it was delivered."""
    from flows.inspection import print_inspection

    raise typer.Exit(print_inspection(file, out, as_json=as_json))


@app.command()
def reproduce(
    image: Annotated[Path, typer.Argument(help="A delivered picture, or its master: masters/<sku>/<job>-<take>.png.")],
    catalog: Annotated[str, typer.Option(help="Its catalogue; empty: those of the latest runs.")] = "",
    store: StoreOption = "",
) -> None:
    """Render the master of a delivered picture again from its recipe, and say how far apart they are."""
    from flows.reproduce import reproduce_here

    configure(store)
    raise typer.Exit(reproduce_here(image, out, catalog=catalog))


@app.command()
def review(
    host: Annotated[str, typer.Option(help="Where to listen. Any but this machine's own needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.", min=0, max=65535)] = 8420,
    run: Annotated[str, typer.Option(help="Which run; empty: the latest.")] = "",
    who: Annotated[str, typer.Option(help="Your name on record; empty: your login.")] = "",
    store: StoreOption = "",
) -> None:
    """The approval page: a person decides on the pictures that the checks could not."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.approval.server import serve_review
    from tasks.workplace import open_workplace

    serve_review(open_workplace(), out, host=host, port=port, run_id=run, who=who)


@app.command()
def drift(
    model: ModelOption = "kolors-nano",
    store: StoreOption = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="Whatever changed is meant: compare with this from now on.")
    ] = False,
) -> None:
    """Render the golden set and compare it with the last accepted night; exit code 1 where it jumped."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.drift import watch_here

    raise typer.Exit(watch_here(model, out, accept=accept))


@app.command()
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


@app.command()
def restore(store: StoreOption = "") -> None:
    """The ledger anew from the store alone: runs, jobs, verdicts, renditions. What it knows already stays."""
    from flows.restoring import restore_here

    configure(store)
    raise typer.Exit(restore_here(out))


@app.command()
def housekeeping(
    apply: Annotated[bool, typer.Option("--apply", help="Delete; without it, only say what would go.")] = False,
    days: Annotated[int | None, typer.Option(help="What is older goes; empty: SHANGXIN_KEEP_DAYS.", min=1)] = None,
    store: StoreOption = "",
) -> None:
    """Old runs, old takes, objects that belong to no job: what would go, or with --apply, gone."""
    from flows.tidying import tidy_here

    configure(store)
    raise typer.Exit(tidy_here(out, dry_run=not apply, days=days))


@app.command()
def doctor(store: StoreOption = "") -> None:
    """What is ready and what is not: device, weights, fonts, store, database, Prefect, licences."""
    from flows.doctor import print_diagnosis

    configure(store)
    raise typer.Exit(print_diagnosis(out))


@app.command()
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


@app.command()
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


def configure(store: str) -> Settings:
    """Settings from the environment, with the command line's store on top."""
    settings = Settings(store=store) if store else Settings()
    use_settings(settings)
    return get_settings()


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())


def checked_dress(locale: str, copy_file: str, layers: bool) -> dict[str, Any]:
    """The brief's fields for copy; ConfigurationError for a language that is not set."""
    if locale and locale not in LOCALES:
        raise ConfigurationError(f"--locale: found {locale!r}, expected one of {', '.join(LOCALES)}.")
    return {"locale": locale, "copy_file": copy_file, "layers": layers}


def make_brief(catalog: str, *, scenes: str, placements: str, **fields: Any) -> CampaignBrief:
    """The brief that the options describe; ConfigurationError names the option that cannot be used."""
    try:
        return CampaignBrief(catalog=catalog, scenes=names(scenes), placements=names(placements), **fields)
    except ValidationError as error:
        raise ConfigurationError(_first_problems(error)) from error


def _first_problems(error: ValidationError) -> str:
    lines = [
        f"--{str(problem['loc'][0]).replace('_', '-')}: {problem['msg']} (found {problem['input']!r})"
        for problem in error.errors()[:3]
    ]
    return "; ".join(lines) + ". See: shangxin run --help"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; a traceback only with --debug."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if not debug:
        hush_libraries()
    try:
        result = app(args=arguments, prog_name="shangxin", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        return _stopped() if code == INTERRUPTED else code  # Typer turns Ctrl-C into that code itself
    except typer.Exit as leave:
        return leave.exit_code
    except TyperException as error:
        return _complain(f"{error}. See: shangxin --help", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _stopped()
    except ValidationError as error:
        if debug:
            raise
        return _complain(f"settings: {_first_setting_problem(error)}", 2)
    except ShangxinError as error:
        if debug:
            raise
        return _complain(str(error), error.exit_code)


def _first_setting_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"]) or error.title
    is_secret = any(word in name for word in ("key", "token", "database", "buckets", "queue", "endpoint"))
    found = "" if is_secret else f" (found {problem['input']!r})"
    return f"{name}: {problem['msg']}{found}"


def _stopped() -> int:
    err.print("已停止 stopped; 同一命令可继续 the same command goes on from here", style="yellow")
    return INTERRUPTED


def _complain(message: str, code: int) -> int:
    err.print("error:", message, style="red", highlight=False, markup=False, soft_wrap=True)
    return code


def entry() -> None:
    sys.exit(main())
