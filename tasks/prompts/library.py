"""Everything under templates/ that prompts need, read and checked once."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tasks.errors import TemplateError
from tasks.prompts.layer import Layer, Layered, LayerKind, layer_of
from tasks.prompts.parts import suggest
from tasks.prompts.reading import parse, read_yaml
from tasks.prompts.row import Goods
from tasks.prompts.scene import Brand, Category, Locale, Named, Reference, Scene, SkuLayer
from tasks.prompts.words import WordList

NamedFile = TypeVar("NamedFile", bound=Named)
BASE = "prompts/base.yaml"


@dataclass(frozen=True)
class Library:
    """Scenes, categories, brands and locales by id. `folder` is only for messages and for reference pictures."""

    folder: Path
    scenes: Mapping[str, Scene]
    categories: Mapping[str, Category] = field(default_factory=dict)
    brands: Mapping[str, Brand] = field(default_factory=dict)
    locales: Mapping[str, Locale] = field(default_factory=dict)
    layers: Mapping[tuple[LayerKind, str], Layer] = field(default_factory=dict)
    words: WordList = field(default_factory=WordList)
    references: Mapping[str, str] = field(default_factory=dict)  # path under the folder -> SHA-256 of its bytes

    _names: dict[str, dict[str, str]] = field(init=False, repr=False, compare=False)  # kind -> any name -> id

    def __post_init__(self) -> None:
        names = {kind: _names(getattr(self, kind)) for kind in ("scenes", "categories", "brands", "locales")}
        object.__setattr__(self, "_names", names)

    def scene(self, name: str) -> Scene:
        """The scene of that id or title."""
        found = self._find("scenes", name)
        if not found:
            raise TemplateError(f"there is no scene {name!r}. {suggest(name, tuple(self.scenes))}")
        return self.scenes[found]

    def brand(self, name: str) -> Brand:
        """The brand of that id, title or alias."""
        found = self._find("brands", name)
        if not found:
            raise TemplateError(f"there is no brand {name!r}. {suggest(name, tuple(self.brands))}")
        return self.brands[found]

    def category_id(self, name: str) -> str:
        """The category's id, by id, title or alias; empty where the library does not know it."""
        return self._find("categories", name)

    def brand_id(self, name: str) -> str:
        return self._find("brands", name)

    def locale_id(self, name: str) -> str:
        return self._find("locales", name)

    def scenes_for(self, goods: Goods, *, only: tuple[str, ...] = ()) -> tuple[Scene, ...]:
        """Scenes a product gets: those its row names, or else those that fit its category; `only` narrows both."""
        if goods.scenes:
            wanted = {self.scene(name).id for name in goods.scenes}
            fitting = [scene for scene in self.scenes.values() if scene.id in wanted]
        else:
            category = self.category_id(goods.category)
            fitting = [scene for scene in self.scenes.values() if not scene.categories or category in scene.categories]
        allowed = {self.scene(name).id for name in only}
        return tuple(scene for scene in fitting if not allowed or scene.id in allowed)

    def _find(self, kind: str, name: str) -> str:
        names = self._names[kind]
        return names.get(name) or names.get(name.strip().casefold(), "")


def load_library(folder: Path) -> Library:
    """Read templates/: scenes/, brands/, prompts/ and words/. TemplateError names file and field of what is wrong."""
    if not (folder / "scenes").is_dir():
        raise TemplateError(f"{folder}: has no folder scenes/. Point SHANGXIN_TEMPLATES at the templates folder.")
    scenes = _read_all(folder, "scenes", Scene)
    categories = _read_all(folder, "prompts/categories", Category)
    brands = _read_all(folder, "brands", Brand)
    locales = _read_all(folder, "prompts/locales", Locale)
    library = Library(
        folder=folder,
        scenes={item.id: item for _, item in scenes},
        categories={item.id: item for _, item in categories},
        brands={item.id: item for _, item in brands},
        locales={item.id: item for _, item in locales},
        layers={
            ("base", ""): _base(folder),
            **_layers("scene", scenes),
            **_layers("category", categories),
            **_layers("brand", brands),
            **_layers("locale", locales),
            **_sku_layers(folder),
        },
        words=_words(folder),
        references=dict(_references(folder, [*scenes, *brands])),
    )
    if not library.scenes:
        raise TemplateError(f"{folder / 'scenes'}: holds no scene; add one YAML file (see README.md there).")
    return library


def _read_all(folder: Path, below: str, model: type[NamedFile]) -> list[tuple[str, NamedFile]]:
    files = []
    for path in sorted((folder / below).glob("*.yaml")):
        shown = _shown(folder, path)
        item = parse(model, read_yaml(path, shown=shown), shown=shown)
        if item.id != path.stem:
            raise TemplateError(f"{shown}: id is {item.id!r}, expected the file's own name {path.stem!r}")
        files.append((shown, item))
    _refuse_doubles(files)
    return files


def _refuse_doubles(files: list[tuple[str, NamedFile]]) -> None:
    owner: dict[str, str] = {}
    for shown, item in files:
        for name in {name.casefold() for name in item.names}:
            if name in owner:
                raise TemplateError(f"{shown}: the name {name!r} is already taken by {owner[name]}")
            owner[name] = shown


def _layers(kind: LayerKind, files: list[tuple[str, NamedFile]]) -> dict[tuple[LayerKind, str], Layer]:
    return {(kind, item.id): layer_of(item, kind=kind, name=item.id, file=shown) for shown, item in files}


def _base(folder: Path) -> Layer:
    path = folder / BASE
    shown = _shown(folder, path)
    content = parse(Layered, read_yaml(path, shown=shown), shown=shown) if path.exists() else Layered()
    return layer_of(content, kind="base", name="", file=shown)


def _sku_layers(folder: Path) -> dict[tuple[LayerKind, str], Layer]:
    layers: dict[tuple[LayerKind, str], Layer] = {}
    for path in sorted((folder / "prompts/skus").glob("*.yaml")):
        shown = _shown(folder, path)
        content = parse(SkuLayer, read_yaml(path, shown=shown), shown=shown)
        layers["sku", content.sku] = layer_of(content, kind="sku", name=content.sku, file=shown)
    return layers


def _words(folder: Path) -> WordList:
    path = folder / "words/advertising-law.yaml"
    shown = _shown(folder, path)
    return parse(WordList, read_yaml(path, shown=shown), shown=shown) if path.exists() else WordList()


def _references(
    folder: Path, files: list[tuple[str, Scene]] | list[tuple[str, NamedFile]]
) -> Iterator[tuple[str, str]]:
    for shown, item in files:
        reference: Reference | None = getattr(item, "reference", None)
        for image in reference.images if reference else ():
            path = folder / image
            if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
                raise TemplateError(f"{shown}: reference.images: {image!r} is not a file under {folder.name}/")
            yield image, hashlib.sha256(path.read_bytes()).hexdigest()


def _names(items: Mapping[str, Named]) -> dict[str, str]:
    return {name.casefold(): item.id for item in items.values() for name in item.names} | {name: name for name in items}


def _shown(folder: Path, path: Path) -> str:
    return (folder.name / path.relative_to(folder)).as_posix()
