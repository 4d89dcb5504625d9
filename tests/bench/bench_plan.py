"""Planning against bare Jinja2, and its peak memory: `python -m tests.bench.bench_plan [rows]`.

Bare Jinja2 renders the same positive prompts from compiled templates on one core and does nothing else; planning adds
the negative prompt, the seed, the job's canonical JSON and its identity. Rates are the best of three, in one run.
Memory is the peak of a fresh process that makes and plans all rows, plus that of its workers.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from jinja2 import Environment

from tasks.catalog.brief import CampaignBrief
from tasks.prompts.expand import Expander
from tasks.prompts.library import Library, load_library
from tasks.prompts.parts import BREAK, join_segments
from tasks.prompts.row import Row
from tasks.prompts.stack import constants_of, stack_of
from tasks.rendering.job import ModelRef
from tasks.rendering.parallel import batched, plan_parallel
from tasks.rendering.plan import PlanOptions, plan_jobs

ROOT = Path(__file__).resolve().parents[2]
SCENES = ("marble-bathroom", "pastel-studio", "spring-garden", "summer-beach", "winter-snow")
OPTIONS = PlanOptions(CampaignBrief(catalog="bench.csv", scenes=SCENES), ModelRef(name="kolors", revision="bench"))
# ten fields a prompt, each different from row to row: no prompt is met twice
BUSY = {
    "props": "{{ product.color }}飘带，{{ product.material }}{% if product.brand %}，{{ product.brand }}{% endif %}",
    "camera": "{{ product.机位 }}，{{ product.镜头 }}，{{ product.焦段|default('中焦') }}",
    "quality": "{{ product.质感 }}，{{ extra['光 影'] }}，{{ product.selling_points|join('，') }}，{{ product.title }}",
}
COLUMNS = ("机位", "镜头", "焦段", "质感", "光 影", *(f"列{n}" for n in range(5)))  # twenty with the known ones


def rows(count: int) -> Iterator[Row]:
    """Rows of twenty columns."""
    for n in range(count):
        yield Row(
            sku=f"SKU{n:07}",
            title=f"夏季新款轻薄透气商品{n}",
            image=f"images/{n % 1000}.png",
            image_sha256=sha256(b"%d" % (n % 1000)).hexdigest(),
            category="护肤",
            brand="青屿",
            price=None,
            color=f"浅蓝{n}",
            material=f"玻璃{n}",
            selling_points=(f"卖点{n}", "轻盈"),
            locale="zh-CN",
            scenes=(),
            copy_text="",
            height_cm=None,
            width_cm=None,
            bundle=(),
            extra={column: f"{column}的值{n}" for column in COLUMNS},
            line=n + 2,
        )


def busy_library(folder: Path) -> Library:
    """The project's templates with scenes that read ten fields each."""
    for path in (ROOT / "templates").rglob("*.yaml"):
        target = folder / path.relative_to(ROOT / "templates")
        target.parent.mkdir(parents=True, exist_ok=True)
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.parent.name == "scenes":
            content["prompt"]["set"] |= BUSY
        target.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_library(folder)


def bare_jinja(library: Library, products: list[Row]) -> Callable[[], int]:
    """Renders the positive prompts of the products with plain compiled Jinja2."""
    environment = Environment(autoescape=False)  # noqa: S701
    templates = []
    for name in SCENES:
        stack = stack_of(library, products[0], library.scene(name))
        expander = Expander(library, stack)
        source = BREAK.join(part.snippet.source for part in expander.segments if part.polarity == "prompt")
        templates.append((environment.from_string(source), constants_of(library, stack), expander))
    values = [{"product": goods._asdict() | dict(goods.extra), "extra": goods.extra} for goods in products]
    for template, constants, expander in templates:  # the very same prompts
        assert join_segments(template.render(values[0], **constants)) == expander.expand(products[0]).positive

    def render() -> int:
        return sum(
            bool(template.render(value, **constants)) for value in values for template, constants, _ in templates
        )

    return render


def rate(work: Callable[[], int]) -> float:
    """Best of three, per second of processor time: other work on the machine does not count."""
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        best = max(best, work() / (time.process_time() - start))
    return best


def compare(label: str, library: Library, count: int) -> None:
    products = list(rows(count))
    bare = rate(bare_jinja(library, products))
    one = rate(lambda: sum(1 for _ in plan_jobs(products, library, OPTIONS.brief, model=OPTIONS.model)))
    print(f"{label:<44}{bare:>12,.0f}{one:>12,.0f}{one / bare:>8.2f}", flush=True)


def long_run(folder: str, count: int, workers: int) -> None:
    """Plan all rows in this process and say how fast and how large it got."""
    library = load_library(Path(folder))
    start = time.perf_counter()
    if workers:
        jobs = sum(map(len, plan_parallel(batched(rows(count)), library, OPTIONS, workers=workers)))
    else:
        jobs = sum(1 for _ in plan_jobs(rows(count), library, OPTIONS.brief, model=OPTIONS.model))
    seconds = time.perf_counter() - start
    own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    busy = sum(usage.ru_utime + usage.ru_stime for usage in (own, child))
    megabytes = (own.ru_maxrss + child.ru_maxrss * workers) / 1024
    print(
        f"{count:>10,} rows, {workers} workers: {jobs / seconds:>10,.0f} jobs/s by the clock,"
        f"{jobs / busy:>10,.0f} per second of processor time, peak {megabytes:.0f} MB in all",
        flush=True,
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as folder:
        busy = busy_library(Path(folder) / "templates")
        print(f"{'':<44}{'jinja/s':>12}{'jobs/s':>12}{'ratio':>8}")
        compare("project's templates (prompts repeat)", load_library(ROOT / "templates"), 10_000)
        compare("ten fields a prompt, no prompt met twice", busy, 10_000)
        for number in (count // 5, count):
            for workers in (0, 2):
                code = (
                    f"from tests.bench.bench_plan import long_run; long_run({str(busy.folder)!r}, {number}, {workers})"
                )
                subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
