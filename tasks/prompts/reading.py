"""Reads one YAML file into a model; whatever is wrong is reported with file and field."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tasks.errors import TemplateError
from tasks.prompts.parts import suggest

Model = TypeVar("Model", bound=BaseModel)


class _NoDuplicates(yaml.SafeLoader):
    """Safe loader that refuses a key written twice; YAML itself would silently keep the last."""


def _mapping(loader: _NoDuplicates, node: yaml.MappingNode) -> dict[Hashable, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if not isinstance(key, Hashable) or keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is written twice", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_NoDuplicates.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path, *, shown: str) -> dict[str, Any]:
    """The file's mapping; an empty file is an empty mapping. `shown` is how messages call the file."""
    try:
        loader = _NoDuplicates(path.read_text(encoding="utf-8"))
        value = loader.get_single_data()
    except UnicodeDecodeError as error:
        raise TemplateError(
            f"{shown}: is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error
    except (yaml.YAMLError, OSError) as error:
        raise TemplateError(f"{shown}: cannot be read: {' '.join(str(error).split())}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TemplateError(f"{shown}: holds a {type(value).__name__}, expected fields such as `title:`")
    return value


def parse(model: type[Model], value: dict[str, Any], *, shown: str) -> Model:
    """The mapping as a model, or a TemplateError naming every wrong field of the file."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [_line(model, problem) for problem in error.errors(include_url=False)]
        raise TemplateError(f"{shown}: " + "; ".join(lines)) from error


def _line(model: type[BaseModel], problem: Any) -> str:
    field = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        top = tuple(model.model_fields) if len(problem["loc"]) == 1 else ()
        hint = f" {suggest(field, top)}" if top else ""
        return f"unknown field {field}.{hint}"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if problem["type"] in ("missing", "value_error") else f" (found {problem['input']!r})"
    return f"{field}: {message}{found}" if field else f"{message}{found}"
