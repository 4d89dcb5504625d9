"""The options that several commands share, and the brief that they come to."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import ValidationError

from tasks.catalog.brief import CampaignBrief
from tasks.catalog.copy_columns import LOCALES
from tasks.errors import ConfigurationError
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


CatalogArgument = Annotated[str, typer.Argument(help="A .csv, .tsv, .csv.gz, .xlsx or .parquet file, or s3://...")]
PlacementsOption = Annotated[str, typer.Option(help="Placements or sets of them, comma-separated; empty: the default.")]
BrandOption = Annotated[str, typer.Option(help="A file of templates/brands; empty: the catalogue's brand column.")]
LimitOption = Annotated[int | None, typer.Option(help="Only the first N products.")]
ModelOption = Annotated[str, typer.Option(help="The model set: kolors-nano (draft, built in) or kolors.")]
StoreOption = Annotated[str, typer.Option(help="Local folder or s3://bucket/prefix; empty: SHANGXIN_STORE, else out.")]
DriftOption = Annotated[Drift, typer.Option(help="Render the golden set first; warn of a jump, or stop.")]
ApprovalOption = Annotated[Approval, typer.Option(help="wait: publish when people have decided on what needs them.")]
MarkOption = Annotated[
    bool, typer.Option("--visible-mark", help="Say on generated pictures that they are; kept as a set of its own.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Pictures that some check could not judge (no weights for it) go to a person.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be made: asked alike by what plans it and by what makes it."""

    scenes: Annotated[str, typer.Option(help="Scenes, comma-separated; empty: all that fit each category.")] = ""
    placements: PlacementsOption = ""
    brand: BrandOption = ""
    variants: Annotated[int, typer.Option(help="Pictures per product and scene.")] = 1
    masters: Annotated[
        int, typer.Option(help="Master shapes per product and scene at most; `plan` says what more gain.", min=1, max=8)
    ] = 1
    limit: LimitOption = None
    model: ModelOption = "kolors-nano"
    max_cost: Annotated[float | None, typer.Option(help="Stop rendering, resumably, when this much is spent.")] = None
    candidates: Annotated[int, typer.Option(help="Takes rendered per picture; the best is kept.")] = 1

    def brief(self, catalog: str, **more: Any) -> CampaignBrief:
        """The brief of a campaign from that catalogue; ConfigurationError names the option that cannot be used."""
        given = {**{each.name: getattr(self, each.name) for each in fields(self)}, **more}
        lists = {"scenes": names(self.scenes), "placements": names(self.placements)}
        try:
            return CampaignBrief(catalog=catalog, **{**given, **lists})
        except ValidationError as error:
            raise ConfigurationError(_first_problems(error)) from error


@dataclass(frozen=True, kw_only=True)
class Dress:
    """In which words and form pictures are delivered."""

    locale: Annotated[str, typer.Option(help="Copy in this language, as a set of its own; empty: each product's.")] = ""
    copy_file: Annotated[
        str, typer.Option("--copy", help="A CSV: sku and columns of copy that win over the catalogue's.")
    ] = ""
    layers: Annotated[bool, typer.Option("--layers", help="A layered SVG beside each dressed picture.")] = False

    def fields(self) -> dict[str, Any]:
        """The brief's fields; ConfigurationError for a language that is not set."""
        if self.locale and self.locale not in LOCALES:
            raise ConfigurationError(f"--locale: found {self.locale!r}, expected one of {', '.join(LOCALES)}.")
        return {"locale": self.locale, "copy_file": self.copy_file, "layers": self.layers}


def asks_for(group: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command whose parameter of that type becomes one option a field; the command is given them as one."""

    def ask(command: Callable[..., None]) -> Callable[..., None]:
        signature, hints = inspect.signature(command, eval_str=True), get_type_hints(group, include_extras=True)
        options = [_option(each.name, hints[each.name], each.default) for each in fields(group)]
        (whole,) = [name for name, each in signature.parameters.items() if each.annotation is group]

        @wraps(command)
        def asked(**given: Any) -> None:
            command(**{whole: group(**{each.name: given.pop(each.name) for each in options})}, **given)

        own = list(signature.parameters.values())
        place = list(signature.parameters).index(whole)
        flat = [*own[:place], *options, *own[place + 1 :]]
        flat = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in flat]
        asked.__signature__ = signature.replace(parameters=flat)  # type: ignore[attr-defined]
        asked.__annotations__ = {each.name: each.annotation for each in flat}
        return asked

    return ask


def configure(store: str) -> Settings:
    """Settings from the environment, with the command line's store on top."""
    settings = Settings(store=store) if store else Settings()
    use_settings(settings)
    return get_settings()


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _first_problems(error: ValidationError) -> str:
    lines = [
        f"--{str(problem['loc'][0]).replace('_', '-')}: {problem['msg']} (found {problem['input']!r})"
        for problem in error.errors()[:3]
    ]
    return "; ".join(lines) + ". See: shangxin run --help"
