"""The template language: a small, closed part of Jinja2, checked before it is compiled.

Allowed are text, `{{ product.color }}`, `extra["列名"]`, `scene.*`, `brand.*`, `{% if %}` with comparisons, and/or/not,
`{% for point in product.selling_points %}`, `~` and a short list of filters and tests. Calls, arithmetic, attribute
walks, imports and assignments are refused, so that no template can reach Python or grow without bound.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tasks.errors import TemplateError
from tasks.prompts.parts import suggest
from tasks.prompts.row import FIELDS

FILTERS = frozenset(
    {"default", "d", "trim", "lower", "upper", "title", "first", "last", "length", "join", "truncate", "int"}
)
TESTS = frozenset({"defined", "undefined", "in", "eq", "ne", "lt", "le", "gt", "ge", "even", "odd"})
LISTS = ("selling_points", "scenes")
ROOTS = ("product", "extra", "scene", "brand")
MAX_DEPTH = 30
LOOP = ("first", "last", "index")
_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.If, nodes.CondExpr, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Tuple, nodes.List, nodes.Keyword,
)  # fmt: skip


class Variable(NamedTuple):
    """Where a value comes from: root "product" (a field or column), "extra" (a column) or "cell" (a prompt_ column)."""

    root: str
    key: str

    @property
    def is_field(self) -> bool:
        return self.root == "product" and self.key in FIELDS

    @property
    def flat(self) -> str:
        """A name that Python accepts, whatever the column is called."""
        return f"_product_{self.key}" if self.is_field else f"_{self.root}_x{self.key.encode().hex()}"

    def __str__(self) -> str:
        return f'{{{{ extra["{self.key}"] }}}}' if self.root == "extra" else f"{{{{ {self.root}.{self.key} }}}}"


@dataclass(frozen=True)
class Snippet:
    """One checked piece of template: its nodes, with variables renamed to flat names, and which variables it reads."""

    source: str
    where: str
    nodes: tuple[nodes.Node, ...]
    variables: frozenset[Variable] = frozenset()
    optional: frozenset[Variable] = frozenset()  # those that only `default` or `is defined` ask for


def default(value: Any, default_value: Any = "", boolean: bool = True) -> Any:
    """Jinja's `default`, except that an empty cell counts as missing unless told otherwise."""
    missing = isinstance(value, Undefined) or (boolean and not value)
    return default_value if missing else value


def _finish(value: Any) -> Any:
    if value is None:
        return ""
    return "、".join(value) if isinstance(value, tuple) else value


def make_environment() -> ImmutableSandboxedEnvironment:
    """Jinja2's immutable sandbox without loader, globals, or any filter and test outside the language."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, finalize=_finish, keep_trailing_newline=False, cache_size=0
    )
    environment.globals.clear()
    environment.filters["default"] = environment.filters["d"] = default
    for table, allowed in ((environment.filters, FILTERS), (environment.tests, TESTS)):
        for name in set(table) - allowed:
            del table[name]
    return environment


ENVIRONMENT = make_environment()


def read_snippet(source: str, *, where: str, constants: Mapping[str, Mapping[str, str]]) -> Snippet:
    """Parse and check a part's text; `constants` is what scene.* and brand.* stand for, `where` names file and part."""
    try:
        tree = ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{where}: {error.message} in {_line(source, error.lineno)}") from error
    except RecursionError as error:
        raise TemplateError(f"{where}: is nested too deeply") from error
    reader = _Reader(source, where, constants)
    body = tuple(reader.visit(node, frozenset()) for node in tree.body)
    optional = frozenset(reader.optional - reader.required)
    return Snippet(source, where, body, optional | reader.required, optional)


