"""Every deployment there is, as one table: `shangxin deploy` registers it, `infra/prefect.yaml` is written from it."""

import importlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tasks.settings import PROJECT

YAML = PROJECT / "infra" / "prefect.yaml"
TIMEZONE = "Asia/Shanghai"
GPU_POOL, CPU_POOL = "gpu", "cpu"
TOLD = "shangxin-told"  # its failure is told to people
HEAD = "# Written from flows/deployments.py by `shangxin deploy --write-yaml`; change it there.\n"


@dataclass(frozen=True)
class Deployment:
    """One deployment. `entrypoint` is module.function; `cron` in Shanghai's time, or `every_minutes`.

    `overlap` is what happens to a run that begins while another is at work: None lets both be, CANCEL_NEW drops the
    new one, ENQUEUE lets it wait.
    """

    entrypoint: str
    name: str
    title: str
    pool: str = CPU_POOL
    queue: str = "default"
    cron: str = ""
    every_minutes: int = 0
    overlap: str | None = None
    needs: str = ""  # the setting without which its clock would only fail
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ("shangxin", TOLD)  # LEADS: its crash is taken up by redispatch

    @property
    def module(self) -> str:
        return self.entrypoint.rpartition(".")[0]

    @property
    def exists(self) -> bool:
        """False for a flow that this installation does not have."""
        return importlib.util.find_spec(self.module) is not None

    def load(self) -> Any:
        return getattr(importlib.import_module(self.module), self.entrypoint.rpartition(".")[2])

    def as_dict(self) -> dict[str, Any]:
        """As an entry of prefect.yaml."""
        entry: dict[str, Any] = {
            "name": self.name,
            "description": self.title,
            "entrypoint": self.entrypoint,
            "tags": list(self.tags),
            "parameters": self.parameters,
            "work_pool": {"name": self.pool, "work_queue_name": self.queue},
            "schedules": [],
        }
        if self.cron:
            entry["schedules"] = [{"cron": self.cron, "timezone": TIMEZONE, "slug": self.name}]
        if self.every_minutes:
            entry["schedules"] = [{"interval": 60 * self.every_minutes, "slug": self.name}]
        if self.overlap:
            entry["concurrency_limit"] = {"limit": 1, "collision_strategy": self.overlap}
        return entry


LEADS = ("shangxin", TOLD, "shangxin-leads")
SAMPLE = "sample/products.csv"  # under the first folder of SHANGXIN_CATALOG_ROOTS, else catalogs/

DEPLOYMENTS: tuple[Deployment, ...] = (
    Deployment(
        "flows.shard.render_shard",
        "gpu",
        "渲染分片 One shard of one run, on an agent.",
        GPU_POOL,
        "normal",
        tags=("shangxin",),  # its leader's business
    ),
    Deployment("flows.campaign.produce_campaign", "campaign", "一次出图 One campaign from a brief.", tags=LEADS),
    Deployment(
        "flows.nightly.render_nightly",
        "nightly",
        "每夜上新 What changed in the catalogue since last night.",
        cron="30 2 * * *",
        overlap="CANCEL_NEW",
        parameters={"brief": {"catalog": SAMPLE}},
        tags=LEADS,
    ),
    Deployment(
        "flows.marketing.order_pictures",
        "marketing",
        "市场部出图 Pictures to order: fill in the form, run.",
        tags=LEADS,
    ),
    Deployment(
        "flows.inbox.watch_inbox",
        "inbox",
        "收件夹 Catalogues dropped into the store.",
        every_minutes=5,
        needs="inbox",
        tags=LEADS,
    ),
    Deployment("flows.recompose.recompose_run", "recompose", "新增版位 New placements from stored masters, no GPU."),
    Deployment("flows.rejudge.review_again", "review", "重新质检 Judge a run's pictures again and publish it."),
    Deployment(
        "flows.golden.watch_golden", "drift", "质量漂移 Golden pictures against the accepted night.", cron="0 1 * * *"
    ),
    Deployment(
        "flows.redispatch.mend_runs",
        "redispatch",
        "接续 Take up what crashed or got stuck; automations and the clock start it.",
        every_minutes=5,
        overlap="ENQUEUE",  # one that came a moment too late for the run at work would be missed
    ),
    Deployment(
        "flows.housekeeping.tidy_up",
        "housekeeping",
        "清理 Old runs, old takes, orphan objects, Prefect's own tables.",
        cron="30 6 * * *",
        overlap="CANCEL_NEW",
    ),
)


def present() -> tuple[Deployment, ...]:
    """Those whose flows this installation has."""
    return tuple(each for each in DEPLOYMENTS if each.exists)


def as_yaml() -> str:
    """The text of infra/prefect.yaml."""
    whole = {"name": "shangxin", "deployments": [each.as_dict() for each in present()]}
    return HEAD + yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, width=120)


def write_yaml(path: Path = YAML) -> None:
    path.write_text(as_yaml(), encoding="utf-8")
