"""The `shangxin` command. Exit codes: 0 all approved or waiting for review; 1 some jobs failed; 2 usage or input."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from typer.exceptions import TyperException

from flows.environment import keep_prefect_at, prefect_home
from flows.models import models
from tasks.catalog.brief import CampaignBrief
from tasks.catalog.copy_columns import LOCALES
from tasks.errors import ConfigurationError, ShangxinError
from tasks.settings import Settings, get_settings, use_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="上新 Shangxin: a catalogue goes in, checked and delivered marketing pictures come out.",
)
app.add_typer(models, name="models")
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
MaxCostOption = Annotated[float | None, typer.Option(help="Stop rendering, resumably, when this much is spent.")]
LocaleOption = Annotated[str, typer.Option(help="Copy in this language, as a set of its own; empty: each product's.")]
CopyOption = Annotated[
    str, typer.Option("--copy", help="A CSV: sku and columns of copy that win over the catalogue's.")
]
LayersOption = Annotated[bool, typer.Option("--layers", help="A layered SVG beside each dressed picture.")]
MarkOption = Annotated[
    bool, typer.Option("--visible-mark", help="Say on generated pictures that they are; kept as a set of its own.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.command()
def plan(
    catalog: CatalogArgument,
    scenes: ScenesOption = "",
    placements: PlacementsOption = "",
    brand: BrandOption = "",
    variants: VariantsOption = 1,
    limit: LimitOption = None,
    model: ModelOption = "kolors-nano",
    store: StoreOption = "",
    max_cost: MaxCostOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dry run: rows, bad rows, every job with prompt, size and seed, what is done already, time and cost."""
    from flows.planning import print_plan, stream_plan_json

    configure(store)
    brief = make_brief(catalog, scenes, placements, brand, variants, limit, model, max_cost)
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
    limit: LimitOption = None,
    model: ModelOption = "kolors-nano",
    store: StoreOption = "",
    max_cost: MaxCostOption = None,
    visible_mark: MarkOption = False,
    locale: LocaleOption = "",
    copy_file: CopyOption = "",
    layers: LayersOption = False,
) -> None:
    """Produce the campaign on this machine: what is done already is not done again."""
    keep_prefect_at(prefect_home(configure(store)))
    from flows.laptop import run_here

    brief = make_brief(catalog, scenes, placements, brand, variants, limit, model, max_cost)
    dress = checked_dress(locale, copy_file, layers)
    raise typer.Exit(run_here(brief.model_copy(update={"visible_mark": visible_mark, **dress}), out))


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
) -> None:
    """The expanded prompt, each part with the layer and the file it came from."""
    from flows.planning import print_explanation

    print_explanation(CampaignBrief(catalog=catalog, brand=brand), sku=sku, scene=scene, out=out)


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
def doctor(store: StoreOption = "") -> None:
    """What is ready and what is not: device, weights, fonts, store, database, Prefect, licences."""
    from flows.doctor import print_diagnosis

    configure(store)
    raise typer.Exit(print_diagnosis(out))


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


def make_brief(
    catalog: str,
    scenes: str,
    placements: str,
    brand: str,
    variants: int,
    limit: int | None,
    model: str,
    max_cost: float | None,
) -> CampaignBrief:
    """The brief that the options describe; ConfigurationError names the option that cannot be used."""
    try:
        return CampaignBrief(
            catalog=catalog,
            scenes=names(scenes),
            placements=names(placements),
            brand=brand,
            variants=variants,
            limit=limit,
            model=model,
            max_cost=max_cost,
        )
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
    return f"{name}: {problem['msg']} (found {problem['input']!r})"


def _stopped() -> int:
    err.print("已停止 stopped; 同一命令可继续 the same command goes on from here", style="yellow")
    return INTERRUPTED


def _complain(message: str, code: int) -> int:
    err.print("error:", message, style="red", highlight=False, markup=False, soft_wrap=True)
    return code


def entry() -> None:
    sys.exit(main())
