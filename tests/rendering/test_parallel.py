"""Planning in several processes gives the same jobs, in order, without heavy imports."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.catalog.brief import CampaignBrief
from tasks.errors import CellError, ShangxinError, TemplateError
from tasks.prompts.library import load_library
from tasks.prompts.row import Goods, Row
from tasks.rendering.job import ModelRef
from tasks.rendering.parallel import batched, plan_parallel
from tasks.rendering.plan import PlanOptions, plan_jobs
from tasks.rendering.plan_worker import JOBS, PlanWorker

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = load_library(ROOT / "templates")
OPTIONS = PlanOptions(CampaignBrief(catalog="products.csv"), ModelRef(name="kolors-nano", revision="r1"))
EMPTY = Row(
    "", "精华", "a.png", "0" * 64, "护肤", "", None, "粉", "", (), "zh-CN", (), "", None, None, (), {"产地": "杭州"}, 0
)


def rows(count: int, **fields: Any) -> list[Goods]:
    return [EMPTY._replace(sku=f"P{n}", line=n + 2, **fields) for n in range(count)]


def test_workers_plan_the_same_jobs_in_the_same_order() -> None:
    products = rows(25)
    planned = [job for jobs in plan_parallel(batched(products, 4), LIBRARY, OPTIONS, workers=2) for job in jobs]
    assert planned == list(plan_jobs(products, LIBRARY, OPTIONS.brief, model=OPTIONS.model))


def test_limit_and_bad_rows_work_across_processes() -> None:
    products = [*rows(1, scenes=("nowhere",)), *rows(5)]
    options = OPTIONS._replace(brief=OPTIONS.brief.model_copy(update={"limit": 3}))
    bad: list[tuple[str, str]] = []

    def note(goods: Goods, error: CellError) -> None:
        bad.append((goods.sku, str(error)))

    batches = plan_parallel(batched(products, 2), LIBRARY, options, workers=1, on_bad_row=note)
    assert {job.sku for jobs in batches for job in jobs} == {"P0", "P1"}
    assert [sku for sku, _ in bad] == ["P0"]
    assert bad[0][1].startswith("scenes: there is no scene 'nowhere'. Known: ")


def test_a_bad_row_raises_where_nobody_listens() -> None:
    with pytest.raises(CellError, match="no scene 'nowhere'"):
        list(plan_parallel([rows(1, scenes=("nowhere",))], LIBRARY, OPTIONS, workers=1))


def test_a_template_error_crosses_the_process_border() -> None:
    with pytest.raises(TemplateError, match="prompt_sruface names no part"):
        list(plan_parallel([rows(1, extra={"prompt_sruface": "x"})], LIBRARY, OPTIONS, workers=1))


def test_leaving_early_ends_the_workers() -> None:
    batches = plan_parallel(batched(rows(50), 2), LIBRARY, OPTIONS, workers=2)
    assert next(batches)[0].sku == "P0"
    batches.close()  # type: ignore[attr-defined]  # would hang or leave processes, which pytest reports as a warning


def test_a_worker_that_died_is_reported() -> None:
    worker = PlanWorker(LIBRARY, OPTIONS, JOBS)
    worker._process.kill()
    worker._process.wait()
    with pytest.raises(ShangxinError, match="ended with code -9"):
        worker.plan(rows(1))
    worker.close()


def test_planning_imports_neither_pandas_nor_torch_nor_prefect() -> None:
    code = (
        "import sys, tasks.rendering.plan_worker, tasks.rendering.parallel, tasks.rendering.shards\n"
        "sys.exit(sorted({'pandas', 'torch', 'diffusers', 'prefect', 'numpy', 'boto3'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
