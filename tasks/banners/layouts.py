"""Layouts as data: where copy stands in a frame of some shape, how large, and what goes first when space is short."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from tasks.banners.rules import Frozen, Title
from tasks.errors import TemplateError
from tasks.shapes import Size

Side = Literal["top", "bottom", "left", "right"]
Align = Literal["start", "center", "end"]
ELEMENTS = (
    "logo", "badge", "headline", "subline", "points", "price", "cta", "upper", "lower", "scroll",
)  # fmt: skip
Share = Annotated[float, Field(ge=0, lt=1)]
SHARED = "elements.yaml"


class Element(Frozen):
    """How one element is set. `size` is a share of the frame's shorter side, `least` px; `above` and `pad` in em.

    `role` is its colour: ink on the picture, accent (the brand's), or on a plate of the brand's colour.
    """

    size: float = Field(gt=0, lt=1)
    least: float = Field(default=11, ge=8)
    most: float = Field(default=400, ge=8)
    lines: int = Field(default=1, ge=1, le=8)
    weight: Literal["regular", "bold"] = "regular"
    face: Literal["display", "text"] = "text"
    leading: float = 1.3
    tracking: float = 0.0
    above: float = 0.6
    role: Literal["ink", "accent"] = "ink"
    plate: Literal["", "pill", "tag", "paper"] = ""
    pad: float = 0.5
    show: Literal["line", "list", "chips"] = "line"
    limit: int = 4  # of selling points
    vertical: bool = False


class Place(Frozen):
    """Copy on one side of the product: columns beside one another, each of rows, each of elements."""

    side: Side
    columns: tuple[tuple[tuple[str, ...], ...], ...]
    align: Align = "start"
    valign: Align = "center"
    gap: Share = 0.2  # between columns, as a share of the shorter side
    depth: float = Field(default=1.0, gt=0, le=1)  # the most of the frame it may take, from its side


class Insets(Frozen):
    """Shares of the frame that the product keeps out of."""

    left: Share = 0.0
    top: Share = 0.0
    right: Share = 0.0
    bottom: Share = 0.0


class Variant(Frozen):
    """One arrangement: where the product stands and where the copy goes."""

    product: Insets = Insets()
    places: tuple[Place, ...] = Field(min_length=1)
    prefer: float = 0.0  # added to its score


class Layout(Frozen):
    """A layout for frames whose width / height is within `ratio`, whose shorter side is within `shorter` px."""

    id: str
    title: Title
    ratio: tuple[float, float]
    shorter: tuple[int, int] = (1, 20000)
    scenes: tuple[str, ...] = ()
    margin: Share = 0.06
    variants: tuple[Variant, ...] = Field(min_length=1)
    drop: tuple[str, ...] = ("badge", "points", "subline", "logo", "cta", "price")
    keep: tuple[str, ...] = ()  # where the copy has one of these, it is set or the layout does not serve
    elements: dict[str, Element]

    @model_validator(mode="after")
    def _consistent(self) -> "Layout":
        for variant in self.variants:
            insets = variant.product
            if insets.left + insets.right >= 0.9 or insets.top + insets.bottom >= 0.9:
                raise ValueError("product: its insets leave no room for it")
            for name in (
                each for place in variant.places for column in place.columns for row in column for each in row
            ):
                if name not in self.elements:
                    raise ValueError(f"places: {name!r} is no element; expected {', '.join(ELEMENTS)}")
        return self

    def fits(self, frame: Size, scene: str) -> bool:
        least, most = self.ratio
        smallest, largest = self.shorter
        shaped = least <= frame.ratio <= most and smallest <= min(frame) <= largest
        return shaped and (not self.scenes or scene in self.scenes)


def load_layouts(folder: Path) -> tuple[Layout, ...]:
    """Every layout of `folder`, those for some scenes first, then by file name. TemplateError: file and field."""
    shared = _read(folder / SHARED)
    paths = [path for path in sorted(folder.glob("*.yaml")) if path.name != SHARED]
    if not paths:
        raise TemplateError(f"{folder}: no layout files (*.yaml) found. Expected at least one; see its README.md.")
    layouts = [_layout(path, _read(path), shared) for path in paths]
    return tuple(sorted(layouts, key=lambda layout: not layout.scenes))


def fitting_layouts(layouts: tuple[Layout, ...], frame: Size, scene: str) -> tuple[Layout, ...]:
    """The layouts that are for such a frame, in the order of preference."""
    return tuple(layout for layout in layouts if layout.fits(frame, scene))


def _layout(path: Path, content: dict[str, Any], shared: Mapping[str, Any]) -> Layout:
    own: dict[str, Any] = content.get("elements", {})
    elements = {name: {**shared.get(name, {}), **own.get(name, {})} for name in {*shared, *own}}
    try:
        layout = Layout.model_validate({**content, "elements": elements})
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise TemplateError(
            f"{path}: {field or 'layout'}: {problem['msg']} (found {problem['input']!r:.80})"
        ) from error
    if layout.id != path.stem:
        raise TemplateError(f"{path}: id: found {layout.id!r}, expected the file's own name {path.stem!r}")
    return layout


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TemplateError(f"{path}: not a readable YAML file ({error}).") from error
    if not isinstance(found, dict):
        raise TemplateError(f"{path}: found {type(found).__name__}, expected fields such as id and variants")
    return found
