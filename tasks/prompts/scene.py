"""What the files under templates/ hold: scenes, categories, brands, locales, single SKUs."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from tasks.prompts.layer import Frozen, Layered
from tasks.shapes import Size


class Title(Frozen):
    """A name in the two languages of the product."""

    zh: str = Field(min_length=1)
    en: str = ""


class Reference(Frozen):
    """Pictures whose look is followed, as paths under templates/, and how much they count."""

    images: tuple[str, ...] = Field(min_length=1)
    scale: float = 0.5


class Named(Layered):
    """A file that is spoken of by its name; `id` must be the file's own name."""

    id: str = Field(pattern=r"^[\w.-]{1,80}$")
    title: Title
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.id, self.title.zh, self.title.en, *self.aliases)))


class Scene(Named):
    """One setting. Settings of the renderer stay plain values here; tasks.rendering.plan checks and turns them.

    `categories` empty: fits all. `size` is the master's. `light` is where the light comes from, degrees clockwise from
    the top. `lettering` says that writing belongs to the setting, so no check looks for it. `staging`, `shadow`,
    `reflection`, `harmony`, `controls` and `people` hold fields of tasks.rendering.job; `sampler` names a preset.
    """

    categories: tuple[str, ...] = ()
    background: Literal["generated", "white"] = "generated"
    size: Size = Size(1024, 1024)
    light: float = Field(default=315.0, ge=0, lt=360)
    sampler: str = "dpm-25"
    lettering: bool = False
    staging: dict[str, Any] = Field(default_factory=dict)
    shadow: dict[str, Any] | None = Field(default_factory=dict)
    reflection: dict[str, Any] | None = None
    harmony: dict[str, Any] | None = Field(default_factory=dict)
    controls: tuple[dict[str, Any], ...] = ()
    people: tuple[dict[str, Any], ...] = ()
    reference: Reference | None = None

    @field_validator("size")
    @classmethod
    def _multiples_of_64(cls, size: Size) -> Size:
        if any(side < 64 or side > 4096 or side % 64 for side in size):
            raise ValueError(f"{size} does not fit: both sides must be multiples of 64 between 64 and 4096")
        return size


class Category(Named):
    """A kind of goods; catalogues may call it by its id, either title or any alias."""


class Brand(Named):
    """A brand's look and its words. `colors` are #rrggbb by role, `palette` the same in words for prompts."""

    tone: tuple[str, ...] = ()
    palette: str = ""
    colors: dict[str, str] = Field(default_factory=dict)
    lines: dict[str, str] = Field(default_factory=dict, description="Brand line by locale.")
    logo: str = Field(default="", description="Path under templates/.")
    faces: dict[Literal["display", "text"], Literal["sans", "serif"]] = Field(default_factory=dict)
    creator: str = ""
    rights: str = ""
    reference: Reference | None = None

    @field_validator("colors")
    @classmethod
    def _hex(cls, colors: dict[str, str]) -> dict[str, str]:
        for role, color in colors.items():
            if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
                raise ValueError(f"{role} is {color!r}, expected #rrggbb")
        return colors


class Locale(Named):
    """A language or market; prompts stay Chinese, the mood may differ."""


class SkuLayer(Layered):
    """Edits for one SKU alone."""

    sku: str = Field(min_length=1)
