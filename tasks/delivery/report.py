"""The contact sheet of a run: one HTML file that needs nothing else, for a wide screen, a phone and paper."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from tasks.delivery.acceptance import Acceptance, TakeEntry
from tasks.delivery.gallery import Gallery
from tasks.delivery.thumbnails import data_address
from tasks.findings import Finding
from tasks.shapes import Size

RowStatus = Literal["approved", "review", "rejected", "failed"]
Thumb = bytes | Callable[[], bytes | None] | None  # a callable is asked only for pictures that are shown

FOLDER = Path(__file__).with_name("report")
PICTURE_THREADS = 4  # reading from the store waits, decoding and scaling let go of the interpreter's lock
STATUSES: dict[RowStatus, tuple[str, str]] = {
    "approved": ("通过", "Approved"),
    "review": ("待审", "To review"),
    "rejected": ("未通过", "Rejected"),
    "failed": ("失败", "Failed"),
}
STAGES = {
    "ingest": "读取目录 Ingest",
    "plan": "计划 Plan",
    "text": "文本编码 Text",
    "condition": "条件图 Condition",
    "denoise": "去噪 Denoise",
    "decode": "解码 Decode",
    "paste": "贴回商品 Paste",
    "render": "渲染 Render",
    "encode": "母版编码 Encode",
    "review": "质检 Review",
    "store": "入库 Store",
    "compose": "成图 Compose",
    "publish": "发布 Publish",
}
NOTES = 12  # different ones listed
# What a person has to act on is pictured first where there is not room for all.
URGENCY: dict[RowStatus, int] = {"review": 0, "rejected": 1, "failed": 2, "approved": 3}


@dataclass(frozen=True)
class RenditionEntry:
    """One delivered file. `key` is relative to the store."""

    placement: str
    key: str
    size: Size
    bytes: int
    passed: bool = True


@dataclass(frozen=True)
class ReportRow:
    """One job's outcome. `reason` says why it failed, in words; `master_key` is empty where there is no master."""

    sku: str
    title: str
    scene: str
    scene_title: str
    status: RowStatus
    variant: int = 0
    take: int = 0
    job_id: str = ""
    findings: tuple[Finding, ...] = ()
    prompt: str = ""
    negative_prompt: str = ""
    thumb: Thumb = None
    size: Size | None = None
    master_key: str = ""
    renditions: tuple[RenditionEntry, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    category: str = ""  # its title
    takes: tuple[TakeEntry, ...] = ()
    fresh: bool = True  # made in this run; others count neither its time nor its cost
    cost: float = 0.0
    notes: tuple[str, ...] = ()  # what the renderer has to say of it
    sampler: str = ""  # the preset's name, where a model drew

    @property
    def by_weight(self) -> list[Finding]:
        """What counts against the picture first, then what is only noted, then what passed."""
        return sorted(self.findings, key=lambda finding: (finding.passed, finding.severity == "note"))

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.passed)

    @property
    def causes(self) -> tuple[str, ...]:
        """Distinct causes of failures that count, in order."""
        return tuple(dict.fromkeys(f.cause or f.check for f in self.failures if f.severity != "note"))


@dataclass(frozen=True)
class BadRowEntry:
    """One line of the catalogue that could not be used."""

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class ReportData:
    """Everything the report shows. The titles name checks and causes for people; `root` leads from page to store.

    `rows` are gone through once, and none is kept that the page does not show: at most `shown_per_scene` pictures a
    scene and at most `listed` further rows in its table. The figures always count all.
    """

    run_id: str
    catalog: str
    started: datetime
    finished: datetime
    rows: Iterable[ReportRow]
    bad_rows: Sequence[BadRowEntry] = ()
    bad_row_count: int | None = None  # where more were found than are handed over
    already_done: int = 0  # jobs that an earlier run had finished
    currency: str = "USD"
    model: str = ""
    model_note: str = ""  # licence, registration, and what kind of model it is
    samplers: Mapping[str, str] = field(default_factory=dict)  # what presets may change in a picture, by name
    tunings: Sequence[tuple[str, str]] = ()  # of the model: name, and what it may change
    check_titles: Mapping[str, str] = field(default_factory=dict)
    cause_titles: Mapping[str, str] = field(default_factory=dict)
    root: str = "../../"
    shown_per_scene: int = 60
    listed: int = 1000


def render_report(report: ReportData) -> str:
    """The page as text. Pure but for reading the page's template; every value is escaped."""
    assets = {"style": _asset("style.css"), "script": _asset("script.js"), "csp": report_policy()}
    return _template().render(sheet=Sheet(report), **assets)