@dataclass
class _Reader:
    """Walks a template, refuses what is not in the language, and renames variables to flat names."""

    source: str
    where: str
    constants: Mapping[str, Mapping[str, str]]
    depth: int = 0
    required: set[Variable] = field(default_factory=set)
    optional: set[Variable] = field(default_factory=set)

    def visit(self, node: nodes.Node, bound: frozenset[str], *, optional: bool = False) -> nodes.Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TemplateError(f"{self.where}: is nested too deeply (in {_line(self.source, node.lineno)})")
        try:
            return self._visit(node, bound, optional=optional)
        finally:
            self.depth -= 1

    def _visit(self, node: nodes.Node, bound: frozenset[str], *, optional: bool) -> nodes.Node:
        match node:
            case nodes.Getattr() | nodes.Getitem():
                return self._lookup(node, bound, optional=optional)
            case nodes.Name():
                return self._name(node, bound)
            case nodes.For():
                return self._loop(node, bound)
            case nodes.Filter():
                return self._filter(node, bound)
            case nodes.Test():
                self._require(
                    node,
                    node.name in TESTS,
                    f"the test {node.name!r} is not available. {suggest(node.name, tuple(sorted(TESTS)))}",
                )
                return self._children(node, bound, optional=node.name in ("defined", "undefined"))
            case _ if isinstance(node, _PLAIN):
                return self._children(node, bound)
        raise self._refused(node, "is not part of the template language")

    def _children(self, node: nodes.Node, bound: frozenset[str], *, optional: bool = False) -> nodes.Node:
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Node):
                setattr(node, name, self.visit(value, bound, optional=optional))
            elif isinstance(value, list):
                setattr(node, name, [self.visit(v, bound) if isinstance(v, nodes.Node) else v for v in value])
        return node

    def _lookup(self, node: nodes.Getattr | nodes.Getitem, bound: frozenset[str], *, optional: bool) -> nodes.Node:
        key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        root = node.node.name if isinstance(node.node, nodes.Name) else None
        if root == "loop" and "loop" in bound and key in LOOP:
            return node
        self._require(
            node,
            root in ROOTS and isinstance(key, str) and not key.startswith("_"),
            "reaches beyond the fields of " + ", ".join(ROOTS),
        )
        if root is not None and root in self.constants:
            known = self.constants[root]
            self._require(node, key in known, f"does not exist. {suggest(str(key), tuple(known))}")
            return nodes.Const(known[str(key)], lineno=node.lineno)
        return self._variable(Variable(str(root), str(key)), node.lineno, optional=optional)

    def _variable(self, variable: Variable, lineno: int, *, optional: bool) -> nodes.Name:
        (self.optional if optional else self.required).add(variable)
        return nodes.Name(variable.flat, "load", lineno=lineno)

    def _name(self, node: nodes.Name, bound: frozenset[str]) -> nodes.Node:
        if node.name in ROOTS:
            raise self._refused(
                node, f"needs a field, such as {node.name}.{'color' if node.name == 'product' else 'title'}"
            )
        self._require(node, node.name in bound, f"is unknown. {suggest(node.name, ROOTS)}")
        return node

    def _filter(self, node: nodes.Filter, bound: frozenset[str]) -> nodes.Node:
        self._require(
            node,
            node.name in FILTERS,
            f"uses the filter {node.name!r}, which is not available. {suggest(node.name, tuple(sorted(FILTERS)))}",
        )
        if node.name == "join":  # joins of joins multiply
            self._require(
                node, self._is_list(node.node), f"joins something else than product.{' or product.'.join(LISTS)}"
            )
        return self._children(node, bound, optional=node.name in ("default", "d"))

    def _loop(self, node: nodes.For, bound: frozenset[str]) -> nodes.Node:
        self._require(
            node,
            self._is_list(node.iter) and not bound and not node.recursive,
            f"may only run once over product.{' or product.'.join(LISTS)}",
        )
        target = node.target
        plain = isinstance(target, nodes.Name) and target.name not in ROOTS and not target.name.startswith("_")
        self._require(node, plain, "needs one plain name")
        node.iter = self.visit(node.iter, bound)
        inner = frozenset({getattr(target, "name", ""), "loop"})
        node.body = [self.visit(child, inner) for child in node.body]
        node.else_ = [self.visit(child, bound) for child in node.else_]
        node.test = self.visit(node.test, inner) if node.test is not None else None
        return node

    def _is_list(self, node: nodes.Node | None) -> bool:
        return (
            isinstance(node, nodes.Getattr)
            and isinstance(node.node, nodes.Name)
            and node.node.name == "product"
            and node.attr in LISTS
        )

    def _require(self, node: nodes.Node, condition: bool, complaint: str) -> None:
        if not condition:
            raise self._refused(node, complaint)

    def _refused(self, node: nodes.Node, complaint: str) -> TemplateError:
        return TemplateError(f"{self.where}: `{spell(node)}` {complaint} (in {_line(self.source, node.lineno)})")


def spell(node: nodes.Node | None) -> str:
    """An expression roughly as it was written, for messages."""
    match node:
        case nodes.Name():
            text = node.name
        case nodes.Const():
            text = repr(node.value)
        case nodes.Getattr():
            text = f"{spell(node.node)}.{node.attr}"
        case nodes.Getitem():
            text = f"{spell(node.node)}[{spell(node.arg)}]"
        case nodes.Call():
            text = f"{spell(node.node)}({', '.join(map(spell, node.args))})"
        case nodes.Filter():
            text = f"{spell(node.node)}|{node.name}"
        case nodes.For():
            text = f"for {spell(node.target)} in {spell(node.iter)}"
        case nodes.BinExpr():
            text = f"{spell(node.left)} {node.operator} {spell(node.right)}"
        case _:
            text = type(node).__name__.lower()
    return text


def _line(source: str, lineno: int) -> str:
    line = (source.splitlines() or [""])[min(lineno, len(source.splitlines()) or 1) - 1].strip()
    return repr(line if len(line) <= 120 else line[:117] + "...")


def cell_snippet(column: str, *, where: str) -> Snippet:
    """A snippet that is one cell of the catalogue, taken as plain text: tables hold no templates."""
    variable = Variable("cell", column)
    output = nodes.Output([nodes.Name(variable.flat, "load", lineno=1)], lineno=1)
    return Snippet(str(variable), where, (output,), frozenset({variable}))


def combine(snippets: Iterable[Snippet], separator: str) -> nodes.Template:
    """One template of many snippets with the separator between them."""
    body: list[nodes.Node] = []
    for snippet in snippets:
        if body:
            body.append(nodes.Output([nodes.TemplateData(separator)], lineno=1))
        body.extend(snippet.nodes)
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(ENVIRONMENT)
    return tree
