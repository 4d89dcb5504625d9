"""The ledger lost: everything is known again from the store alone. And other placements from stored masters."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flows.campaign import produce_campaign
from flows.recompose import recompose_run
from flows.restoring import restore_here
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.ledger import Ledger
from tasks.delivery.manifest import ManifestLine, comparable, read_manifest
from tasks.delivery.snapshot import snapshot_key
from tasks.errors import ConfigurationError, LedgerError, TemplateError
from tasks.planning import plan_batches
from tasks.restore import Restored, restore_ledger
from tasks.settings import PROJECT, Settings, get_settings, use_settings
from tasks.standing import find_finished_twin
from tasks.workplace import open_workplace

pytestmark = pytest.mark.usefixtures("prefect_server", "here")

SCENES = ("white-studio", "wood-morning")


def make_brief(catalogue: Path, **changes: Any) -> CampaignBrief:
    fields = {"scenes": SCENES, "placements": ("taobao-main", "taobao-white"), "model": "sleep-1ms"}
    return CampaignBrief(catalog=str(catalogue), **{**fields, **changes})


def lose_ledger() -> Ledger:
    """The same settings, store and templates, and an empty ledger."""
    settings = get_settings()
    open_workplace().ledger.close()
    for file in settings.out.glob("ledger.db*"):
        file.unlink()
    use_settings(settings.model_copy())
    ledger = open_workplace().ledger
    assert ledger.size() == 0
    return ledger


def to_render(brief: CampaignBrief) -> int:
    workplace = open_workplace()
    jobs = [job.job_id for batch in plan_batches(workplace, brief, lambda row: None) for job in batch]
    return len(jobs) - len(workplace.ledger.find_done(jobs))


def manifest_of(run_id: str) -> list[ManifestLine]:
    return list(read_manifest(open_workplace().store.get(manifest_key(run_id))))


def test_after_restoring_there_is_nothing_to_render_nor_to_compose(catalogue: Path) -> None:
    brief = make_brief(catalogue)
    produce_campaign(brief, "run-1")
    before = [comparable(line) for line in manifest_of("run-1")]
    records = list(open_workplace().ledger.results("run-1"))
    ledger = lose_ledger()
    assert to_render(brief) == 6

    assert restore_ledger(open_workplace()) == Restored(1, 6, 6, 0, ())
    assert to_render(brief) == 0
    twin = find_finished_twin(open_workplace(), brief)
    assert twin is not None
    assert twin.run_id == "run-1"
    restored = list(ledger.results("run-1"))
    assert [(each.spec, each.product, each.image, each.line, each.signature) for each in restored] == [
        (each.spec, each.product, each.image, each.line, each.signature) for each in records
    ]
    assert [(each.master, each.renditions, each.verdict) for each in restored] == [
        (each.master, each.renditions, each.verdict) for each in records
    ]
    again = produce_campaign(brief, "run-2")
    assert again["fresh"] == 0
    assert [comparable(line) for line in manifest_of("run-2")] == before


def test_manifest_and_recipes_are_enough_where_there_is_no_snapshot(catalogue: Path) -> None:
    brief = make_brief(catalogue)
    produce_campaign(brief, "run-1")
    before = manifest_of("run-1")
    signatures = [record.signature for record in open_workplace().ledger.results("run-1")]
    open_workplace().store.delete(snapshot_key("run-1"))
    ledger = lose_ledger()

    assert restore_ledger(open_workplace()) == Restored(1, 6, 6, 0, ())
    assert to_render(brief) == 0
    assert [record.signature for record in ledger.results("run-1")] == signatures
    produce_campaign(brief, "run-2")
    assert [comparable(line) for line in manifest_of("run-2")] == [comparable(line) for line in before]


def test_the_newest_run_counts_and_a_second_restoring_changes_nothing(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")
    produce_campaign(make_brief(catalogue, placements=("google-300x250",)), "run-2")
    newest = [record.renditions for record in open_workplace().ledger.results("run-2")]
    ledger = lose_ledger()
    restore_ledger(open_workplace())

    assert [run.run_id for run in ledger.runs()] == ["run-2", "run-1"]
    assert [record.renditions for record in ledger.results("run-2")] == newest
    assert restore_ledger(open_workplace()) == Restored(0, 0, 0, 0, ())


def test_masters_of_a_run_that_never_ended_wait_for_a_person(catalogue: Path) -> None:
    brief = make_brief(catalogue)
    produce_campaign(brief, "run-1")
    store = open_workplace().store
    for key in list(store.keys("runs/")):
        store.delete(key)
    ledger = lose_ledger()

    assert restore_ledger(open_workplace()).unjudged == 6
    assert to_render(brief) == 0
    assert ledger.verdicts() == {"review": 6}


def test_a_master_that_is_gone_is_named_and_rendered_again(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    brief = make_brief(catalogue)
    produce_campaign(brief, "run-1")
    first = manifest_of("run-1")[0].master
    assert first is not None
    open_workplace().store.delete(first.key)
    lose_ledger()

    assert restore_here(Console()) == 1
    assert first.key in capsys.readouterr().out
    assert to_render(brief) == 1


def test_a_persons_decision_survives(catalogue: Path) -> None:
    from tasks.delivery.ledger import Wish

    produce_campaign(make_brief(catalogue), "run-1")
    ledger = open_workplace().ledger
    job_id = next(record.job_id for record in ledger.results("run-1") if record.scene == "white-studio")
    ledger.decide(Wish(job_id, "reject", ledger.version(job_id), "Li", "form-1"))
    from tasks.publish import publish

    publish(open_workplace(), "run-1")
    ledger = lose_ledger()
    restore_ledger(open_workplace())

    record = ledger.record("run-1", job_id)
    assert record is not None
    assert record.verdict is not None
    assert record.verdict.status == "rejected"
    assert (job_id, record.take) in ledger.decided("run-1")


@pytest.mark.slow
def test_the_runbooks_commands_bring_a_lost_ledger_back(  # noqa: PLR0917 fixtures
    catalogue: Path, s3_endpoint: str, bucket: str, postgres_url: str, tmp_path: Path, small_templates: Path
) -> None:
    """As infra/README.md says it: an empty database, `shangxin restore --store`, then `shangxin plan`; on S3 and
    PostgreSQL."""
    s3 = {"s3_endpoint": s3_endpoint, "s3_access_key": SecretStr("a"), "s3_secret_key": SecretStr("b")}
    store = f"s3://{bucket}/pictures"
    use_settings(Settings(out=tmp_path / "out", store=store, templates=small_templates, **s3))  # type: ignore[arg-type]
    produce_campaign(make_brief(catalogue), "run-1")
    use_settings(None)

    runbook = (PROJECT / "infra" / "README.md").read_text(encoding="utf-8")
    assert "shangxin restore --store s3://shop/pictures" in runbook
    environment = {
        **os.environ,
        "SHANGXIN_OUT": str(tmp_path / "elsewhere"),
        "SHANGXIN_DATABASE": postgres_url,
        "SHANGXIN_TEMPLATES": str(small_templates),
        "SHANGXIN_S3_ENDPOINT": s3_endpoint,
        "SHANGXIN_S3_ACCESS_KEY": "a",
        "SHANGXIN_S3_SECRET_KEY": "b",
        "PYTHONPATH": str(PROJECT),
    }

    def shangxin(*words: str) -> str:
        command = [sys.executable, "-m", "flows", *words, "--store", store]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    wanted = [str(catalogue), "--scenes", ",".join(SCENES), "--placements", "taobao-main,taobao-white"]
    plan = ["plan", *wanted, "--model", "sleep-1ms", "--json"]
    assert [job["done"] for job in jobs_of(shangxin(*plan))] == [False] * 6
    shangxin("restore")
    assert [job["done"] for job in jobs_of(shangxin(*plan))] == [True] * 6


def jobs_of(text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, text.splitlines()) if "job_id" in line]


def test_an_empty_store_is_no_ledger(tmp_path: Path) -> None:
    use_settings(Settings(out=tmp_path / "nothing"))
    with pytest.raises(LedgerError, match="--store"):
        restore_ledger(open_workplace())


def test_recompose_makes_other_placements_of_the_approved_masters_alone(catalogue: Path) -> None:
    produce_campaign(make_brief(catalogue), "run-1")
    masters = [line.master for line in manifest_of("run-1") if line.status == "approved"]
    counts = recompose_run(["google-300x250"], run_id="run-2")

    assert (counts["renditions"], counts["total"], counts["source"]) == (3, 3, "run-1")
    lines = manifest_of("run-2")
    assert [line.master for line in lines] == masters
    assert {made.placement for line in lines for made in line.renditions} == {"google-300x250"}
    assert recompose_run(["google-300x250"], source="run-1", limit=2)["renditions"] == 0


def test_recompose_wants_a_run_and_placements_that_exist() -> None:
    with pytest.raises(ConfigurationError, match="knows no run"):
        recompose_run(["taobao-main"])
    with pytest.raises(TemplateError, match="taobao-main"):
        recompose_run(["taobao-mian"])
