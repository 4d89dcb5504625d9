"""Dry runs for people and programs: `plan`, `explain` and `lint`."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import IO

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.masters import Savings, print_masters
from flows.placements import stale_of
from tasks.catalog.bad_rows import BadRow
from tasks.catalog.brief import CampaignBrief
from tasks.catalog.read import read_products
from tasks.errors import CatalogError
from tasks.lettering import Lettering
from tasks.planning import plan_batches, plan_lines
from tasks.prompts.explain import explain, joined
from tasks.prompts.lint import Problem, lint
from tasks.prompts.parts import Polarity
from tasks.prompts.scene import Scene
from tasks.prompts.words import find_forbidden_copy
from tasks.rendering.job import PlannedJob
from tasks.rendering.presets import may_change
from tasks.rendering.recipe import check_recipes
from tasks.workplace import Workplace, open_workplace

POLARITIES: tuple[tuple[Polarity, str], ...] = (("prompt", "正向 Positive"), ("negative", "反向 Negative"))
SHOWN = 200  # jobs and bad rows printed; --json has them all


def stream_plan_json(brief: CampaignBrief, sink: IO[bytes]) -> None:
    """One JSON object a line, a job or a bad row, in catalogue order; memory stays flat. The masters go to stderr."""
    workplace = open_workplace()
    bad: list[BadRow] = []
    savings = Savings(workplace, brief)
    try:
        for lines in plan_lines(workplace, brief, bad.append):
            sink.writelines(_bad_line(row) for row in bad)
            bad.clear()
            sink.write(lines.with_done(workplace.ledger.find_done(lines.job_ids)))
            savings.add_lines(lines)
        sys.stderr.write(orjson.dumps(savings.fields(), default=list, option=orjson.OPT_APPEND_NEWLINE).decode())
    finally:
        sink.writelines(_bad_line(row) for row in bad)  # also where every row is bad


def planned(
    workplace: Workplace, brief: CampaignBrief, bad: list[BadRow]
) -> Iterator[tuple[list[PlannedJob], set[str]]]:
    """Batches of the plan, each with the job ids that the ledger calls done; bad rows are appended to `bad`."""
    for batch in plan_batches(workplace, brief, bad.append):
        yield batch, workplace.ledger.find_done([job.job_id for job in batch])


def print_plan(brief: CampaignBrief, console: Console) -> None:
    """Rows, bad rows by line, jobs per scene, the first prompts in full, what is done already, time and cost."""
    workplace = open_workplace()
    bad: list[BadRow] = []
    tally = Tally()
    try:
        for batch, done in planned(workplace, brief, bad):
            tally.add(batch, done)
    finally:
        _print_bad_rows(bad, console)  # also where every row is bad
    _print_jobs(tally, console)
    savings = Savings(workplace, brief)
    for scene, count in tally.scenes.items():
        savings.add(workplace.library.scenes[scene].background, count)
    print_masters(savings, console)
    cost = tally.todo * brief.candidates * cost_per_image(workplace, brief)
    seconds = cost / workplace.settings.gpu_hour_cost * 3600 if workplace.settings.gpu_hour_cost else 0.0
    console.print(
        f"[bold]{tally.products}[/] 个商品 products, [bold]{tally.total}[/] 个任务 jobs: "
        f"{tally.total - tally.todo} 已完成 done already, [bold]{tally.todo}[/] 待渲染 to render; "
        f"{len(bad)} 行有误 bad rows. "
        f"预计 Estimate: {seconds:.0f} GPU s, {cost:.4f} {workplace.settings.currency}."
    )


GUESSED_SECONDS = 4.0  # of a device, for a master, until this ledger has seen some


def cost_per_image(workplace: Workplace, brief: CampaignBrief) -> float:
    """What this model's latest masters cost by this ledger, else a guess, in the currency of the settings."""
    measured = workplace.ledger.mean_cost(brief.model)
    return GUESSED_SECONDS / 3600 * workplace.settings.gpu_hour_cost if measured is None else measured


class Tally:
    """Counts of a plan, and its first jobs to show."""

    def __init__(self) -> None:
        self.total = self.todo = 0
        self.scenes: Counter[str] = Counter()
        self.shown: list[PlannedJob] = []
        self._last_sku = ""
        self.products = 0

    def add(self, batch: list[PlannedJob], done: set[str]) -> None:
        for job in batch:
            self.total += 1
            self.todo += job.job_id not in done
            self.scenes[job.scene] += 1
            self.products += job.sku != self._last_sku  # jobs come in catalogue order, a product's together
            self._last_sku = job.sku
        self.shown.extend(batch[: max(0, SHOWN - len(self.shown))])


def _print_bad_rows(bad: list[BadRow], console: Console) -> None:
    if not bad:
        return
    table = Table("行 line", "列 column", "值 value", "原因 reason", title="有误的行 Bad rows", title_justify="left")
    for row in bad[:SHOWN]:
        table.add_row(str(row.line), escape(row.column), escape(row.value[:40]), escape(row.reason))
    console.print(table)
    if len(bad) > SHOWN:
        console.print(f"... and {len(bad) - SHOWN} more; --json lists them all.")


