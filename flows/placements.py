"""`shangxin placements`: what there is, what each asks, and whether a picture meets it."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from flows.inspection import read_picture
from tasks.banners.audit import Audit, Result, StaleRule, audit_picture, stale_rules
from tasks.banners.pixels import Pixels
from tasks.banners.placement import Placement, placement_sets
from tasks.delivery.labels.files import read_labels
from tasks.errors import ConfigurationError, LabelError, ModelError
from tasks.quality.text import TextDetector
from tasks.shapes import Box
from tasks.workplace import Workplace, open_workplace

placements = typer.Typer(no_args_is_help=True, help="版位 Placements: list, show, and check any picture against them.")
out = Console()

COLOURS: dict[Result, str] = {"pass": "green", "warn": "yellow", "fail": "red", "note": "dim", "not measured": "dim"}
WORDS: dict[Result, str] = {
    "pass": "通过 pass",
    "warn": "警告 warn",
    "fail": "不合格 fail",
    "note": "提示 note",
    "not measured": "未测 unmeasured",
}
EVIDENCE = re.compile(r" ?\(?(grade [ABC], .+, \d{4}-\d\d-\d\d)\)?$")  # as Rule.finding writes it

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
NamesOption = Annotated[str, typer.Option("--placements", help="Placements or sets, comma-separated.")]


@placements.command("list")
def list_placements(names: NamesOption = "", as_json: JsonOption = False) -> None:
    """Every placement with its grade, size, byte window and sets; those whose rules are old carry a star."""
    workplace = open_workplace()
    chosen = workplace.placements(split(names)) if names else tuple(workplace.all_placements.values())
    stale = {each.placement for each in stale_of(workplace)}
    if as_json:
        _write([{**_summary(each), "stale": each.id in stale} for each in chosen])
        return
    table = Table(Column("id", no_wrap=True), "名称", "级", "尺寸", "KB", "格式", "组 sets", box=SIMPLE_HEAD)
    for each in chosen:
        window, sets = _window(each), ", ".join((each.platform, *each.sets))
        star = "*" if each.id in stale else ""
        formats = " ".join(each.formats.value)
        table.add_row(each.id + star, each.title.zh, _grade(each), str(each.size), window, formats, sets)
    out.print(table)
    known = ", ".join(f"{name} ({len(members)})" for name, members in placement_sets(workplace.all_placements).items())
    out.print(f"组 Sets: {known}", highlight=False)
    if stale:
        months = workplace.settings.rule_months
        out.print(f"* {len(stale)} 个版位的规则已逾 {months} 个月未核对 with rules not checked for {months} months.")


@placements.command("show")
def show_placement(name: Annotated[str, typer.Argument(help="A placement's id.")], as_json: JsonOption = False) -> None:
    """One placement: every rule with its value, grade, source and the day it was checked."""
    workplace = open_workplace()
    for each in workplace.placements((name,)):
        if as_json:
            _write({**_summary(each), "rules": {key: rule.model_dump(mode="json") for key, rule in each.rules.items()}})
            continue
        out.print(f"[bold]{each.id}[/] {each.title.zh} {each.title.en}, {each.size}", highlight=False)
        table = Table("规则 rule", "值 value", "级", "核对 checked", Column("来源", overflow="fold"), box=SIMPLE_HEAD)
        for key, rule in each.rules.items():
            source = f"{rule.source}\n{rule.note}" if rule.note else rule.source
            table.add_row(key, escape(_shown(rule.value)), rule.grade, str(rule.checked), escape(source))
        out.print(table)


@placements.command("check")
def check_placement(
    file: Annotated[Path, typer.Argument(help="Any JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF, ours or not.")],
    names: NamesOption = "",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """A picture against placements, rule by rule. Exit code 0: nothing failed; 1: something did; 2: unreadable."""
    workplace = open_workplace()
    data = read_picture(file)
    chosen = workplace.placements(split(names) or _own_placement(data, file, workplace))
    audits = [audit_picture(data, each, name=file.name, read_text=text_lines) for each in chosen]
    if as_json:
        _write([_audit_fields(file, audit) for audit in audits])
    else:
        for audit in audits:
            _print_audit(file, audit)
    bad = {"fail", "warn"} if strict else {"fail"}
    raise typer.Exit(int(any(audit.result in bad for audit in audits)))


def text_lines(pixels: Pixels) -> list[Box] | None:
    """Where lines of text are, by the detector of the checks; None where it is not installed."""
    try:
        return [mark.box for mark in _DETECTOR.find(pixels)]
    except ModelError:
        return None


_DETECTOR = TextDetector()


def split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())


def stale_of(workplace: Workplace) -> list[StaleRule]:
    """The placements whose rules are older than the settings allow."""
    today = datetime.now(UTC).date()
    return stale_rules(workplace.all_placements, today=today, months=workplace.settings.rule_months)


def _own_placement(data: bytes, file: Path, workplace: Workplace) -> tuple[str, ...]:
    """The placement that a file of ours was made for."""
    try:
        recipe = read_labels(data).recipe
    except LabelError:
        recipe = None
    name = recipe.placement.split(".")[0] if recipe else ""
    if name in workplace.all_placements:
        return (name,)
    raise ConfigurationError(
        f"{file}: does not say which placement it was made for. Name one: shangxin placements check {file.name}"
        " --placements taobao-main (a set such as taobao or all also works)."
    )


def _grade(placement: Placement) -> str:
    """The grades of its rules, best first."""
    return "".join(sorted({rule.grade for rule in placement.rules.values()}))


def _window(placement: Placement) -> str:
    low = f"{placement.min_kb.value:g}" if placement.min_kb else ""
    high = f"{placement.max_kb.value:g}" if placement.max_kb else ""
    return f"{low}-{high}" if low or high else ""


def _shown(value: object) -> str:
    if hasattr(value, "model_dump"):
        return ", ".join(f"{key} {each}" for key, each in value.model_dump().items())
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _summary(placement: Placement) -> dict[str, Any]:
    return {
        "id": placement.id,
        "title": placement.title.model_dump(),
        "platform": placement.platform,
        "sets": placement.sets,
        "default": placement.default,
        "size": placement.size,
        "grades": _grade(placement),
        "formats": placement.formats.value,
        "min_kb": placement.min_kb.value if placement.min_kb else None,
        "max_kb": placement.max_kb.value if placement.max_kb else None,
    }


def _audit_fields(file: Path, audit: Audit) -> dict[str, Any]:
    lines = [line._asdict() for line in audit.lines]
    return {"file": str(file), "placement": audit.placement, "result": audit.result, "lines": lines}


def _print_audit(file: Path, audit: Audit) -> None:
    title = f"{escape(file.name)} → {audit.placement}: [{COLOURS[audit.result]}]{WORDS[audit.result]}[/]"
    out.print(title, highlight=False)
    table = Table("检查 check", "结果 result", "实测 value", "限值 limit", "级", "说明 detail", box=SIMPLE_HEAD)
    sources: dict[str, None] = {}
    for line in audit.lines:
        result = f"[{COLOURS[line.result]}]{WORDS[line.result]}[/]"
        told = EVIDENCE.search(line.detail)
        grade = told[1].split()[1].rstrip(",") if told else ""
        if told:
            sources[told[1]] = None
        detail = EVIDENCE.sub("", line.detail)
        table.add_row(line.check, result, _number(line.value), _number(line.limit), grade, escape(detail))
    out.print(table)
    for source in sources:
        out.print(f"  {source}", style="dim", highlight=False, markup=False, soft_wrap=True)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"


def _write(value: object) -> None:
    sys.stdout.write(orjson.dumps(value, default=list).decode() + "\n")
