"""Layers laid on one another: which layer's text ends up in which part."""

from collections.abc import Mapping
from typing import NamedTuple

from tasks.errors import TemplateError
from tasks.prompts.language import Snippet, cell_snippet, read_snippet
from tasks.prompts.layer import ORDER, Edit, Layer, LayerKind
from tasks.prompts.library import Library
from tasks.prompts.parts import PARTS, Polarity, suggest
from tasks.prompts.row import Goods
from tasks.prompts.scene import Scene


class Stack(NamedTuple):
    """Everything that decides which template a product gets: ids, and what its own cells do (column, operation)."""

    scene: str
    category: str = ""
    brand: str = ""
    locale: str = ""
    sku: str = ""
    cells: tuple[tuple[str, str], ...] = ()


class Segment(NamedTuple):
    """One layer's contribution to one part."""

    layer: Layer
    polarity: Polarity
    part: str
    snippet: Snippet


def stack_of(library: Library, goods: Goods, scene: Scene, *, brand: str = "") -> Stack:
    """The stack a product belongs to in a scene; `brand` overrides the row's own."""
    return Stack(
        scene=scene.id,
        category=library.category_id(goods.category),
        brand=library.brand_id(brand or goods.brand),
        locale=library.locale_id(goods.locale),
        sku=goods.sku if ("sku", goods.sku) in library.layers else "",
        cells=sku_cells(goods.extra),
    )


def sku_cells(extra: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(column, operation) of filled prompt_/negative_ cells: "set", "append" (text begins with +), "drop" (just -)."""
    return tuple(
        (column, _operation(text))
        for column, text in extra.items()
        if column.startswith(("prompt_", "negative_")) and text.strip()
    )


def cell_text(text: str) -> str:
    return text.strip().removeprefix("+")


def _operation(text: str) -> str:
    text = text.strip()
    return "drop" if text == "-" else "append" if text.startswith("+") else "set"


def layers_of(library: Library, stack: Stack) -> tuple[Layer, ...]:
    """The layers of a stack, lowest first; cells of the catalogue come last."""
    names: dict[LayerKind, str] = {
        "base": "",
        "scene": stack.scene,
        "category": stack.category,
        "brand": stack.brand,
        "locale": stack.locale,
        "sku": stack.sku,
    }
    found = [library.layers.get((kind, names[kind])) for kind in ORDER]
    return tuple(layer for layer in found if layer is not None) + tuple(_cell_layer(*cell) for cell in stack.cells)


def segments_of(library: Library, stack: Stack) -> tuple[Segment, ...]:
    """What each part is made of, parts in their fixed order. TemplateError names the file and part that is wrong."""
    layers = layers_of(library, stack)
    constants = constants_of(library, stack)
    return tuple(
        Segment(layer, polarity, part, _snippet(layer, polarity, part, text=text, constants=constants))
        for polarity, parts in PARTS.items()
        for part in parts
        for layer, text in _contributions(layers, polarity, part)
    )


def constants_of(library: Library, stack: Stack) -> dict[str, dict[str, str]]:
    """What scene.* and brand.* stand for; a product without a known brand has empty brand fields."""
    scene = library.scenes[stack.scene]
    brand = library.brands.get(stack.brand)
    return {
        "scene": {"id": scene.id, "title": scene.title.zh, "background": scene.background},
        "brand": {
            "id": brand.id if brand else "",
            "title": brand.title.zh if brand else "",
            "tone": "、".join(brand.tone) if brand else "",
            "palette": brand.palette if brand else "",
        },
    }


def _contributions(layers: tuple[Layer, ...], polarity: Polarity, part: str) -> list[tuple[Layer, str]]:
    texts: list[tuple[Layer, str]] = []
    for layer in layers:
        edit = layer.edits[polarity]
        if part in edit.drop or part in edit.set:
            texts.clear()
        texts += [(layer, edit.set[part])] if part in edit.set else []
        texts += [(layer, edit.append[part])] if part in edit.append else []
    return texts


def _snippet(
    layer: Layer, polarity: Polarity, part: str, *, text: str, constants: Mapping[str, Mapping[str, str]]
) -> Snippet:
    shown = part if polarity == "prompt" else f"negative.{part}"
    where = f'{layer} part "{shown}" ({layer.file})'
    return (
        cell_snippet(text, where=where)
        if layer.kind == "sku" and layer.file == CELLS
        else read_snippet(text, where=where, constants=constants)
    )


CELLS = "the catalogue"


def _cell_layer(column: str, operation: str) -> Layer:
    polarity, _, part = column.partition("_")
    known: tuple[Polarity, ...] = ("prompt", "negative")
    kind = known[polarity == "negative"]
    if part not in PARTS[kind]:
        names = tuple(f"{kind}_{name}" for name in PARTS[kind])
        raise TemplateError(f"{CELLS}: column {column} names no part of the prompt. {suggest(column, names)}")
    edit = Edit(drop=(part,)) if operation == "drop" else Edit.model_validate({operation: {part: column}})
    return Layer.model_validate({"kind": "sku", "name": column, "file": CELLS, kind: edit})
