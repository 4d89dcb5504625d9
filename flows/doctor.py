"""`shangxin doctor`: what is ready and what is not, each with the way out."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from rich.console import Console
from rich.markup import escape

from flows.diagnosis import Diagnosis, State
from flows.lettering import look_at_copy, look_at_fonts, look_at_formats, look_at_logos
from flows.placements import stale_of
from tasks.errors import ModelError, ShangxinError
from tasks.rendering.checkpoints.present import revision
from tasks.rendering.checkpoints.table import Licence, PublishedSet, published_sets
from tasks.rendering.checkpoints.verify import verify
from tasks.rendering.helpers import helpers
from tasks.rendering.modelset import find_published_anywhere, list_model_sets
from tasks.rendering.presets import may_change
from tasks.rendering.reviewed import find_reviewed
from tasks.workplace import Workplace, open_workplace

MARKS: dict[State, str] = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "missing": "[red]✗[/]"}

# measured: outside these the server dies at import, or lives and never schedules
PINS = {"prefect": ">=3.8.8,<3.10", "fastapi": "<0.151", "sqlalchemy": "<2.1", "diffusers": ">=0.42", "torch": ">=2.7"}


def print_diagnosis(console: Console, catalog: str = "") -> int:
    """Print every diagnosis, of a catalogue's copy too; 0 where a run can work, else 2."""
    workplace = open_workplace()
    worst = 0
    banners = (look_at_fonts, partial(look_at_copy, catalog=catalog), look_at_logos, look_at_formats)
    for look in (_packages, _templates, *banners, _store, _database, _models, _helpers, _judges, _device):
        for diagnosis in _carefully(look, workplace):
            console.print(f"{MARKS[diagnosis.state]} [bold]{diagnosis.subject}[/] {escape(diagnosis.text)}")
            worst = max(worst, 2 if diagnosis.state == "missing" else 0)
    return worst


def _carefully(look: Callable[[Workplace], Iterator[Diagnosis]], workplace: Workplace) -> Iterator[Diagnosis]:
    try:
        yield from look(workplace)
    except ShangxinError as error:
        name = look.func.__name__ if isinstance(look, partial) else look.__name__
        yield Diagnosis(name.removeprefix("look_at_").strip("_"), "missing", str(error))


def _packages(_: Workplace) -> Iterator[Diagnosis]:
    for name, wanted in PINS.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Diagnosis(name, "missing", f"not installed, expected {wanted}. Install with -c constraints.txt.")
            continue
        fits = Version(found) in SpecifierSet(wanted, prereleases=True)
        remedy = "" if fits else f", expected {wanted}. Install with -c constraints.txt."
        yield Diagnosis(name, "ok" if fits else "missing", f"{found}{remedy}")


def _templates(workplace: Workplace) -> Iterator[Diagnosis]:
    scenes, placements = len(workplace.library.scenes), len(workplace.all_placements)
    yield Diagnosis("templates", "ok", f"{workplace.settings.templates}: {scenes} scenes, {placements} placements")
    yield from _samplers(workplace)
    stale = stale_of(workplace)
    if stale:
        oldest = min(stale, key=lambda each: each.checked)
        text = f"{len(stale)} placements have rules nobody checked for {workplace.settings.rule_months} months"
        yield Diagnosis("placements", "note", f"{text}; the oldest: {oldest.placement}, {oldest.checked}")


def _samplers(workplace: Workplace) -> Iterator[Diagnosis]:
    """Every sampler preset that scenes name, with what it may change in the picture."""
    drawn = Counter(scene.sampler for scene in workplace.library.scenes.values() if scene.background == "generated")
    for sampler, scenes in drawn.items():
        ((name, changes),) = may_change(sampler)
        yield Diagnosis(f"sampler {name}", "ok", f"{scenes} scenes; {changes}")


def _store(workplace: Workplace) -> Iterator[Diagnosis]:
    key = f"runs/.doctor-{secrets.token_hex(4)}"
    workplace.store.put(key, b"ok", content_type="text/plain")
    workplace.store.delete(key)
    yield Diagnosis("store", "ok", f"{workplace.store.uri}: written, read back, deleted")


def _database(workplace: Workplace) -> Iterator[Diagnosis]:
    yield Diagnosis("ledger", "ok", f"{workplace.ledger.name}: {workplace.ledger.size()} jobs")


def _models(workplace: Workplace) -> Iterator[Diagnosis]:
    for found in list_model_sets(workplace.settings.models_dir):
        yield Diagnosis(f"model {found.name}", "ok", f"{found.folder}; {found.licence}; {found.note}")
    for published in published_sets().values():
        yield _published(published, workplace)
        for terms in published.terms():
            yield Diagnosis("licence", "note", _terms(terms))


def _published(published: PublishedSet, workplace: Workplace) -> Diagnosis:
    """A published set need not be there, nor whole: drafts are made without one."""
    subject = f"model {published.name}"
    try:
        located = find_published_anywhere(published.name, workplace.settings.models_dir)
        if located is None:
            return Diagnosis(subject, "note", f"not here: `shangxin models fetch {published.name}`; drafts need none")
        wrong = next((remark for remark in verify(located) if remark.state == "wrong"), None)
    except ModelError as error:
        return Diagnosis(subject, "note", f"cannot be used: {error}")
    if wrong is not None:
        return Diagnosis(subject, "note", f"cannot be used: {wrong}. All: `shangxin models verify {published.name}`")
    return Diagnosis(subject, "ok", f"{located.folder.parent}; {revision(located)}; {published.title}")


def _terms(terms: Licence) -> str:
    return f"{terms.name}: {terms.commercial_zh}。{terms.commercial}; {terms.passing_on}. {terms.address}"


def _judges(workplace: Workplace) -> Iterator[Diagnosis]:
    """What checks with a model need; pictures say "not measured" without it."""
    found = all(find_spec(name) for name in ("rapidocr", "onnxruntime"))
    text = "rapidocr on onnxruntime" if found else "pip install -c constraints.txt rapidocr onnxruntime"
    yield Diagnosis("check for letters", "ok" if found else "note", text)
    folder = workplace.settings.models_dir
    for name in ("chinese-clip", "nsfw"):
        here = folder is not None and (folder / name / "model.safetensors").is_file()
        text = str(folder / name) if folder and here else f"no weights: expected {name} in SHANGXIN_MODELS_DIR"
        yield Diagnosis(f"check {name}", "ok" if here else "note", text)


def _helpers(workplace: Workplace) -> Iterator[Diagnosis]:
    """Models beside the picture model, where a shop brings them: never downloaded, and not needed."""
    folder = workplace.settings.models_dir
    for title, zh, reviewed in helpers():
        found = find_reviewed(folder, reviewed)
        if found is not None:
            yield Diagnosis(title, "ok", f"{zh} {found.name} {found.revision}; {reviewed[found.name][1]}")
        else:
            names = ", ".join(f"{name} ({source}, {licence})" for name, (_, licence, source) in reviewed.items())
            yield Diagnosis(title, "note", f"{zh}，没有也可以 not needed; taken from SHANGXIN_MODELS_DIR: {names}")


def _device(workplace: Workplace) -> Iterator[Diagnosis]:
    from tasks.rendering.devices import pick_device

    device = pick_device(workplace.settings.device)
    if device.type == "cpu":
        yield Diagnosis("device", "note", "cpu: right for kolors-nano; Kolors itself wants a GPU of 12 GB or more")
    else:
        yield Diagnosis("device", "ok", str(device))
