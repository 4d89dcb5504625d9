"""The installation that lives through all rounds, and what a round's campaign comes to where nothing disturbs it."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectException

from flows.campaign import produce
from flows.embedded import free_port
from flows.stack.stack import Stack
from tasks.catalog.brief import CampaignBrief
from tasks.delivery.keys import manifest_key
from tasks.delivery.manifest import comparable, read_manifest
from tasks.errors import LedgerError
from tasks.settings import Settings, use_settings
from tasks.workplace import Workplace, open_workplace
from tests.chaos.faulty_s3 import FaultyS3
from tests.chaos.small import quick_models, small_templates

SCENES = ("white-studio", "wood-morning")
LEASE_SECONDS = 10
MOST_DEATHS = 3
SHARD = 6
TURN_SECONDS = 5


class Undisturbed(NamedTuple):
    """What one process comes to with nobody in its way: manifest lines by job, and the masters' keys."""

    lines: dict[str, dict[str, Any]]
    masters: set[str]


class Installation:
    """Real processes around a store that can be spoiled; PostgreSQL where its binaries are."""

    def __init__(self, folder: Path, *, products: int, model: str) -> None:
        self._folder, self._products, self._model = folder, products, model
        self._templates, self._models = small_templates(folder), quick_models(folder)
        (folder / "catalogs").mkdir()
        port = free_port()
        self.stack = Stack(
            folder / "stack",
            models=model,
            settings={
                "SHANGXIN_S3_ENDPOINT": f"http://127.0.0.1:{port}",
                "SHANGXIN_TEMPLATES": str(self._templates),
                "SHANGXIN_MODELS_DIR": str(self._models),
                "SHANGXIN_CATALOG_ROOTS": json.dumps([str(folder / "catalogs"), "s3://"]),
                "SHANGXIN_LEASE_SECONDS": str(LEASE_SECONDS),
                "SHANGXIN_MAX_ATTEMPTS": str(MOST_DEATHS),
                "SHANGXIN_SHARD_SIZE": str(SHARD),
                "SHANGXIN_TURN_SECONDS": str(TURN_SECONDS),
            },
        )
        self.store = FaultyS3(port, int(self.stack.s3_endpoint.rpartition(":")[2]))
        self.place = self._workplace()
        # one folder and one workplace for all undisturbed runs: their model is loaded once
        own = {"out": folder / "undisturbed", "store": "", "database": "", "shard_size": SHARD}
        use_settings(Settings(templates=self._templates, models_dir=self._models, dispatch="here", **own))

    def brief(self, number: int) -> CampaignBrief:
        """A round's campaign: new goods each time, because what the ledger knows would not be rendered again."""
        catalog = self._catalogue(number).name
        return CampaignBrief(catalog=catalog, scenes=SCENES, placements=("taobao-main",), model=self._model)

    def undisturbed(self, brief: CampaignBrief, run_id: str) -> Undisturbed:
        whole = brief.model_copy(update={"catalog": str(self._folder / "catalogs" / brief.catalog)})
        flow(name="undisturbed", persist_result=False)(lambda: produce(whole, run_id, "normal"))()
        store = open_workplace().store
        lines = {line.job_id: comparable(line) for line in read_manifest(store.get(manifest_key(run_id)))}
        keys = {key for key in store.keys("masters/") if any(job_id in key for job_id in lines)}
        return Undisturbed(lines, keys)

    def start(self, brief: CampaignBrief, run_id: str, environment: Mapping[str, str] | None = None) -> None:
        """Ask Prefect for the campaign; `environment` is for the flow's process."""
        with get_client(sync_client=True) as client:
            client.create_flow_run_from_deployment(
                client.read_deployment_by_name("produce-campaign/campaign").id,
                parameters={"brief": brief.model_dump(mode="json"), "run_id": run_id},
                tags=[_round_tag(run_id)],
                job_variables={"env": dict(environment)} if environment else None,
            )

    def under_way(self, run_id: str) -> bool:
        """The first job is in somebody's hand, or done."""
        states = self.place.ledger.counts(run_id).by_state
        return states.get("leased", 0) + states.get("done", 0) > 0

    def over(self, run_id: str) -> bool:
        """The run is published, and nothing of it is left."""
        return self.place.ledger.run(run_id).state == "done" and not self.place.ledger.counts(run_id).unfinished

    def leaders(self, run_id: str) -> list[FlowRun]:
        """The round's campaigns in Prefect that have not come to their end."""
        wanted = {
            "tags": {"all_": [_round_tag(run_id)]},
            "state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}},
        }
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted))

    def _catalogue(self, number: int) -> Path:
        """Cups of different colours and shapes: were two alike, which of them is kept back would hang on the other."""
        folder = self._folder / "catalogs"
        lines = ["sku,title,image,category"]
        for product in range(self._products):
            cv2.imwrite(str(folder / f"cup-{product}.png"), _cup(product, of=self._products))
            lines.append(f"R{number}-{product},杯{product},cup-{product}.png,drinkware")
        path = folder / f"round-{number}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _workplace(self) -> Workplace:
        """The installation's ledger and store, past the proxy."""
        environment = self.stack.environment
        return Workplace(
            Settings(
                out=self._folder / "watch",
                store=environment["SHANGXIN_STORE"],
                s3_endpoint=self.stack.s3_endpoint,
                s3_access_key=environment["SHANGXIN_S3_ACCESS_KEY"],  # type: ignore[arg-type]
                s3_secret_key=environment["SHANGXIN_S3_SECRET_KEY"],  # type: ignore[arg-type]
                database=environment["SHANGXIN_DATABASE"],
                templates=self._templates,
            )
        )


def _cup(product: int, *, of: int) -> NDArray[np.uint8]:
    colour = cv2.cvtColor(np.array([[[180 * product // of, 150, 160]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    picture = np.zeros((200, 160, 4), np.uint8)
    axes = (40 + 30 * product // of, 80 - 20 * product // of)
    cv2.ellipse(picture, (80, 100), axes, 0, 0, 360, (*colour.tolist(), 255), -1)
    return picture


def run_of(number: int) -> str:
    return f"chaos-{number}-{os.getpid()}"


def wait_until(
    holds: Callable[[], bool], what: str, *, seconds: float, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """TimeoutError with what was waited for. A database or a server that is away for now is a harm of ours."""
    deadline = time.monotonic() + seconds
    while True:
        meanwhile()
        with suppress(LedgerError, httpx.HTTPError, PrefectException):
            if holds():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)


def _round_tag(run_id: str) -> str:
    return f"round:{run_id}"
