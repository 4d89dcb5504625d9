"""`shangxin inspect`: what a picture says of itself, for people and programs."""

from collections.abc import Iterator
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from tasks.delivery.labels import COMPOSITE, GENERATED
from tasks.delivery.labels.inspection import Inspection, State, inspect_file
from tasks.errors import ConfigurationError, LabelError

MOST_BYTES = 2**28
STATES: dict[State, str] = {
    "untouched": "与交付时一致 as delivered",
    "changed": "已被修改或重新编码 changed or encoded again since",
    "unknown": "无从比对 no digest to compare with",
}
SOURCES = {
    COMPOSITE: "真实商品，生成背景 real product on a generated background",
    GENERATED: "全部生成 generated throughout",
}
CREDENTIALS = {
    "valid": "签名有效 signature valid; 未核对签名者是否受信 its signer was not looked up in any list of trust",
    "invalid": "签名无效 signature invalid",
    "unread": "有签名，未读取 signed, not read",
}
AIGC_LABELS = {"1": "生成 generated", "2": "可能生成 possibly", "3": "疑似生成 suspected"}


def print_inspection(file: Path, console: Console, *, as_json: bool) -> int:
    """Print it; 0, or 1 where the picture has changed since it was labelled or its labels cannot be understood."""
    try:
        found = inspect_file(read_picture(file))
    except LabelError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    if as_json:
        fields = {"file": str(file), **found.model_dump(mode="json", by_alias=True)}
        console.file.write(orjson.dumps(fields).decode() + "\n")
    else:
        table = Table("", Column(overflow="fold"), title=Text(str(file)), title_justify="left", show_header=False)
        for name, value in _rows(found):
            table.add_row(name, Text(value))  # words of strangers: never markup
        console.print(table)
    forged = found.credentials is not None and found.credentials.state == "invalid"
    return 1 if found.state == "changed" or found.labels.problems or forged else 0


def read_picture(file: Path) -> bytes:
    """The file's bytes; ConfigurationError where it cannot be read or is no picture by its length."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ConfigurationError(f"{file}: found {file.stat().st_size} bytes, expected {MOST_BYTES} at most.")
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read ({error.strerror}). Give the path of a picture.") from error


def _rows(found: Inspection) -> Iterator[tuple[str, str]]:
    labels = found.labels
    yield "格式 format", f"{found.format}, {found.size}, {found.bytes} bytes"
    yield "色彩 profile", found.profile or "未嵌入 none embedded"
    yield "画面 picture", STATES[found.state]
    if labels.is_empty and not found.master:
        yield "标识 labels", "无 none"
    if labels.recipe and not labels.recipe.generated:
        yield "来源 source", "无生成像素 nothing in it is generated"
    if labels.source_type:
        yield "来源 DigitalSourceType", f"{SOURCES.get(labels.source_type, '')} {labels.source_type}".strip()
    if labels.aigc:
        meaning = AIGC_LABELS.get(labels.aigc.label, "?")
        yield "TC260:AIGC Label", f"{labels.aigc.label} ({meaning})"
        fields = labels.aigc.model_dump(by_alias=True, exclude={"label"})
        yield from ((f"  {name}", value or "-") for name, value in fields.items())
    if found.credentials:
        yield "C2PA", CREDENTIALS[found.credentials.state]
        said = found.credentials.model_dump(exclude={"state", "problems"})
        yield from ((f"  {name}", value) for name, value in said.items() if value)
        yield from (("  问题 problem", problem) for problem in found.credentials.problems)
    credited = {"作者 creator": labels.creator, "版权 rights": labels.rights, "权利人 owner": labels.owner}
    yield from ((name, value) for name, value in credited.items() if value)
    if labels.recipe:
        recipe = labels.recipe.model_dump(mode="json", exclude={"picture"} if labels.aigc else set())
        yield "配方 recipe", ""
        yield from ((f"  {name}", _shown(value)) for name, value in recipe.items())
    if found.master:
        yield "母版配方 master's recipe", ""
        yield from ((f"  {name}", _shown(value)) for name, value in found.master.items())
    yield from (("问题 problem", problem) for problem in labels.problems)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
