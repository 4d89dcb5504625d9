"""Layers: what each file says about the parts of a prompt. Later layers speak after earlier ones."""

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from tasks.prompts.parts import PARTS, Polarity, suggest

LayerKind = Literal["base", "scene", "category", "brand", "locale", "sku"]
ORDER: tuple[LayerKind, ...] = ("base", "scene", "category", "brand", "locale", "sku")
MAX_PART_CHARACTERS = 2000


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """Base of what is read from templates/."""


class Edit(Frozen):
    """What one layer does to one prompt: `set` replaces a part, `append` adds to it, `drop` leaves it out."""

    set: dict[str, str] = Field(default_factory=dict)
    append: dict[str, str] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        return (*self.set, *self.append, *self.drop)


class Layered(Frozen):
    """Fields of every file that may speak about prompts."""

    prompt: Edit = Edit()
    negative: Edit = Edit()

    @model_validator(mode="after")
    def _parts_exist(self) -> "Layered":
        for polarity, edit in self.edits.items():
            for part in edit.parts:
                if part not in PARTS[polarity]:
                    raise ValueError(f"{polarity}: there is no part {part!r}. {suggest(part, PARTS[polarity])}")
            twice = (edit.set.keys() | edit.append.keys()) & set(edit.drop)
            if twice:
                raise ValueError(f"{polarity}: part {min(twice)} is both given and dropped")
            for part, text in (*edit.set.items(), *edit.append.items()):
                if len(text) > MAX_PART_CHARACTERS:
                    raise ValueError(f"{polarity}.{part}: {len(text)} characters, at most {MAX_PART_CHARACTERS}")
        return self

    @property
    def edits(self) -> dict[Polarity, Edit]:
        return {"prompt": self.prompt, "negative": self.negative}


class Layer(Frozen):
    """A file's edits with where they came from. `file` is what messages and `explain` show."""

    kind: LayerKind
    name: str
    file: str
    prompt: Edit = Edit()
    negative: Edit = Edit()

    @property
    def edits(self) -> dict[Polarity, Edit]:
        return {"prompt": self.prompt, "negative": self.negative}

    def __str__(self) -> str:
        return f'{self.kind} "{self.name}"' if self.name else self.kind


def layer_of(content: Layered, *, kind: LayerKind, name: str, file: str) -> Layer:
    return Layer(kind=kind, name=name, file=file, prompt=content.prompt, negative=content.negative)
