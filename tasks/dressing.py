"""How the renditions of one brief are dressed: whose copy, in which look and layouts, and the digest of it all."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

from tasks.banners.dress import DRESSING, Dresser
from tasks.banners.inks import Colour, Look
from tasks.banners.layouts import Layout, load_layouts
from tasks.banners.pieces import Setter
from tasks.banners.placement import Placement
from tasks.banners.typography.fonts import FontBook
from tasks.banners.wording import Copy, Problem, read_copy
from tasks.catalog.brief import CampaignBrief
from tasks.catalog.copy_file import CopyFile
from tasks.prompts.scene import Brand
from tasks.workplace import Workplace

FONTS, LAYOUTS = "fonts", "layouts"  # under templates/


class Wardrobe:
    """Layouts, fonts and brands of one brief, opened when the first copy is to be set."""

    def __init__(self, workplace: Workplace, brief: CampaignBrief) -> None:
        self._templates, self._library, self._brief = workplace.settings.templates, workplace.library, brief
        self._read_copy = workplace.copy_file
        self._looks: dict[str, list[Any]] = {}

    def copy(self, sku: str, facts: Mapping[str, Any]) -> Copy:
        """What this product's banners say."""
        return read_copy(self._copy_file.over(sku, facts), self._brief.locale)

    def dresser(self, sku: str, facts: Mapping[str, Any], scene: str) -> Dresser | None:
        """Who dresses this product in this scene; None where there is nothing to say."""
        copy = self.copy(sku, facts)
        if copy.is_empty:
            return None
        brand = self._brand(facts)
        setter, notes = self._setter(brand, facts, copy)
        marked = self._brief.visible_mark
        return Dresser(
            self._layouts,
            setter,
            copy,
            look_of(brand),
            scene=scene,
            marked=marked,
            layers=self._brief.layers,
            notes=notes,
        )

    def digest(self, sku: str, facts: Mapping[str, Any]) -> str:
        """Of all that copy, look and layout add to this product's renditions; "" where nothing is set."""
        copy = self.copy(sku, facts)
        if copy.is_empty:
            return ""
        brand = self._brand(facts)
        return _digest(
            [list(copy[:-1]), *self._look_words(brand), facts.get("brand", ""), self._brief.layers, self._shared]
        )

    @cached_property
    def everything(self) -> str:
        """Digest of what may change any product's copy beside its own facts."""
        brands = [self._look_words(brand) for _, brand in sorted(self._library.brands.items())]
        return _digest([brands, self._brief.brand, self._brief.locale, self._copy_file.digest, self._shared])

    def _look_words(self, brand: Brand | None) -> list[Any]:
        if brand is None:
            return []
        if brand.id not in self._looks:
            self._looks[brand.id] = self._read_look(brand)
        return self._looks[brand.id]

    def _read_look(self, brand: Brand) -> list[Any]:
        logo = self._templates / brand.logo
        drawn = hashlib.sha256(logo.read_bytes()).hexdigest() if brand.logo and logo.is_file() else ""
        return [brand.colors, brand.faces, brand.logo, drawn, brand.title.zh, brand.title.en]

    @cached_property
    def _shared(self) -> str:
        files = [*sorted((self._templates / LAYOUTS).glob("*.yaml")), *sorted((self._templates / FONTS).glob("*.otf"))]
        return _digest([DRESSING, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)])

    @cached_property
    def _layouts(self) -> tuple[Layout, ...]:
        return load_layouts(self._templates / LAYOUTS)

    @cached_property
    def _fonts(self) -> FontBook:
        return FontBook(self._templates / FONTS)

    @cached_property
    def _copy_file(self) -> CopyFile:
        return self._read_copy(self._brief.copy_file) if self._brief.copy_file else CopyFile({}, "")

    def _brand(self, facts: Mapping[str, Any]) -> Brand | None:
        return self._library.brands.get(self._library.brand_id(self._brief.brand or facts.get("brand", "")))

    def _setter(self, brand: Brand | None, facts: Mapping[str, Any], copy: Copy) -> tuple[Setter, list[Problem]]:
        name = facts.get("brand", "")
        if brand is None:
            return Setter(self._fonts, wordmark=name), []
        wordmark = brand.title.en if copy.locale.startswith("en") and brand.title.en else brand.title.zh
        setter = Setter(
            self._fonts, brand.faces.get("display", "sans"), brand.faces.get("text", "sans"), wordmark=wordmark
        )
        if not brand.logo:
            return setter, []
        ratio, problem = logo_ratio(self._templates / brand.logo)
        if problem:
            return setter, [Problem("logo", f"{problem}; the brand's name is set instead")]
        return setter._replace(logo=str(self._templates / brand.logo), logo_ratio=ratio), []


def takes_copy(placement: Placement) -> bool:
    """Whether a placement's rules leave room for copy."""
    return not placement.needs_white and not (placement.text and placement.text.value == "none")


def look_of(brand: Brand | None) -> Look:
    """A brand's colours, the house's where it names none."""
    colours = {} if brand is None else brand.colors
    found = {role: _rgb(colours[role]) for role in Look._fields if role in colours}
    if "primary" in found and "accent" not in found:
        found["accent"] = found["primary"]
    return Look(**found)


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def logo_ratio(path: Path) -> tuple[float, str]:
    """Width by height of a logo, or why it cannot be used."""
    try:
        with Image.open(path) as image:
            image.load()
            return image.width / image.height, ""
    except OSError as error:
        return 0.0, f"{path.name} cannot be read ({type(error).__name__})"
