"""`make chaos`, or `python -m tests.chaos [rounds] [seed] [--products N] [--model M]`.

Each round is a campaign on a whole installation of real processes, with a few harms at random moments. Its end is
compared with that of the same campaign in one undisturbed process: the same job ids, the same checksums, nothing twice,
nothing missing. Every fifth round has a poisoned job as well: it must be set aside, and everything else be made.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from flows.embedded import free_port
from flows.environment import keep_prefect_at

HOME = Path(tempfile.mkdtemp(prefix="shangxin-chaos-"))
HOME.chmod(0o755)  # PostgreSQL is another user
keep_prefect_at(HOME / "client")  # before anything imports Prefect

from prefect.client.orchestration import get_client  # noqa: E402

from flows.campaign import produce  # noqa: E402
from flows.embedded import connected  # noqa: E402
from flows.stack.stack import Stack  # noqa: E402
from tasks.catalog.brief import CampaignBrief  # noqa: E402
from tasks.delivery.keys import manifest_key  # noqa: E402
from tasks.delivery.ledger import open_ledger  # noqa: E402
from tasks.delivery.manifest import comparable, read_manifest  # noqa: E402
from tasks.errors import LedgerError  # noqa: E402
from tasks.settings import Settings, use_settings  # noqa: E402
from tasks.workplace import Workplace  # noqa: E402
from tests.chaos.faulty_s3 import FaultyS3  # noqa: E402
from tests.chaos.harms import HARMS, LEASE_SECONDS, NAMED, Harm, Night, poison  # noqa: E402
from tests.chaos.templates import small_templates  # noqa: E402

SCENES = ("white-studio", "wood-morning")
ROUND_SECONDS = 600.0
POISON_EVERY = 5
MOST_DEATHS = 3


class Chaos:
    """One installation that lives through all rounds."""

    def __init__(self, folder: Path, *, products: int, model: str) -> None:
        self._folder, self._products, self._model = folder, products, model
        self._templates = small_templates(folder)
        (folder / "catalogs").mkdir()
        port = free_port()
        models = model if not model.startswith("sleep") else f"{model}"
        self.stack = Stack(
            folder / "stack",
            models=models,
            settings={
                "SHANGXIN_S3_ENDPOINT": f"http://127.0.0.1:{port}",
                "SHANGXIN_TEMPLATES": str(self._templates),
                "SHANGXIN_CATALOG_ROOTS": json.dumps([str(folder / "catalogs"), "s3://"]),
                "SHANGXIN_LEASE_SECONDS": str(LEASE_SECONDS),
                "SHANGXIN_MAX_ATTEMPTS": str(MOST_DEATHS),
                "SHANGXIN_SHARD_SIZE": "12",
            },
        )
        self.store = FaultyS3(port, int(self.stack.s3_endpoint.rpartition(":")[2]))
        self.place = self._workplace()
        self._masters: set[str] = set()  # of the undisturbed run

    def round(self, number: int, harms: Sequence[Harm]) -> str:
        """Empty where the end is as it must be, else what is wrong."""
        catalog = self._catalogue(number)
        run_id = f"chaos-{number}-{os.getpid()}"
        brief = CampaignBrief(catalog=catalog.name, scenes=SCENES, placements=("taobao-main",), model=self._model)
        expected = self._undisturbed(brief, catalog, run_id)
        night = Night(self.stack, self.store, run_id, brief.model_dump(mode="json"))
        poisoned = random.choice(sorted(expected)) if number % POISON_EVERY == 0 else ""
        self._start(night)
        self._wait(lambda: self._done(run_id) > 0, "the first picture")
        with self._poisoning(night, poisoned):
            for harm in harms:
                time.sleep(random.uniform(0, 3))
                print(f"    {harm(night)}", flush=True)
            self._wait(lambda: self._finished(run_id), "the end of the run")
        return "; ".join(self._differences(run_id, expected, poisoned))

    def _undisturbed(self, brief: CampaignBrief, catalog: Path, run_id: str) -> dict[str, dict[str, Any]]:
        from prefect import flow

        out = self._folder / "undisturbed" / run_id
        use_settings(Settings(out=out, templates=self._templates, dispatch="here", store="", database=""))
        whole = brief.model_copy(update={"catalog": str(catalog)})
        flow(name="undisturbed", persist_result=False)(lambda: produce(whole, run_id, "normal"))()
        store = Workplace(Settings(out=out, templates=self._templates, store="", database="")).store
        lines = [comparable(line) for line in read_manifest(store.get(manifest_key(run_id)))]
        self._masters = set(store.keys("masters/"))
        use_settings(None)
        shutil.rmtree(out)
        return {line["job_id"]: line for line in lines}

    def _start(self, night: Night) -> None:
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name("produce-campaign/campaign")
            parameters = {"brief": night.brief, "run_id": night.run_id}
            client.create_flow_run_from_deployment(deployment.id, parameters=parameters)

    def _differences(self, run_id: str, expected: dict[str, dict[str, Any]], poisoned: str) -> Iterator[str]:
        found = {record.job_id: record for record in self.place.ledger.results(run_id)}
        yield from (f"{job} is not in the ledger" for job in sorted(expected.keys() - found.keys()))
        yield from (f"{job} nobody asked for" for job in sorted(found.keys() - expected.keys()))
        for job, line in expected.items():
            record = found.get(job)
            if record is None:
                continue
            if job == poisoned:
                if record.state != "dead" or "killed its renderer" not in record.reason:
                    yield f"poisoned {job} is {record.state} ({record.reason})"
                continue
            stored = self.place.store.head(record.master.key) if record.master else None
            if stored is None or stored.sha256 != line["master"]["sha256"]:
                yield f"{job} is {record.state}, stored {stored}, expected {line['master']['sha256']} ({record.reason})"
        keys = {key for key in self.place.store.keys("masters/") if any(job in key for job in expected)}
        yield from (f"{key} is missing" for key in sorted(self._masters - keys) if poisoned not in key or not poisoned)
        yield from (f"{key} nobody asked for" for key in sorted(keys - self._masters))
        lines = {line.job_id: comparable(line) for line in self._manifest(run_id)}
        wrong = [job for job, line in expected.items() if job != poisoned and lines.get(job) != line]
        if wrong:
            yield f"{len(wrong)} manifest lines differ, {wrong[0]}: {lines.get(wrong[0])} != {expected[wrong[0]]}"

    def _manifest(self, run_id: str) -> list[Any]:
        return list(read_manifest(self.place.store.get(manifest_key(run_id))))

    @contextmanager
    def _poisoning(self, night: Night, job_id: str) -> Iterator[None]:
        """Whoever has the poisoned job in hand dies, again and again."""
        over = threading.Event()

        def watch() -> None:
            ledger = open_ledger(self.stack.environment["SHANGXIN_DATABASE"])
            while not over.wait(0.01):
                try:
                    owner = ledger.holder(job_id)
                except LedgerError:
                    continue
                if owner:
                    poison(night, owner)
            ledger.close()

        watcher = threading.Thread(target=watch, daemon=True)
        if job_id:
            print(f"    {job_id} is poisoned", flush=True)
            watcher.start()
        try:
            yield
        finally:
            over.set()

    def _finished(self, run_id: str) -> bool:
        run = self.place.ledger.run(run_id)
        return run.state == "done" and not self.place.ledger.counts(run_id).unfinished

    def _done(self, run_id: str) -> int:
        if not any(run.run_id == run_id for run in self.place.ledger.runs()):
            return 0
        return self.place.ledger.counts(run_id).by_state.get("done", 0)

    def _wait(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + ROUND_SECONDS
        while True:
            try:
                if holds():
                    return
            except LedgerError:
                pass  # the database is away: a harm of ours
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {ROUND_SECONDS:.0f} s for {what}")
            time.sleep(0.3)

    def _catalogue(self, number: int) -> Path:
        """New goods each round: what the ledger knows would not be rendered again."""
        picture = np.zeros((200, 160, 4), np.uint8)
        cv2.ellipse(picture, (80, 100), (55, 80), 0, 0, 360, (90, 140, 60, 255), -1)
        folder = self._folder / "catalogs"
        cv2.imwrite(str(folder / "cup.png"), picture)
        rows = [f"R{number}-{product},杯{product},cup.png,drinkware" for product in range(self._products)]
        path = folder / f"round-{number}.csv"
        path.write_text("\n".join(["sku,title,image,category", *rows]) + "\n", encoding="utf-8")
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


def main() -> int:
    """Rounds until one fails; 1 with the seed that brings it back, else 0."""
    parser = argparse.ArgumentParser(description="Random harm to real processes, round after round.")
    parser.add_argument("rounds", type=int, nargs="?", default=50)
    parser.add_argument("seed", type=int, nargs="?", default=int(time.time()))
    parser.add_argument("--first", type=int, default=1, help="number of the first round; every fifth is poisoned")
    parser.add_argument("--only", default="", help="harms by name, comma-separated: " + ", ".join(sorted(NAMED)))
    parser.add_argument("--products", type=int, default=24)
    parser.add_argument("--harms", type=int, default=3)
    parser.add_argument("--model", default="sleep-100ms")
    given = parser.parse_args()
    print(f"seed {given.seed}, {2 * given.products} jobs a round, {given.model}, in {HOME}", flush=True)
    chaos = Chaos(HOME, products=given.products, model=given.model)
    with chaos.stack as stack, connected(stack.api):
        for number in range(given.first, given.first + given.rounds):
            random.seed(given.seed + number)
            started = time.monotonic()
            chosen = [NAMED[name] for name in given.only.split(",") if name] or random.sample(HARMS, given.harms)
            wrong = chaos.round(number, chosen)
            print(f"round {number}: {wrong or 'as undisturbed'} ({time.monotonic() - started:.0f} s)", flush=True)
            if wrong:
                print(f"logs: {HOME}/stack; the same again: make chaos ARGS='1 {given.seed} --first {number}'")
                return 1
    shutil.rmtree(HOME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
