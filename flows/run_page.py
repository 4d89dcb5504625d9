"""What a run's page in Prefect shows: progress while it works, then contact sheet, verdicts by cause, cost, links."""

import html
import logging
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import zip_longest
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.exceptions import PrefectException

from flows.rounds import page_of
from flows.summary import common_cause
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import report_key
from tasks.delivery.ledger import Counts, JobRecord
from tasks.delivery.thumbnails import data_address, make_thumbnail
from tasks.errors import StorageError
from tasks.workplace import Workplace

EVERY_SECONDS = 10.0  # an artifact is a row of Prefect's database
SHEET = 20  # thumbnails on the page, of SIDE px: 6 KB each
DOUBTFUL = 8  # of them at most, ahead of the others
SIDE = 200
ACROSS = 4
PLAIN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
OUTCOMES = {
    "approved": "已通过 approved",
    "review": "待人工 review",
    "rejected": "已拒绝 rejected",
    "failed": "失败 failed",
    "unfinished": "未完成 left",
}

logger = logging.getLogger(__name__)


class RunPage:
    """One run's artifacts. A server that cannot take them now misses them: nothing else depends on it."""

    def __init__(self, workplace: Workplace, run_id: str) -> None:
        self._workplace, self._run_id = workplace, run_id
        self._progress: UUID | None = None
        self._next_look = 0.0

    def show_progress(self, counts: Counts) -> None:
        """Share done, outcomes and cost so far; at most every ten seconds."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + EVERY_SECONDS
        share = 100.0 * (counts.total - counts.unfinished) / max(counts.total, 1)
        with suppress(httpx.HTTPError, PrefectException):
            if self._progress is None:
                made = create_progress_artifact(share, key="progress", description=self._words(counts))
                self._progress = made if isinstance(made, UUID) else None
            else:
                update_progress_artifact(self._progress, progress=share, description=self._words(counts))

    def show_result(self) -> None:
        """The contact sheet with its links, the table of verdicts by cause, and a link to the report."""
        self._next_look = 0.0
        counts = self._workplace.ledger.counts(self._run_id)
        self.show_progress(counts)
        with suppress(httpx.HTTPError, PrefectException):
            create_table_artifact(self._causes(counts), key="verdicts", description="结果与原因 Verdicts by cause")
            create_link_artifact(
                self._report(), link_text=f"报告 Report {self._run_id}", key="report", description="报告 Full report"
            )
            create_markdown_artifact(self._sheet(counts), key="contact-sheet", description="总览 Contact sheet")

    def _words(self, counts: Counts) -> str:
        parts = [f"{title} {getattr(counts, name)}" for name, title in OUTCOMES.items() if getattr(counts, name)]
        return " · ".join([*parts, f"花费 cost {self._cost()}"])

    def _cost(self) -> str:
        return f"{self._workplace.ledger.spent(self._run_id):,.2f} {self._workplace.settings.currency}"

    def _sheet(self, counts: Counts) -> str:
        brief = CampaignBrief.model_validate_json(self._workplace.ledger.run(self._run_id).brief)
        pictures = list(self._pictures())
        left = counts.total - len(pictures)
        rest = f"\n\n其余 {left} 张见报告。 {left} more are in the report." if left > 0 else ""
        return "\n".join(
            [
                *self._alarm(counts),
                f"# {plain(brief.catalog.rpartition('/')[2])} · {counts.total} 张 pictures",
                "",
                f"{self._words(counts)} · 模型 model {plain(brief.model)} · 批次 run {plain(self._run_id)}",
                "",
                *self._links(),
                "",
                *_grid(pictures),
                rest,
            ]
        )

    def _alarm(self, counts: Counts) -> list[str]:
        cause = common_cause(self._workplace, self._run_id, counts)
        said = "没有一张通过，最可能的共同原因 Nothing passed; the likeliest common cause"
        return [f"**{said}: {plain(cause)}**", ""] if cause else []

    def _links(self) -> list[str]:
        return [
            f"- [报告 Report]({self._report()}) 全部图片与数字 every picture and figure",
            f"- [审片页 Approval page]({page_of(self._workplace, self._run_id)}) 待人工的图片 what waits for a person",
        ]

    def _report(self) -> str:
        """Where the store's keys can be opened; the approval page shows them where no other address is set."""
        settings = self._workplace.settings
        root = settings.store_url or f"{settings.review_url.rstrip('/')}/store"
        return f"{root.rstrip('/')}/{report_key(self._run_id)}"

    def _pictures(self) -> Iterator[str]:
        for record in spread(self._workplace.ledger.results(self._run_id)):
            if record.master is not None and (cell := self._cell(record, record.master.key)):
                yield cell

    def _cell(self, record: JobRecord, key: str) -> str:
        with suppress(StorageError, OSError):
            address = data_address(make_thumbnail(self._workplace.store.get(key), side=SIDE, quality=70))
            status = record.verdict.status if record.verdict else record.state
            scene = self._workplace.library.scenes.get(record.scene)
            title = scene.title.zh if scene else record.scene
            outcome = "" if status == "approved" else f"<br>**{OUTCOMES[status]}**"
            return f"![{plain(record.sku)}]({address})<br>{plain(record.sku)}<br>{plain(title)}{outcome}"
        return ""

    def _causes(self, counts: Counts) -> list[dict[str, str | int]]:
        titles = self._workplace.thresholds.cause_titles
        causes: Counter[tuple[str, str]] = Counter()
        for record in self._workplace.ledger.results(self._run_id):
            if record.verdict is not None and record.verdict.status != "approved":
                found = {finding.cause or finding.check for finding in record.verdict.failures}
                causes.update((record.verdict.status, cause) for cause in found)
            elif record.state == "dead":
                causes["failed", record.reason[:120]] += 1
        return [
            _row("approved", "—", counts.approved),
            *(
                _row(status, str(titles.get(cause, cause)), number)
                for (status, cause), number in causes.most_common(30)
            ),
        ]


def spread(records: Iterable[JobRecord], most: int = SHEET) -> list[JobRecord]:
    """So many pictures: doubtful ones first, then as many products and scenes as there is room for."""
    doubtful: list[JobRecord] = []
    by_sku: dict[str, list[JobRecord]] = {}
    for record in records:
        if record.master is None or record.verdict is None:
            continue
        if record.verdict.status != "approved":
            doubtful.append(record)
        elif record.sku in by_sku or len(by_sku) < most:
            by_sku.setdefault(record.sku, []).append(record)
        del doubtful[DOUBTFUL:]
    # the n-th product begins with its n-th scene, so that the first row shows different ones
    turned = [own[number % len(own) :] + own[: number % len(own)] for number, own in enumerate(by_sku.values())]
    dealt = [record for turn in zip_longest(*turned) for record in turn if record is not None]
    return [*doubtful, *dealt][:most]


def _row(status: str, cause: str, pictures: int) -> dict[str, str | int]:
    return {"结果 outcome": OUTCOMES[status], "原因 cause": cause, "张 pictures": pictures}


def plain(text: str) -> str:
    """Text that markdown and HTML leave as it is: names come from other people's catalogues."""
    return PLAIN.sub(r"\\\1", html.escape(text.replace("\n", " "))[:200])


def _grid(cells: list[str]) -> list[str]:
    if not cells:
        return []
    rows = [cells[start : start + ACROSS] for start in range(0, len(cells), ACROSS)]
    return [
        "|" + " |" * ACROSS,
        "|" + "---|" * ACROSS,
        *("|" + "|".join([*row, *[" "] * (ACROSS - len(row))]) + "|" for row in rows),
    ]