class Sheet:
    """The report's figures and groups, as the template asks for them."""

    def __init__(self, report: ReportData) -> None:
        self.report = report
        self.statuses = STATUSES
        self.figures = Acceptance()
        self.cost = 0.0
        self._seconds: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._samplers: set[str] = set()
        self._scenes: dict[str, tuple[str, Counter[RowStatus]]] = {}
        self._gallery: Gallery[ReportRow] = Gallery(report.shown_per_scene, report.listed, _urgency)
        for row in report.rows:
            self._add(row)

    def _add(self, row: ReportRow) -> None:
        self.figures.add(row)
        self._gallery.add(row)
        self._notes.update(row.notes)
        self._samplers.add(row.sampler)
        self._scenes.setdefault(row.scene, (row.scene_title or row.scene, Counter()))[1][row.status] += 1
        if row.fresh:
            self._seconds.update(row.seconds)
            self.cost += row.cost

    @property
    def counts(self) -> Mapping[str, int]:
        return self.figures.statuses

    @property
    def total(self) -> int:
        return self.figures.total

    @property
    def scenes(self) -> list[tuple[str, str, Counter[RowStatus]]]:
        """Name, title and counts by status of each scene, in order of appearance."""
        return [(scene, title, counts) for scene, (title, counts) in self._scenes.items()]

    @property
    def notes(self) -> list[tuple[str, int]]:
        """What the renderer noted, and of how many pictures; the most frequent first."""
        return self._notes.most_common(NOTES)

    @property
    def samplers(self) -> list[tuple[str, str]]:
        """Presets and tunings in use, and what each may change."""
        presets = [(name, self.report.samplers[name]) for name in sorted(self._samplers & self.report.samplers.keys())]
        return [*presets, *self.report.tunings]

    @property
    def stages(self) -> list[tuple[str, float]]:
        return [(STAGES.get(stage, stage), seconds) for stage, seconds in self._seconds.items()]

    @property
    def cost_per_approved(self) -> float | None:
        return self.cost / self.counts["approved"] if self.counts["approved"] else None

    @property
    def bad_row_count(self) -> int:
        return len(self.report.bad_rows) if self.report.bad_row_count is None else self.report.bad_row_count

    @cached_property
    def groups(self) -> list[tuple[str, str, list[ReportRow]]]:
        """SKU, title and pictured rows of each product, in order of appearance."""
        groups: dict[str, tuple[str, str, list[ReportRow]]] = {}
        with ThreadPoolExecutor(PICTURE_THREADS, thread_name_prefix="thumbnail") as pool:
            for row in pool.map(_pictured, self._gallery.shown):
                groups.setdefault(row.sku, (row.sku, row.title, []))[2].append(row)
        return list(groups.values())

    @property
    def others(self) -> list[ReportRow]:
        """Rows without a picture here, as many as are listed."""
        return self._gallery.listed

    @property
    def other_count(self) -> int:
        return self._gallery.others

    def check_title(self, check: str) -> str:
        return self.report.check_titles.get(check, check)

    def cause_title(self, cause: str) -> str:
        return self.report.cause_titles.get(cause, cause)

    def picture(self, row: ReportRow) -> str | None:
        return data_address(None if callable(row.thumb) else row.thumb)

    def link(self, key: str) -> str:
        """Relative address of a stored object; keys hold percent signs of their own, which are quoted again."""
        return self.report.root + quote(key, safe="/")


def _urgency(row: ReportRow) -> int:
    return URGENCY[row.status]


def _pictured(row: ReportRow) -> ReportRow:
    return replace(row, thumb=row.thumb()) if callable(row.thumb) else row


@lru_cache(maxsize=1)
def _template() -> Template:
    loader = FileSystemLoader(FOLDER)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(seconds=format_seconds, kb=format_kb, value=format_value, both=format_both)
    return environment.get_template("report.html")


@lru_cache(maxsize=4)
def _asset(name: str) -> Markup:
    # our own file: the only text that goes in unescaped
    return Markup((FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704


def report_policy() -> str:
    """Content security policy: no network at all, and only this one script, known by its digest."""
    digest = base64.b64encode(hashlib.sha256(str(_asset("script.js")).encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def format_seconds(seconds: float) -> str:
    """`0.42 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_kb(size: int) -> str:
    return f"{size / 1024:.0f} KB" if size >= 1024 else f"{size} B"


def format_value(value: float | None) -> str:
    """Three significant digits, never in powers of ten."""
    if value is None:
        return "—"
    if 0 < abs(value) < 0.001:
        return "< 0.001" if value > 0 else "> −0.001"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def format_both(text: str) -> Markup:
    """`中文 English`: the English part, from the first word in Latin letters that follows Chinese, set smaller."""
    match = re.match(r"(.*[\u3000-\u9fff\uff00-\uffef][^A-Za-z]*?)\s+([A-Za-z].*)", text, re.DOTALL)
    if match is None or re.search(r"[\u3400-\u9fff]", match[2]):
        return escape(text)
    return Markup('{} <span class="en" lang="en">{}</span>').format(match[1], match[2])
