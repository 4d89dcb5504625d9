"""From product and scene to prompt. Each stack of layers is compiled once into two Jinja templates."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from jinja2 import TemplateRuntimeError
from jinja2.runtime import Context

from tasks.errors import TemplateError
from tasks.prompts.language import ENVIRONMENT, Variable, combine
from tasks.prompts.library import Library
from tasks.prompts.parts import BREAK, PARTS, Polarity, join_segments, suggest
from tasks.prompts.row import FIELDS, Goods
from tasks.prompts.scene import Scene
from tasks.prompts.stack import Segment, Stack, cell_text, segments_of, stack_of

Values = tuple[Any, ...]
Half = Callable[[dict[str, Any]], str]  # fills the templates of one polarity from values by flat name
MISSING = object()
# what filling a checked template can still run into: a missing name, a text where a number is needed
FAULTS = (TemplateRuntimeError, TypeError, ValueError, ArithmeticError, AssertionError)


class Prompt(NamedTuple):
    """The filled pair."""

    positive: str
    negative: str


class Expander:
    """Expands products of one stack (scene, category, brand, locale, own layers). Compiled once; safe to keep.

    `variables` are what the templates read; `values(goods)` takes them from a product, `render(values)` fills the
    templates. Products with equal values get equal prompts.
    """

    def __init__(self, library: Library, stack: Stack, *, catalog: str = "the catalogue") -> None:
        self.stack = stack
        self.catalog = catalog
        self.segments = segments_of(library, stack)
        self.variables = tuple(sorted({name for segment in self.segments for name in segment.snippet.variables}))
        self.values: Callable[[Goods], Values] = _reader(self.variables)
        self._flat = tuple(variable.flat for variable in self.variables)
        self._halves = {half: self._compile(half) for half in PARTS}

    def expand(self, goods: Goods) -> Prompt:
        return self.render(self.values(goods), goods)

    def render(self, values: Values, goods: Goods) -> Prompt:
        """The prompt for these values; `goods` is only for the message when one is missing."""
        named = dict(zip(self._flat, values, strict=True))
        if MISSING in values:
            named = {name: value for name, value in named.items() if value is not MISSING}
        try:
            return Prompt(self._halves["prompt"](named), self._halves["negative"](named))
        except FAULTS as error:
            raise self._fault(named, tuple(goods.extra), str(error)) from error

    def render_segment(self, segment: Segment, goods: Goods) -> str:
        """What one layer contributes to one part, as it stands in the prompt; may be empty."""
        values = self.values(goods)
        named = {name: value for name, value in zip(self._flat, values, strict=True) if value is not MISSING}
        try:
            return _half((segment,))(named)
        except FAULTS as error:
            raise self._fault(named, tuple(goods.extra), str(error)) from error

    def _compile(self, polarity: Polarity) -> Half:
        try:
            return _half(tuple(segment for segment in self.segments if segment.polarity == polarity))
        except FAULTS as error:
            raise self._fault({}, (), str(error)) from error

    def _fault(self, named: Mapping[str, Any], columns: tuple[str, ...], reason: str) -> TemplateError:
        """What to say when filling failed: the first variable that is missing, or the first part that fails alone."""
        for segment in self.segments:
            lacking = sorted(v for v in segment.snippet.variables - segment.snippet.optional if v.flat not in named)
            if lacking:
                return missing_variable(segment, lacking[0], columns=columns, catalog=self.catalog)
            try:
                _half((segment,))(dict(named))
            except FAULTS:
                return TemplateError(f"{segment.snippet.where}: {segment.snippet.source!r} cannot be filled: {reason}")
        return TemplateError(f'scene "{self.stack.scene}": {reason}')


def missing_variable(segment: Segment, variable: Variable, *, columns: Iterable[str], catalog: str) -> TemplateError:
    """The message for a variable that the catalogue does not provide."""
    known = (*FIELDS[:-2], *columns)
    hint = suggest(variable.key, known)
    return TemplateError(f"{segment.snippet.where} uses {variable}, which {catalog} does not provide. {hint}")


def expand(library: Library, product: Goods, scene: Scene, *, brand: str = "") -> Prompt:
    """The prompt of one product in one scene; `brand` overrides the row's. For many, keep an Expander a stack."""
    return Expander(library, stack_of(library, product, scene, brand=brand)).expand(product)


def _half(segments: tuple[Segment, ...]) -> Half:
    """Renders these segments from values by flat name; folded to a constant where they read none."""
    template = ENVIRONMENT.from_string(combine((segment.snippet for segment in segments), BREAK))
    run: Callable[[Context], Iterator[str]] = template.root_render_func

    def render(values: dict[str, Any]) -> str:
        return join_segments("".join(run(template.new_context(values, shared=True))))

    if any(segment.snippet.variables for segment in segments):
        return render
    return partial(_constant, render({}))


def _constant(text: str, _values: dict[str, Any]) -> str:
    return text


def _reader(variables: tuple[Variable, ...]) -> Callable[[Goods], Values]:
    """Takes the variables' values from a product; fields by attrgetter, columns from `extra`."""
    if all(variable.is_field for variable in variables):
        keys = [variable.key for variable in variables]
        if len(keys) > 1:
            return attrgetter(*keys)
        return partial(_single, attrgetter(keys[0])) if keys else _nothing
    return partial(_mixed, tuple(_getter(variable) for variable in variables))


def _nothing(_goods: Goods) -> Values:
    return ()


def _single(get: Callable[[Goods], Any], goods: Goods) -> Values:
    return (get(goods),)


def _mixed(getters: tuple[Callable[[Goods], Any], ...], goods: Goods) -> Values:
    return tuple([get(goods) for get in getters])


def _getter(variable: Variable) -> Callable[[Goods], Any]:
    if variable.is_field:
        return attrgetter(variable.key)
    return partial(_cell if variable.root == "cell" else _column, variable.key)


def _column(column: str, goods: Goods) -> Any:
    return goods.extra.get(column, MISSING)


def _cell(column: str, goods: Goods) -> Any:
    return cell_text(goods.extra.get(column, ""))
