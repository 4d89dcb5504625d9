"""A placement: one named slot of a platform, its size and its graded rules. The data is in templates/placements."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from tasks.banners.rules import Background, Format, Frozen, Insets, Rule, Shape, Title
from tasks.errors import TemplateError
from tasks.shapes import Box, Size

# Platforms do not say whether their KB has 1000 or 1024 bytes, nor whether the limit itself is allowed. A picture has
# to pass either way: a ceiling is read as 1000 bytes a KB, a floor as 1024, and both strictly.
CEILING_KB_BYTES = 1000
FLOOR_KB_BYTES = 1024

# Raised whenever the same master and rules would be composed into another picture because our own code changed.
COMPOSITION = 3

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class Placement(Frozen):
    """One slot: what we produce for it (`size`, the first of `formats` that fits) and what its platform asks.

    Shares are of the frame's side, lengths are pixels of a picture `size` large, KB see CEILING_KB_BYTES.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    title: Title
    platform: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    sets: tuple[str, ...] = ()
    default: bool = False
    subject: Literal["product", "logo"] = "product"  # a logo's slot is checked, but no product is composed for it
    size: Size
    formats: Rule[Annotated[tuple[Format, ...], Field(min_length=1)]]
    shape: Rule[Shape] | None = None
    min_size: Rule[Size] | None = None
    max_size: Rule[Size] | None = None
    min_kb: Rule[Positive] | None = None
    max_kb: Rule[Positive] | None = None
    background: Rule[Background] | None = None
    text: Rule[Literal["any", "none"]] | None = None
    shadow: Rule[Literal["any", "none"]] | None = None
    product_share: Rule[Share] | None = None  # the product's longer side may not take less of its frame side
    product_gap: Rule[Annotated[int, Field(ge=0)]] | None = None  # nor may its longer side end farther from the frame
    min_product: Rule[Size] | None = None
    safe_area: Rule[Insets] | None = None
    thumbnail: Rule[Insets] | None = None  # this part is shown alone, too: the product stands in it, copy beside it
    profile: Rule[Literal["srgb"]] | None = None
    finish: str = ""  # digest of what a run does to the files beyond these rules (labels, mark); never in a YAML file

    @property
    def needs_white(self) -> bool:
        return self.background is not None and self.background.value == "white"

    @property
    def min_bytes(self) -> int:
        """Smallest file that is certainly above the floor, in bytes."""
        return 0 if self.min_kb is None else int(self.min_kb.value * FLOOR_KB_BYTES) + 1

    @property
    def max_bytes(self) -> int | None:
        """Largest file that is certainly below the ceiling, in bytes; None where there is none."""
        return None if self.max_kb is None else int(self.max_kb.value * CEILING_KB_BYTES) - 1

    @property
    def safe_box(self) -> Box:
        """Where copy and product are safe from what the platform draws over the picture."""
        return _inset(self.size, Insets() if self.safe_area is None else self.safe_area.value)

    @property
    def product_box(self) -> Box:
        """Where the product is to stand: in the safe area and in what the thumbnail shows."""
        safe, shown = self.safe_box, self.thumbnail_box
        return safe if shown is None else safe.common(shown)

    @property
    def thumbnail_box(self) -> Box | None:
        """The part that is also shown alone; None where there is none."""
        return None if self.thumbnail is None else _inset(self.size, self.thumbnail.value)

    @property
    def least_share(self) -> float:
        """Smallest share of a frame side that the product's longer side may take; 0 where nobody asks."""
        share = 0.0 if self.product_share is None else self.product_share.value
        if self.product_gap is None:
            return share
        return max(share, 1 - 2 * self.product_gap.value / min(self.size))

    @property
    def digest(self) -> str:
        """16 hex digits over all that shapes a rendition: size, finish, every rule's value, but not its evidence."""
        text = json.dumps([COMPOSITION, self.id, self.size, self.rule_values, self.finish], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def rule_values(self) -> dict[str, object]:
        """Every rule's value as JSON has it, by field name."""
        return {name: rule.model_dump(mode="json")["value"] for name, rule in self.rules.items()}

    @property
    def rules(self) -> dict[str, Rule[object]]:
        """Every rule there is, by field name."""
        return {name: rule for name in RULE_FIELDS if (rule := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for problem in _contradictions(self):
            raise ValueError(problem)
        return self


RULE_FIELDS = (
    "formats", "shape", "min_size", "max_size", "min_kb", "max_kb", "background", "text", "shadow",
    "product_share", "product_gap", "min_product", "safe_area", "thumbnail", "profile",
)  # fmt: skip


def _inset(size: Size, insets: Insets) -> Box:
    return Box(insets.left, insets.top, size.width - insets.right, size.height - insets.bottom)


def _contradictions(placement: Placement) -> list[str]:
    """Rules that no picture can meet together."""
    size, problems = placement.size, []
    if min(size) < 1 or max(size) > 12000:
        problems.append(f"size: found {size}, expected sides from 1 to 12000 px")
    if placement.min_size and not _holds(size, placement.min_size.value):
        problems.append(f"min_size: {placement.min_size.value} is larger than size {size}")
    if placement.max_size and not _holds(placement.max_size.value, size):
        problems.append(f"max_size: {placement.max_size.value} is smaller than size {size}")
    if placement.min_product and not _holds(size, placement.min_product.value):
        problems.append(f"min_product: {placement.min_product.value} is larger than size {size}")
    if placement.max_bytes is not None and placement.min_bytes > placement.max_bytes:
        problems.append(f"min_kb and max_kb leave no room: {placement.min_bytes} to {placement.max_bytes} bytes")
    if placement.safe_box.is_empty:
        problems.append(f"safe_area: nothing of {size} is left inside it")
    elif placement.product_box.is_empty:
        problems.append(f"thumbnail: nothing of {size} is left inside it and the safe area")
    if placement.least_share >= 1:
        problems.append("product_share or product_gap: the product would touch the frame; expected a share below 1")
    if (
        placement.background
        and placement.background.value == "transparent"
        and not {"png", "webp", "avif"} & set(placement.formats.value)
    ):
        problems.append(f"background: transparent, but none of {', '.join(placement.formats.value)} can be")
    return problems


def _holds(outer: Size, inner: Size) -> bool:
    return outer.width >= inner.width and outer.height >= inner.height


FILE_FIELDS = ("platform", "title", "sets", "evidence", "placements")
EVIDENCE_FIELDS = ("grade", "source", "checked", "note")
EVERYTHING = "all"


def load_placements(folder: Path) -> dict[str, Placement]:
    """Every placement of the YAML files in `folder` by id, in file order. Raises TemplateError: file, entry, field."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise TemplateError(f"{folder}: no placement files (*.yaml) found. Expected at least one; see its README.md.")
    found: dict[str, Placement] = {}
    home: dict[str, Path] = {}
    for path in files:
        for placement in read_placement_file(path):
            if placement.id in found:
                raise TemplateError(
                    f"{path}: placement {placement.id!r} is already in {home[placement.id]}. Rename one of them."
                )
            found[placement.id], home[placement.id] = placement, path
    _refuse_clashes(found)
    return found


def read_placement_file(path: Path) -> list[Placement]:
    """The placements of one file; rules without evidence of their own take the placement's, then the file's."""
    content = _mapping(_read_yaml(path), where=str(path))
    _known(content, FILE_FIELDS, where=str(path))
    rows = content.get("placements")
    if not isinstance(rows, list) or not rows:
        raise TemplateError(f"{path}: placements: found {rows!r}, expected a list of placements.")
    shared = {"platform": content.get("platform", path.stem), "sets": content.get("sets", ())}
    evidence = _mapping(content.get("evidence", {}), where=f"{path}: evidence")
    return [
        _placement(row, shared=shared, evidence=evidence, where=f"{path}: placement {n}")
        for n, row in enumerate(rows, 1)
    ]


def placement_sets(placements: Mapping[str, Placement]) -> dict[str, tuple[str, ...]]:
    """Every set name (platforms, those that files name, `all`) with its members' ids; a logo's slot is in none."""
    sets: dict[str, list[str]] = {}
    for placement in placements.values():
        if placement.subject == "logo":
            continue
        for name in dict.fromkeys((EVERYTHING, placement.platform, *placement.sets)):
            sets.setdefault(name, []).append(placement.id)
    return {name: tuple(members) for name, members in sets.items()}


def select_placements(placements: Mapping[str, Placement], names: Sequence[str]) -> tuple[Placement, ...]:
    """The placements meant by ids and set names, each once, in the order asked; no names: those marked `default`.

    Raises TemplateError that lists near matches for a name nobody has.
    """
    if not names:
        return tuple(placement for placement in placements.values() if placement.default)
    sets = placement_sets(placements)
    chosen: dict[str, Placement] = {}
    for name in names:
        members = (name,) if name in placements else sets.get(name)
        if members is None:
            raise TemplateError(f"placement {_unknown(name, known=(*placements, *sets), shown=tuple(sets))}")
        chosen.update({member: placements[member] for member in members})
    return tuple(chosen.values())


def _placement(row: Any, *, shared: Mapping[str, Any], evidence: Mapping[str, Any], where: str) -> Placement:
    row = dict(_mapping(row, where=where))
    where = f"{where} ({row['id']})" if "id" in row else where
    _known(row, (*(name for name in Placement.model_fields if name != "finish"), "evidence"), where=where)
    evidence = {**evidence, **_mapping(row.pop("evidence", {}), where=f"{where}: evidence")}
    _known(evidence, EVIDENCE_FIELDS, where=f"{where}: evidence")
    for name in RULE_FIELDS:
        if row.get(name) is not None:
            row[name] = _with_evidence(row[name], evidence)
    try:
        return Placement.model_validate({**shared, **row})
    except ValidationError as error:
        raise TemplateError("; ".join(_explain(problem, where=where) for problem in error.errors())) from error


def _with_evidence(rule: Any, evidence: Mapping[str, Any]) -> dict[str, Any]:
    stated = rule if isinstance(rule, Mapping) and "value" in rule else {"value": rule}
    return {**evidence, **stated}


def _explain(problem: Any, *, where: str) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not field or problem["type"] == "value_error":
        return f"{where}: {field + ': ' if field else ''}{message}"
    if problem["type"] == "missing":
        return f"{where}: {field}: nothing found, expected a value"
    return f"{where}: {field}: found {problem['input']!r}, expected: {message}"


def _known(given: Mapping[str, Any], known: Iterable[str], *, where: str) -> None:
    known = tuple(known)
    for name in given:
        if name not in known:
            raise TemplateError(f"{where}: field {_unknown(str(name), known=known)}")


def _unknown(name: str, *, known: Sequence[str], shown: Sequence[str] = ()) -> str:
    near = get_close_matches(name, known, n=4, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    label = "Sets" if shown else "Known"
    return f"{name!r} is not known. {hint}{label}: {', '.join(sorted(shown or known))}."


def _refuse_clashes(placements: Mapping[str, Placement]) -> None:
    for name in placement_sets(placements):
        if name in placements:
            raise TemplateError(f"{name!r} names both a placement and a set (or platform). Rename one of them.")


def _mapping(value: Any, *, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TemplateError(f"{where}: found {type(value).__name__}, expected fields with values (name: value).")
    return value


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise TemplateError(f"{path}: cannot be read as YAML in UTF-8: {error}") from error
