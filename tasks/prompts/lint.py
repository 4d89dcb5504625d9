"""Finds what is wrong or idle in templates/ before a campaign does."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from tasks.errors import TemplateError
from tasks.prompts.expand import Expander, missing_variable
from tasks.prompts.layer import ORDER
from tasks.prompts.library import Library
from tasks.prompts.parts import PARTS, suggest
from tasks.prompts.row import Row
from tasks.prompts.scene import Scene
from tasks.prompts.stack import CELLS, Segment, Stack, layers_of
from tasks.prompts.words import find_forbidden

TOKEN_BUDGET = 256  # length of Kolors' text encoder; what goes beyond is cut off
SAMPLE = Row(
    sku="示例货号",
    title="示例商品标题",
    image="a.png",
    image_sha256="0" * 64,
    category="",
    brand="",
    price=Decimal("99.00"),
    color="示例颜色",
    material="示例材质",
    selling_points=("示例卖点", "示例卖点"),
    locale="",
    scenes=(),
    copy_text="示例文案",
    height_cm=None,
    width_cm=None,
    bundle=(),
    extra={},
    line=1,
)

Level = Literal["error", "warning"]
Place = tuple[str, str, str]  # file, polarity, part
TokenCount = Callable[[str], int]


class Problem(NamedTuple):
    """One thing to put right: the file, the place in it, what is wrong."""

    file: str
    where: str
    message: str
    level: Level = "error"


def lint(
    library: Library, columns: Iterable[str] | None = None, token_count: TokenCount | None = None
) -> list[Problem]:
    """Problems of a library: missing variables, idle parts, long prompts, forbidden words, unknown categories.

    `columns` are the catalogue's beyond the known ones; without them a column cannot be missed. `token_count` is the
    model's tokenizer; without it lengths are estimated, and a prompt over the budget is a warning only.
    """
    columns = None if columns is None else tuple(columns)
    problems = [*_unknown_categories(library), *_forbidden_words(library), *_odd_columns(columns or ())]
    reached: set[Place] = set()
    for scene in library.scenes.values():
        for stack in _stacks(library, scene):
            try:
                expander = Expander(library, stack)
            except TemplateError as error:
                problems.append(Problem(library.layers["scene", scene.id].file, "", str(error)))
                continue
            reached |= {(s.layer.file, s.polarity, s.part) for s in expander.segments}
            problems += _missing_variables(expander.segments, columns)
            problems += _too_long(library, expander, token_count)
    problems += [*_idle_parts(library, reached), *_idle_drops(library)]
    return list(dict.fromkeys(problems))


def estimate_tokens(text: str) -> int:
    """Tokens of a text without a tokenizer, on the safe side: one a Chinese character, one per three others, two extra.

    The real tokenizer joins frequent words (a Chinese prompt takes about 0.6-0.7 tokens a character).
    """
    chinese = sum(1 for character in text if ord(character) > 0x2E80)
    return chinese + -(-(len(text) - chinese) // 3) + 2


def _stacks(library: Library, scene: Scene) -> Iterator[Stack]:
    """The scene with every category that fits, then the wordiest of them with every brand, then with every locale.

    So every layer meets every scene it can meet, and the longest prompt of the scene is among them.
    """
    bare = Stack(scene.id)
    stacks = [bare]
    for choose in _choices(library, scene):
        more = choose(bare)
        bare = max([bare, *more], key=lambda stack: _words_of(library, stack))
        stacks += more
    return iter(stacks)


def _choices(library: Library, scene: Scene) -> "tuple[Callable[[Stack], list[Stack]], ...]":
    fitting = [name for name in library.categories if not scene.categories or name in scene.categories]
    skus = [name for kind, name in library.layers if kind == "sku"]
    return (
        lambda stack: [stack._replace(category=name) for name in fitting],
        lambda stack: [stack._replace(brand=name) for name in library.brands],
        lambda stack: [stack._replace(locale=name) for name in library.locales],
        lambda stack: [stack._replace(sku=name) for name in skus],
    )


def _words_of(library: Library, stack: Stack) -> int:
    edits = [edit for layer in layers_of(library, stack) for edit in layer.edits.values()]
    return sum(len(text) for edit in edits for text in (*edit.set.values(), *edit.append.values()))


def _unknown_categories(library: Library) -> Iterator[Problem]:
    known = tuple(library.categories)
    for scene in library.scenes.values():
        for category in scene.categories:
            if category not in known:
                message = f"there is no category {category!r}. {suggest(category, known)}"
                yield Problem(library.layers["scene", scene.id].file, "categories", message)


def _forbidden_words(library: Library) -> Iterator[Problem]:
    texts = [(library.layers["scene", scene.id].file, "title", scene.title.zh) for scene in library.scenes.values()]
    for brand in library.brands.values():
        file = library.layers["brand", brand.id].file
        texts.append((file, "title", brand.title.zh))
        texts += [(file, f"lines.{locale}", line) for locale, line in brand.lines.items()]
    for file, where, text in texts:
        for hit in find_forbidden(text, library.words):
            yield Problem(file, where, f"{hit.word!r} in {text!r}: {hit.group.rule}", hit.group.level)


def _missing_variables(segments: tuple[Segment, ...], columns: Iterable[str] | None) -> Iterator[Problem]:
    if columns is None:
        return
    provided = {*columns}
    for segment in segments:
        for variable in sorted(segment.snippet.variables - segment.snippet.optional):
            if not variable.is_field and variable.key not in provided:
                error = missing_variable(segment, variable, columns=sorted(provided), catalog="the catalogue")
                yield Problem(segment.layer.file, _place(segment), str(error))


def _too_long(library: Library, expander: Expander, token_count: TokenCount | None) -> Iterator[Problem]:
    """Prompts of a sample product, whose every field holds four Chinese characters."""
    columns = [variable.key for variable in expander.variables if not variable.is_field]
    try:
        prompt = expander.expand(SAMPLE._replace(extra=dict.fromkeys(columns, "示例文字")))
    except TemplateError as error:
        yield Problem(library.layers["scene", expander.stack.scene].file, "", str(error))
        return
    count, how = (token_count, "") if token_count else (estimate_tokens, " (estimated, no tokenizer at hand)")
    for polarity, text in zip(PARTS, prompt, strict=True):
        if (tokens := count(text)) > TOKEN_BUDGET:
            stack = " + ".join(map(str, layers_of(library, expander.stack)[1:]))
            message = f"{stack}: {tokens} tokens{how}, the model reads {TOKEN_BUDGET}; shorten or drop parts"
            level: Level = "error" if token_count else "warning"
            yield Problem(library.layers["scene", expander.stack.scene].file, polarity, message, level)


def _idle_parts(library: Library, reached: set[Place]) -> Iterator[Problem]:
    for layer in library.layers.values():
        if layer.kind == "base":  # what a new scene falls back on; it may wait
            continue
        for polarity, edit in layer.edits.items():
            for part in (*edit.set, *edit.append):
                if (layer.file, polarity, part) not in reached:
                    message = "never reaches a prompt: a later layer always sets or drops the part, or no scene uses it"
                    yield Problem(layer.file, f"{polarity}.{part}", message, "warning")


def _idle_drops(library: Library) -> Iterator[Problem]:
    for layer in library.layers.values():
        below = [other for other in library.layers.values() if ORDER.index(other.kind) < ORDER.index(layer.kind)]
        for polarity, edit in layer.edits.items():
            given = {part for other in below for part in (*other.edits[polarity].set, *other.edits[polarity].append)}
            for part in edit.drop:
                if part not in given:
                    message = f"{part} is dropped, but no earlier layer gives it"
                    yield Problem(layer.file, f"{polarity}.drop", message, "warning")


def _odd_columns(columns: Iterable[str]) -> Iterator[Problem]:
    known = tuple(f"{polarity}_{part}" for polarity, parts in PARTS.items() for part in parts)
    for column in columns:
        if column.startswith(("prompt_", "negative_")) and column not in known:
            yield Problem(CELLS, column, f"names no part of the prompt. {suggest(column, known)}")


def _place(segment: Segment) -> str:
    return f"{segment.polarity}.{segment.part}"
