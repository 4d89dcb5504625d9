"""Model sets on disk: which there are and what they say of themselves. Free of torch, so that planning may ask."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from tasks.errors import ModelError
from tasks.rendering.checkpoints.layout import Located
from tasks.rendering.checkpoints.present import find_published, revision
from tasks.rendering.checkpoints.table import published_sets
from tasks.rendering.job import ModelRef, Sampler
from tasks.rendering.tuning import full_name, parse_name

CARD = "set.json"
BUILT_IN = Path(__file__).parent / "models"  # sets that ship with the project


class ModelSet(BaseModel, frozen=True, extra="ignore"):
    """What `set.json` or a reviewed table says. `native_size` is the side in px of the square the model draws best.

    `margin` (px, a multiple of 16) is drawn around it and cut off: a small net spoils its rim.
    `textured` sets get a material's fine texture on grounds that are enlarged.
    `published` names the reviewed table; `places` says where repositories lie that are not folders of the set.
    """

    name: str
    revision: str
    native_size: int = 1024
    textured: bool = False
    margin: int = Field(default=0, ge=0, multiple_of=16)
    draft: bool = False
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    licence: str = ""
    note: str = ""
    sampler: Sampler | None = None  # stands in for the scenes' own where the model needs another
    folder: Path = Path()
    published: str = ""
    tuning: tuple[str, ...] = ()
    places: Mapping[str, Path] = {}

    @property
    def ref(self) -> ModelRef:
        return ModelRef(name=full_name(self.name, self.tuning), revision=self.revision, precision=self.precision)

    def repository(self, name: str) -> Path:
        """Where one of the set's repositories lies, or would."""
        return self.places.get(name, self.folder / name)


def resolve_model(name: str, *, models_dir: Path | None = None) -> ModelRef:
    """Name, revision and precision of a model set, as jobs carry them. Raises ModelError where there is none."""
    return find_model_set(name, models_dir=models_dir).ref


def find_model_set(name: str, *, models_dir: Path | None = None, built_in: Path = BUILT_IN) -> ModelSet:
    """The set called `name`: a folder of that name, one whose card has it, or the published repositories of a table.

    Own folder before built-in ones; published sets are looked for in the Hub's cache too. After a colon the name may
    carry tunings (tasks.rendering.tuning). Raises ModelError.
    """
    own, tuning = parse_name(name)
    return _find(own, models_dir=models_dir, built_in=built_in).model_copy(update={"tuning": tuning})


def _find(name: str, *, models_dir: Path | None, built_in: Path) -> ModelSet:
    places = [place for place in (models_dir, built_in) if place is not None]
    for place in places:
        for folder in _candidates(place, name):
            return read_model_set(folder)
    if name in published_sets():
        return _find_published(name, models_dir)
    known = sorted({found.name for place in places for found in _all_sets(place)})
    raise ModelError(
        f"model set {name!r} was not found in {' or '.join(str(place) for place in places)}; "
        f"there is: {', '.join(known) or 'none'}; to be fetched: {', '.join(published_sets())}. Put the set's folder "
        f"there or set SHANGXIN_MODELS_DIR"
    )


def list_model_sets(models_dir: Path | None = None, *, built_in: Path = BUILT_IN) -> list[ModelSet]:
    """Every set with a card, in the own folder and among the built-in ones; published sets are not among them."""
    return [found for place in (models_dir, built_in) if place is not None for found in _all_sets(place)]


def hub_cache() -> Path:
    """Where the Hub's own client keeps what it downloads."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def find_published_anywhere(name: str, models_dir: Path | None = None) -> Located | None:
    """Where a published set lies: below `models_dir`, else in the Hub's cache; None where nothing of it does.

    Raises ModelError where it is there in part, or changed since it was pinned.
    """
    for place in (models_dir, hub_cache()):
        located = find_published(published_sets()[name], place) if place is not None else None
        if located is not None:
            return located
    return None


def _find_published(name: str, models_dir: Path | None) -> ModelSet:
    located = find_published_anywhere(name, models_dir)
    if located is not None:
        return published_model_set(located)
    raise ModelError(
        f"model set {name!r} is not in {models_dir or 'SHANGXIN_MODELS_DIR (not set)'} nor in the Hub's cache "
        f"{hub_cache()}; set SHANGXIN_MODELS_DIR to a folder with room and run `shangxin models fetch {name}`"
    )


def published_model_set(located: Located) -> ModelSet:
    """The card of a published set, from its reviewed table."""
    published = located.published
    return ModelSet(
        name=published.name,
        revision=revision(located),
        native_size=published.native_size,
        precision=published.precision,
        licence=", ".join(terms.name for terms in published.terms(tuple(located.places))),
        note=published.title,
        folder=located.folder,
        published=published.name,
        places=dict(located.places),
    )


def read_model_set(folder: Path) -> ModelSet:
    """Read a set's card. Raises ModelError where it is missing or wrong."""
    card = folder / CARD
    try:
        found = ModelSet.model_validate_json(card.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {CARD}, so it is no model set; expected keys: name, revision") from error
    except ValidationError as error:
        raise ModelError(f"{card} cannot be used: {error.errors()[0]['loc']} {error.errors()[0]['msg']}") from error
    return found.model_copy(update={"folder": folder})


def _candidates(place: Path, name: str) -> list[Path]:
    if (place / name / CARD).is_file():
        return [place / name]
    return [found.folder for found in _all_sets(place) if found.name == name]


def _all_sets(place: Path) -> list[ModelSet]:
    cards = [place / CARD, *sorted(place.glob(f"*/{CARD}"))]
    return [read_model_set(card.parent) for card in cards if card.is_file()]
