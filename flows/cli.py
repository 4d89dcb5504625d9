"""The `shangxin` command. Exit codes: 0 all approved or waiting for review; 1 some jobs failed; 2 usage or input."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.exceptions import TyperException

from flows.environment import hush_libraries, keep_prefect_at, prefect_home
from flows.models import models
from flows.operating import operating
from flows.options import (
    Approval,
    ApprovalOption,
    BrandOption,
    CatalogArgument,
    Dress,
    Drift,
    DriftOption,
    JsonOption,
    LimitOption,
    MarkOption,
    ModelOption,
    PlacementsOption,
    StoreOption,
    StrictOption,
    Wanted,
    asks_for,
    configure,
    names,
)
from flows.placements import placements as placements_commands
from tasks.catalog.brief import CampaignBrief
from tasks.errors import ShangxinError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="上新 Shangxin: a catalogue goes in, checked and delivered marketing pictures come out.",
)
app.add_typer(operating)
app.add_typer(models, name="models")
app.add_typer(placements_commands, name="placements")
INTERRUPTED = 130  # as shells report Ctrl-C

out = Console()
err = Console(stderr=True)


@app.command()
@asks_for(Wanted)
def plan(catalog: CatalogArgument, wanted: Wanted, store: StoreOption = "", as_json: JsonOption = False) -> None:
    """Dry run: rows, bad rows, every job with prompt, size and seed, what is done already, time and cost."""
    from flows.planning import print_plan, stream_plan_json

    configure(store)
    brief = wanted.brief(catalog)
    if as_json:
        stream_plan_json(brief, sys.stdout.buffer)
    else:
        print_plan(brief, out)


@app.command()
@asks_for(Dress)
@asks_for(Wanted)
def run(
    catalog: CatalogArgument,
    wanted: Wanted,
    dress: Dress,
    store: StoreOption = "",
    strict: StrictOption = False,
    visible_mark: MarkOption = False,
    drift: DriftOption = Drift.off,
    approval: ApprovalOption = Approval.none,
) -> None:
    """Produce the campaign on this machine: what is done already is not done again."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.laptop import run_here

    more = {"strict": strict, "visible_mark": visible_mark, "drift": drift.value, "approval": approval.value}
    raise typer.Exit(run_here(wanted.brief(catalog, **more, **dress.fields()), out))


@app.command()
@asks_for(Dress)
def compose(
    dress: Dress,
    placements: PlacementsOption = "",
    store: StoreOption = "",
    limit: LimitOption = None,
    visible_mark: Annotated[
        bool | None, typer.Option("--visible-mark/--no-visible-mark", help="Unless said: as the run had it.")
    ] = None,
) -> None:
    """New placements or new copy on the approved masters already in the store; nothing is rendered."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.laptop import compose_here

    words = dress.fields()
    raise typer.Exit(compose_here(names(placements), out, limit=limit, visible_mark=visible_mark, dress=words))


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
