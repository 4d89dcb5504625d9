"""The reviewed table of published weights: repositories, files, what they must hold, and on what terms."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from tasks.errors import ModelError

FOLDER = Path(__file__).parent
Kind = Literal["text_encoder", "tokenizer", "unet", "vae", "scheduler", "controlnet", "ip_adapter", "image_encoder"]


class Licence(BaseModel, frozen=True, extra="forbid"):
    """Terms of some weights; `commercial` says what commercial use asks for."""

    name: str
    address: str
    commercial: str
    commercial_zh: str
    passing_on: str


class Component(BaseModel, frozen=True, extra="forbid"):
    """One part of a repository and what its weight files must hold at the published size.

    `stem` and `variant` make the file name; `elements` counts numbers in all tensors together; `shapes` names the
    tensors by which a wrong file is told; `layout` is the digest of all names and shapes (see check.layout_digest);
    `channels` is the UNet's input, `image_size` the vision tower's, in px.
    """

    kind: Kind
    folder: str
    stem: str = ""
    variant: str | None = None
    tensors: int | None = None
    elements: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = {}
    layout: str = ""
    channels: int | None = None
    image_size: int | None = None


class Repository(BaseModel, frozen=True, extra="forbid"):
    """One published repository. `folder` is its name in a set; `sizes` in bytes and `sha256_starts` where known."""

    folder: str
    repo_id: str
    revision: str
    required: bool = False
    licences: tuple[str, ...]
    use: str
    note: str = ""
    allow_patterns: tuple[str, ...]
    sizes: Mapping[str, int] = {}
    sha256_starts: Mapping[str, str] = {}
    components: tuple[Component, ...]


class PublishedSet(BaseModel, frozen=True, extra="forbid"):
    """A model set made of published repositories, as reviewed on a date."""

    name: str
    title: str
    native_size: int
    precision: Literal["fp32", "bf16", "fp16"]
    reviewed: dt.date
    basis: str
    licences: Mapping[str, Licence]
    repositories: tuple[Repository, ...]

    def terms(self, folders: tuple[str, ...] | None = None) -> tuple[Licence, ...]:
        """The licences of all repositories, or of those named, each once, in the table's order."""
        used = {key for repo in self.repositories if folders is None or repo.folder in folders for key in repo.licences}
        return tuple(licence for key, licence in self.licences.items() if key in used)

    def repository(self, folder: str) -> Repository:
        for repo in self.repositories:
            if repo.folder == folder:
                return repo
        names = ", ".join(repo.folder for repo in self.repositories)
        raise ModelError(f"model set {self.name!r} has no repository {folder!r}; it has: {names}")


@cache
def published_sets() -> dict[str, PublishedSet]:
    """Every reviewed set by name. Raises ModelError where a table cannot be used."""
    return {found.name: found for found in map(read_table, sorted(FOLDER.glob("*.json")))}


def read_table(path: Path) -> PublishedSet:
    try:
        return PublishedSet.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(f"{path} cannot be used: {error.errors()[0]['loc']} {error.errors()[0]['msg']}") from error


def licence_note(published: PublishedSet) -> str:
    """One paragraph for reports: every licence with what commercial use asks for, Chinese and English."""
    return " · ".join(
        f"{terms.name}: {terms.commercial_zh} {terms.commercial}; {terms.passing_on} ({terms.address})"
        for terms in published.terms()
    )