def _print_jobs(tally: Tally, console: Console) -> None:
    for planned_job in tally.shown:
        job = planned_job.job
        console.print(
            f"[bold]{planned_job.job_id}[/] {escape(planned_job.sku)} [cyan]{planned_job.scene}[/] "
            f"{job.size} 种子 seed {job.seed}",
            highlight=False,
            soft_wrap=True,
        )
        console.print(f"  + {escape(job.prompt)}", highlight=False, soft_wrap=True)
        console.print(f"  - {escape(job.negative_prompt)}", style="dim", highlight=False, soft_wrap=True)
    if tally.total > len(tally.shown):
        console.print(f"... and {tally.total - len(tally.shown)} more jobs; --json prints every one.")
    console.print("  ".join(f"{scene} {count}" for scene, count in tally.scenes.items()), style="dim", highlight=False)


def print_explanation(brief: CampaignBrief, *, sku: str, scene: str, out: Console) -> None:
    """The prompt of one product in one scene, part by part with layer and file. CatalogError: no such SKU."""
    workplace = open_workplace()
    bad: list[BadRow] = []
    products = read_products(workplace.source(brief.catalog), images=workplace.images(brief.catalog), on_bad=bad.append)
    product = next((product for product in products if product.sku == sku), None)
    if product is None:
        why = next((f" Its row is bad: line {row.line}: {row.reason}" for row in bad if row.value == sku), "")
        raise CatalogError(f"{brief.catalog}: there is no usable row with sku {sku!r}.{why}")
    library = workplace.library
    parts = explain(library, product, library.scene(scene), brand=brief.brand)
    for polarity, title in POLARITIES:
        table = Table("部分 part", "文字 text", title=title, title_justify="left")
        table.add_column("层 layer, 文件 file", no_wrap=True)
        for part in parts:
            if part.polarity == polarity:
                table.add_row(part.part, escape(part.text), f"{escape(part.layer)}\n[dim]{part.file}[/]")
        out.print(table)
        out.print(escape(joined(parts, polarity)), soft_wrap=True)
    _print_effects(workplace, library.scene(scene), brief.model, out)


def _print_effects(workplace: Workplace, scene: Scene, model: str, out: Console) -> None:
    """What the sampler and the tunings in use may change in the picture."""
    if scene.background != "generated":
        out.print("白底，不生成背景 A white ground: nothing is drawn.")
        return
    found = workplace.model(model)
    sampler = found.sampler.preset if found.sampler else scene.sampler
    for name, changes in may_change(sampler, tunings=found.tuning):
        out.print(f"采样与加速 Sampler [bold]{name}[/]: {escape(changes)}", soft_wrap=True, highlight=False)


def _bad_line(row: BadRow) -> bytes:
    return orjson.dumps({"bad_row": row._asdict()}) + b"\n"


def print_lint(catalog: str, console: Console) -> int:
    """Problems of the templates (and of a catalogue's columns and copy); 2 where one is an error, else 0."""
    workplace = open_workplace()
    library, placements = workplace.library, workplace.all_placements
    thresholds = workplace.thresholds
    columns: set[str] | None = None
    problems = []
    if catalog:
        columns, lettering = set(), Lettering(workplace)
        for product in read_products(
            workplace.source(catalog), images=workplace.images(catalog), on_bad=lambda row: None
        ):
            columns.update(product.extra)
            for column, hit in find_forbidden_copy(product, library.words, category=product.category):
                place = f"line {product.line}, {column}"
                problems.append(Problem(catalog, place, f"{hit.word}: {hit.group.rule}", hit.group.level))
            for each in lettering.unset(product):
                place = f"line {each.line}, {each.element} ({each.locale})"
                problems.append(Problem(catalog, place, each.reason, "error" if each.essential else "warning"))
    problems = [*lint(library, columns), *check_recipes(library), *_stale_problems(workplace), *problems]
    for problem in problems:
        colour = "red" if problem.level == "error" else "yellow"
        console.print(
            f"[{colour}]{problem.level}[/] {escape(problem.file)}: {escape(problem.where)}: {escape(problem.message)}",
            soft_wrap=True,
        )
    console.print(
        f"{len(library.scenes)} scenes, {len(library.categories)} categories, {len(library.brands)} brands, "
        f"{len(placements)} placements, {len(thresholds.check_titles)} checks: "
        f"{len(problems)} problems."
    )
    return 2 if any(problem.level == "error" for problem in problems) else 0


def _stale_problems(workplace: Workplace) -> Iterator[Problem]:
    for each in stale_of(workplace):
        message = f"checked {each.checked}, {each.months} months ago; compare with {each.source}"
        yield Problem("placements", f"{each.placement}.{each.rule}", message, "warning")
