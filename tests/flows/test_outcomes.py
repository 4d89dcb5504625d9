"""How runs end short of perfect: jobs that fail, budgets that run out, limits, variants, brands."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.campaign import produce_campaign
from flows.cli import main
from flows.summary import print_summary
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key, report_key
from tasks.delivery.manifest import ManifestLine, read_manifest
from tasks.rendering.renderer import Failed, Rendered, RenderRequest
from tasks.rendering.sleeping import SleepRenderer
from tasks.settings import use_settings
from tasks.workplace import Workplace, open_workplace

MODEL = "sleep-1ms"
in_a_flow = pytest.mark.usefixtures("prefect_server", "here")


def make_brief(catalogue: Path, **changes: Any) -> CampaignBrief:
    fields = {"scenes": ("white-studio", "wood-morning"), "placements": ("taobao-main",), "model": MODEL}
    return CampaignBrief(catalog=str(catalogue), **{**fields, **changes})


def manifest_of(run_id: str) -> list[ManifestLine]:
    return list(read_manifest(open_workplace().store.get(manifest_key(run_id))))


def summary_of(run_id: str) -> tuple[int, str]:
    """Exit code and text of the command's last words."""
    shown = io.StringIO()
    code = print_summary(open_workplace(), run_id, Console(file=shown, width=160))
    return code, shown.getvalue()


class PickyRenderer(SleepRenderer):
    """Cannot render some pictures."""

    def __init__(self, refused: set[str]) -> None:
        super().__init__(name=MODEL)
        self.refused = refused

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[Rendered | Failed]:
        for outcome in super().render(requests):
            refused = outcome.request.job.product_image in self.refused
            yield Failed(outcome.request, "out of memory at 1024x1024") if refused else outcome


class WorkplaceWith(Workplace):
    """A workplace whose renderer is given."""

    def __init__(self, workplace: Workplace, renderer: PickyRenderer) -> None:
        super().__init__(workplace.settings)
        self.picky = renderer

    def renderer(self, model: str) -> PickyRenderer:
        return self.picky


@pytest.fixture
def picky(here: Path, monkeypatch: pytest.MonkeyPatch) -> PickyRenderer:
    renderer = PickyRenderer(set())
    monkeypatch.setattr("tasks.workplace._Open.workplace", WorkplaceWith(open_workplace(), renderer))
    return renderer


@pytest.mark.usefixtures("prefect_server")
def test_a_job_that_cannot_be_rendered_is_named_and_tried_again_by_the_next_run(
    catalogue: Path, picky: PickyRenderer
) -> None:
    workplace = open_workplace()
    picky.refused = {workplace.images(str(catalogue)).digest("p1.png")}
    counts = produce_campaign(make_brief(catalogue), "run-1")

    lines = manifest_of("run-1")
    failed = [line for line in lines if line.status == "failed"]
    assert counts["failed"] == len(failed) == 2
    assert {(line.sku, line.reason, line.master) for line in failed} == {("B-2", "out of memory at 1024x1024", None)}
    assert all(line.master for line in lines if line.sku != "B-2")
    assert summary_of("run-1")[0] == 1

    picky.refused = set()
    again = produce_campaign(make_brief(catalogue), "run-2")
    assert (again["failed"], again["fresh"]) == (0, 2)
    assert summary_of("run-2")[0] == 0


@in_a_flow
def test_a_budget_stops_a_run_with_its_reason_and_the_next_goes_on(catalogue: Path) -> None:
    brief = make_brief(catalogue, model="sleep-20ms", max_cost=1e-9)
    produce_campaign(brief, "run-1")
    code, said = summary_of("run-1")

    assert code == 1
    assert "Stopped at the budget" in said
    assert "The same command goes on" in said
    done = open_workplace().ledger.counts("run-1")
    assert 0 < done.unfinished < done.total

    produce_campaign(brief.model_copy(update={"max_cost": 1.0}), "run-2")
    code, said = summary_of("run-2")
    assert code == 0
    assert "Stopped at the budget" not in said
    assert open_workplace().ledger.counts("run-2").fresh == done.unfinished


@pytest.fixture
def planning(tmp_path: Path, small_templates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SHANGXIN_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("SHANGXIN_TEMPLATES", str(small_templates))
    yield
    use_settings(None)


def planned_jobs(catalogue: Path, capture: pytest.CaptureFixture[bytes], *options: str) -> list[dict[str, Any]]:
    assert main(["plan", str(catalogue), "--json", "--model", MODEL, "--scenes", "white-studio", *options]) == 0
    lines = [json.loads(line) for line in capture.readouterr().out.splitlines()]
    return [line for line in lines if "job_id" in line]


@pytest.mark.usefixtures("planning")
def test_limit_variants_and_brand_reach_the_plan(catalogue: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    plain = planned_jobs(catalogue, capfdbinary)
    assert [job["sku"] for job in planned_jobs(catalogue, capfdbinary, "--limit", "2")] == ["杯/1", "B-2"]

    varied = planned_jobs(catalogue, capfdbinary, "--variants", "2")
    assert [(job["sku"], job["variant"]) for job in varied[:2]] == [("杯/1", 0), ("杯/1", 1)]
    assert len({job["job"]["seed"] for job in varied}) == len({job["job_id"] for job in varied}) == 6
    assert {job["job_id"] for job in plain} < {job["job_id"] for job in varied}

    branded = planned_jobs(catalogue, capfdbinary, "--brand", "qingyu")
    assert {job["job_id"] for job in branded}.isdisjoint({job["job_id"] for job in plain})


@in_a_flow
def test_variants_of_one_product_are_jobs_of_their_own(catalogue: Path) -> None:
    counts = produce_campaign(make_brief(catalogue, scenes=("wood-morning",), variants=2, limit=1), "run-1")

    lines = manifest_of("run-1")
    assert counts["total"] == 2
    assert [line.variant for line in lines] == [0, 1]
    assert len({line.seed for line in lines}) == len({line.master.key for line in lines if line.master}) == 2


class NotingRenderer(PickyRenderer):
    """Says of every picture what a card short of memory would."""

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[Rendered | Failed]:
        for outcome in super().render(requests):
            yield replace(outcome, notes=(NOTE,)) if isinstance(outcome, Rendered) else outcome


NOTE = "显存不足，已拆批 drawn 1 at a time: the card had no room for 4"


@pytest.mark.usefixtures("prefect_server")
def test_what_happened_to_a_batch_stands_in_the_manifest_and_in_the_report(
    catalogue: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.workplace._Open.workplace", WorkplaceWith(open_workplace(), NotingRenderer(set())))
    produce_campaign(make_brief(catalogue, limit=1), "run-noted")
    assert all(NOTE in line.notes for line in manifest_of("run-noted"))
    page = open_workplace().store.get(report_key("run-noted")).decode()
    assert "显存不足，已拆批" in page
    assert "the card had no room for 4" in page
    assert "composition hardly" in page  # what the scenes' sampler may change
