"""Model sets on disk: which there are and what they say of themselves. Free of torch, so that planning may ask."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from tasks.errors import ModelError
from tasks.rendering.job import ModelRef, Sampler

CARD = "set.json"
BUILT_IN = Path(__file__).parent / "models"  # sets that ship with the project


class ModelSet(BaseModel, frozen=True, extra="ignore"):
    """What `set.json` says. `native_size` is the side in px of the square the model draws best."""

    name: str
    revision: str
    native_size: int = 1024
    draft: bool = False
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    licence: str = ""
    note: str = ""
    sampler: Sampler | None = None  # stands in for the scenes' own where the model needs another
    folder: Path = Path()

    @property
    def ref(self) -> ModelRef:
        return ModelRef(name=self.name, revision=self.revision, precision=self.precision)


def resolve_model(name: str, *, models_dir: Path | None = None) -> ModelRef:
    """Name, revision and precision of a model set, as jobs carry them. Raises ModelError where there is none."""
    return find_model_set(name, models_dir=models_dir).ref


def find_model_set(name: str, *, models_dir: Path | None = None, built_in: Path = BUILT_IN) -> ModelSet:
    """The set called `name`: a folder of that name or one whose card has it, own folder before built-in ones."""
    places = [place for place in (models_dir, built_in) if place is not None]
    for place in places:
        for folder in _candidates(place, name):
            return read_model_set(folder)
    known = sorted({found.name for place in places for found in _all_sets(place)})
    raise ModelError(
        f"model set {name!r} was not found in {' or '.join(str(place) for place in places)}; "
        f"there is: {', '.join(known) or 'none'}. Put the set's folder there or set SHANGXIN_MODELS_DIR"
    )


def list_model_sets(models_dir: Path | None = None, *, built_in: Path = BUILT_IN) -> list[ModelSet]:
    """Every set in the own folder and among the built-in ones."""
    return [found for place in (models_dir, built_in) if place is not None for found in _all_sets(place)]


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
