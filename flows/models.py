"""`shangxin models`: which model sets there are, getting them, judging them, converting their pickles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tasks.errors import ConfigurationError, ModelError
from tasks.rendering.checkpoints.check import Remark
from tasks.rendering.checkpoints.fetch import fetch_set, pin_present
from tasks.rendering.checkpoints.hub import HuggingFaceHub
from tasks.rendering.checkpoints.layout import Located, locate, set_folder
from tasks.rendering.checkpoints.lock import LOCK, read_lock
from tasks.rendering.checkpoints.present import wanted_files
from tasks.rendering.checkpoints.table import PublishedSet, published_sets
from tasks.rendering.checkpoints.verify import verify
from tasks.rendering.helpers import helpers
from tasks.rendering.modelset import ModelSet, hub_cache, list_model_sets
from tasks.rendering.presets import PRESETS
from tasks.rendering.reviewed import find_reviewed
from tasks.rendering.tuning import TUNINGS
from tasks.settings import get_settings

models = typer.Typer(no_args_is_help=True, help="Model sets: list, fetch, verify, convert.")
out = Console()
MARKS = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "wrong": "[red]✗[/]"}

NameArgument = Annotated[str, typer.Argument(help="The model set.")]
FolderOption = Annotated[Path | None, typer.Option("--dir", help="Folder with model sets; empty: SHANGXIN_MODELS_DIR.")]
OnlyOption = Annotated[str, typer.Option(help="Only these repositories of the set, comma-separated.")]


@models.command("list")
def list_sets(folder: FolderOption = None) -> None:
    """Every set known: where it is, complete or what is missing, size, licence."""
    models_dir = folder or get_settings().models_dir
    for found in list_model_sets(models_dir):
        _print_set(found)
    for published in published_sets().values():
        _print_published(find(published, folder))
    _print_helpers(models_dir)
    out.print("采样预设 Sampler presets (scenes name them) and what each may change in the picture:")
    for name, preset in PRESETS.items():
        out.print(f"  {name}: {preset.changes}", soft_wrap=True, highlight=False)
    out.print("加速选项 Tunings, after a colon (--model kolors:compiled+fused-qkv), and what each may change:")
    for name, changes in TUNINGS.items():
        out.print(f"  {name}: {changes}", soft_wrap=True, highlight=False)


@models.command()
def fetch(
    name: NameArgument = "kolors",
    folder: FolderOption = None,
    only: OnlyOption = "",
    update: Annotated[bool, typer.Option("--update", help="Move the pins to what the Hub has now.")] = False,
) -> None:
    """Download a set at its pinned commits, resumably; the first fetch pins commit and sha256 of every file."""
    published = _published(name)
    models_dir = folder or get_settings().models_dir
    if models_dir is None:
        raise ConfigurationError("nowhere to put the weights: set SHANGXIN_MODELS_DIR or give --dir (27 GB for kolors)")
    for terms in published.terms():
        out.print(f"{MARKS['note']} {escape(terms.name)}: {escape(terms.commercial)} ({terms.address})", soft_wrap=True)
    where = set_folder(published, models_dir)
    chosen = tuple(part.strip() for part in only.split(",") if part.strip())
    lock = fetch_set(published, where, hub=HuggingFaceHub(), say=out.print, only=chosen, update=update)
    out.print(f"{MARKS['ok']} {escape(str(where))}: {len(lock.repositories)} repositories pinned in {LOCK}")
    raise typer.Exit(_print_remarks(verify(locate(published, models_dir, commits=lock.commits))))


@models.command("verify")
def verify_set(
    name: NameArgument = "kolors",
    folder: FolderOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every file for its sha256 as well.")] = False,
    pin: Annotated[bool, typer.Option("--pin", help="Pin files that were put here by hand, if all is well.")] = False,
) -> None:
    """Names, shapes, types, counts, schedule, sizes: read from headers, no weights loaded. 0 all well, 2 not."""
    located = find(_published(name), folder)
    code = _print_remarks(verify(located, deep=deep))
    if pin and code == 0:
        lock = pin_present(located.published, located.folder, located.places, commit="put here by hand")
        out.print(f"{MARKS['ok']} {len(lock.repositories)} repositories pinned in {escape(str(located.folder / LOCK))}")
    raise typer.Exit(code)


@models.command()
def convert(name: NameArgument = "kolors", folder: FolderOption = None) -> None:
    """The IP-Adapter's and the image encoder's pickles to safetensors: read once, no code of theirs is run."""
    from tasks.rendering.checkpoints.convert import convert_set  # torch

    located = find(_published(name), folder)
    if not located.places:
        raise ModelError(f"nothing of {name!r} in {located.folder.parent}; run `shangxin models fetch {name}`")
    for made, source in convert_set(located):
        out.print(f"{MARKS['ok']} {escape(str(made))} from {source.name}", soft_wrap=True)
    out.print("no pickle will be opened again; those converted may be deleted")


def find(published: PublishedSet, folder: Path | None) -> Located:
    """Where a set lies: in the folder given, the setting's, else the Hub's cache."""
    places = [folder] if folder is not None else [place for place in (get_settings().models_dir, hub_cache()) if place]
    found = []
    for place in places:
        lock = read_lock(set_folder(published, place))
        found.append(locate(published, place, commits=lock.commits if lock else None))
    return next((located for located in found if located.places), found[0])


def _published(name: str) -> PublishedSet:
    sets = published_sets()
    if name not in sets:
        raise ModelError(f"no reviewed table of a model set {name!r}; there is: {', '.join(sets)}")
    return sets[name]


def _print_helpers(models_dir: Path | None) -> None:
    """Models beside the picture model, which nobody needs and nothing downloads."""
    for title, zh, reviewed in helpers():
        found = find_reviewed(models_dir, reviewed)
        name, mark = (found.name, MARKS["ok"]) if found else (next(iter(reviewed)), MARKS["note"])
        where = str(models_dir) if found else "not here, not needed"
        out.print(
            f"{mark} [bold]{name}[/] {title} {zh}; {escape(where)}; {reviewed[name][1]}, {reviewed[name][2]}",
            soft_wrap=True,
        )


def _print_set(found: ModelSet) -> None:
    size = sum(path.stat().st_size for path in found.folder.rglob("*") if path.is_file())
    state = f"{found.name} {_gb(size)}" + (", draft" if found.draft else "")
    out.print(f"{MARKS['ok']} [bold]{escape(state)}[/] {escape(str(found.folder))}; {escape(found.licence)}")


def _print_published(located: Located) -> None:
    published = located.published
    licences = ", ".join(terms.name for terms in published.terms())
    if not located.places:
        out.print(
            f"{MARKS['note']} [bold]{published.name}[/] not here: `shangxin models fetch {published.name}`; {licences}"
        )
        return
    size = sum(path.stat().st_size for path in _files(located))
    lacking = ", ".join(repo.folder for repo in located.missing)
    mark = "wrong" if located.lacks_required else "note" if lacking else "ok"
    pinned = "pinned" if read_lock(located.folder) else "not pinned"
    state = f"without {lacking}" if lacking else "all repositories"
    text = f"{_gb(size)}, {state}, {pinned}; {located.folder.parent}; {licences}"
    out.print(f"{MARKS[mark]} [bold]{published.name}[/] {escape(text)}", soft_wrap=True)


def _files(located: Located) -> Iterator[Path]:
    for repo in located.published.repositories:
        if repo.folder in located.places:
            yield from wanted_files(repo, located.places[repo.folder])


def _print_remarks(remarks: Iterator[Remark]) -> int:
    """Print each; 0 where none is wrong, else 2."""
    code = 0
    for remark in remarks:
        out.print(f"{MARKS[remark.state]} {escape(str(remark))}", soft_wrap=True)
        code = 2 if remark.state == "wrong" else code
    return code


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
