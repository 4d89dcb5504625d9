"""The golden set before a campaign: an unchanged renderer passes, a changed one stops the night."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from flows.campaign import produce_campaign
from flows.drift import watch_here
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import golden_key, manifest_key
from tasks.drifting import watch
from tasks.errors import ConfigurationError, DriftError, StorageError, TemplateError
from tasks.settings import Settings, get_settings, use_settings
from tasks.workplace import open_workplace
from tests.flows.painting import MODEL, PaintingRenderer, WorkplaceWith

PutToWork = Callable[[PaintingRenderer], None]


@pytest.fixture
def put_to_work(here: Path, catalogue: Path, small_templates: Path, monkeypatch: pytest.MonkeyPatch) -> PutToWork:
    """Another renderer for the same store and ledger; golden.yaml names two of the catalogue's products."""
    templates = shutil.copytree(small_templates, here / "templates")
    write_golden(templates, catalogue)
    use_settings(Settings(**{**get_settings().model_dump(), "templates": templates}))

    def put(renderer: PaintingRenderer) -> None:
        monkeypatch.setattr("tasks.workplace._Open.workplace", WorkplaceWith(renderer))

    return put


def write_golden(templates: Path, catalogue: Path, skus: str = "[杯/1, B-2]") -> None:
    text = f"catalog: {catalogue}\nskus: {skus}\nscenes: [wood-morning, festive-red]\n"
    (templates / "quality" / "golden.yaml").write_text(text, encoding="utf-8")


def brief(catalogue: Path, drift: str = "stop") -> CampaignBrief:
    return CampaignBrief.model_validate(
        {
            "catalog": str(catalogue),
            "scenes": ["wood-morning"],
            "placements": ["taobao-main"],
            "model": MODEL,
            "drift": drift,
        }
    )


def test_the_first_night_counts_and_an_unchanged_renderer_passes(put_to_work: PutToWork) -> None:
    put_to_work(PaintingRenderer())
    first = watch(open_workplace(), MODEL, "night-1")
    assert first.accepted is None
    assert len(first.night.pictures) == 4
    put_to_work(PaintingRenderer())
    second = watch(open_workplace(), MODEL, "night-2")
    assert second.jumps == ()
    assert {each.check: each.value for each in second.findings} == {
        "drift_acceptance": 0,
        "drift_colour": 0,
        "drift_hash": 0,
        "drift_time": 1,
    }


@pytest.mark.parametrize(
    ("changed", "jumped"),
    [
        (lambda: PaintingRenderer(shift=-24), "drift_colour"),
        (lambda: PaintingRenderer(lambda drawn: "noise"), "drift_acceptance"),
        (lambda: PaintingRenderer(lambda drawn: "noise"), "drift_hash"),
        (lambda: PaintingRenderer(seconds=36.0), "drift_time"),
    ],
)
def test_what_changed_is_told_by_the_check_that_sees_it(
    put_to_work: PutToWork, changed: Callable[[], PaintingRenderer], jumped: str
) -> None:
    put_to_work(PaintingRenderer())
    watch(open_workplace(), MODEL, "night-1")
    put_to_work(changed())
    assert jumped in {each.check for each in watch(open_workplace(), MODEL, "night-2").jumps}


@pytest.mark.usefixtures("prefect_server")
def test_a_jump_stops_the_night_before_anything_is_rendered_and_the_run_can_go_on(
    put_to_work: PutToWork, catalogue: Path
) -> None:
    put_to_work(PaintingRenderer())
    produce_campaign(brief(catalogue).model_copy(update={"limit": 1}), "night-1")
    shifted = PaintingRenderer(shift=-24)
    put_to_work(shifted)
    with pytest.raises(DriftError, match=r"colour .*since night-1"):
        produce_campaign(brief(catalogue), "night-2")
    ledger = open_workplace().ledger
    assert ledger.run("night-2").state == "stopped"
    assert ledger.counts("night-2").unfinished == 2
    assert len(shifted.drawn) == 4
    assert not open_workplace().store.exists(manifest_key("night-2"))

    put_to_work(PaintingRenderer())
    assert produce_campaign(brief(catalogue), "night-2")["unfinished"] == 0


@pytest.mark.usefixtures("prefect_server")
def test_a_warning_is_noted_and_the_night_goes_on(put_to_work: PutToWork, catalogue: Path) -> None:
    put_to_work(PaintingRenderer())
    watch(open_workplace(), MODEL, "night-1")
    put_to_work(PaintingRenderer(shift=-24))
    counts = produce_campaign(brief(catalogue, "warn"), "night-2")
    assert counts["unfinished"] == 0
    assert "colour" in open_workplace().ledger.run("night-2").totals["drift"]


def test_a_change_that_is_meant_is_accepted_once(put_to_work: PutToWork) -> None:
    def said(*, accept: bool = False) -> tuple[int, str]:
        shown = io.StringIO()
        return watch_here(MODEL, Console(file=shown, width=160), accept=accept), shown.getvalue()

    put_to_work(PaintingRenderer())
    assert said()[0] == 0
    put_to_work(PaintingRenderer(shift=-24))
    code, text = said()
    assert code == 1
    assert "shangxin drift --accept" in text
    assert said()[0] == 1
    assert said(accept=True)[0] == 0
    assert said()[0] == 0


def test_products_that_are_gone_and_files_that_are_broken_are_named(put_to_work: PutToWork, catalogue: Path) -> None:
    put_to_work(PaintingRenderer())
    workplace = open_workplace()
    write_golden(workplace.settings.templates, catalogue, skus="[杯/1, Z-9]")
    with pytest.raises(ConfigurationError, match="Z-9"):
        watch(workplace, MODEL, "night-1")
    write_golden(workplace.settings.templates, catalogue, skus="[]")
    with pytest.raises(TemplateError, match=r"golden\.yaml: skus"):
        watch(workplace, MODEL, "night-1")
    write_golden(workplace.settings.templates, catalogue)
    workplace.store.put(golden_key(MODEL, "accepted"), b"{", content_type="application/json")
    with pytest.raises(StorageError, match=r"accepted\.json"):
        watch(workplace, MODEL, "night-1")
