"""Reads the YAML files of templates/quality into models; what is wrong is told with file and field."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tasks.errors import TemplateError

Model = TypeVar("Model", bound=BaseModel)


def read_model(path: Path, model: type[Model], *, purpose: str, blank: Any = None) -> Model:
    """The file as a model; `blank` stands in for what an empty file holds.

    TemplateError names the file and the field; where there is no file, it ends with its `purpose`.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return model.model_validate(content or blank)
    except FileNotFoundError:
        raise TemplateError(f"{path}: there is no such file{purpose}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: not readable as YAML in UTF-8: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise TemplateError(f"{path}: {where}: {first['msg']} (found {first['input']!r:.80})") from None
