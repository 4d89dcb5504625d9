"""The processes of an installation, in the order in which they need one another."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from flows.embedded import free_port
from flows.stack.postgres import USER, find_postgres, postgres_service
from flows.stack.processes import Service, whole_environment
from tasks.delivery.ledger import open_ledger
from tasks.errors import ConfigurationError, LedgerError
from tasks.settings import PROJECT

READY_SECONDS = 180
BUCKET = "shangxin"
PYTHON = sys.executable


class Stack:
    """Prefect server, database, S3 stand-in, one CPU worker, `agents` agents; all of it dies with this process.

    `settings` are SHANGXIN_* variables for every process, on top of the stack's own. Where PostgreSQL's binaries are
    not to be found, or with `sqlite`, the databases are files. `say` is told each
    step.
    """

    def __init__(
        self,
        folder: Path,
        *,
        agents: int = 2,
        models: str = "kolors-nano",
        prefect_port: int = 0,
        sqlite: bool = False,
        settings: dict[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        (self.folder / "out").mkdir(parents=True, exist_ok=True)
        self.binaries = None if sqlite else find_postgres()
        self._postgres_port, self._s3_port = free_port(), free_port()
        self._port = prefect_port or free_port()
        self._review_port = free_port()
        self._models, self._say = models, say
        self.environment = {**self._environment(), **(settings or {})}
        self.postgres = self._postgres()
        self.s3 = self._service("s3", "moto.server", "-H", "127.0.0.1", "-p", str(self._s3_port))
        self.server = self._service("prefect", "prefect", *self._serve_prefect())
        self.cpu = self._service("cpu-worker", "prefect", *self._work_on_cpu())
        self.review = self._service("review", "flows", "review", "--port", str(self._review_port))
        self.agents = [self.new_agent(f"agent-{number}") for number in range(1, agents + 1)]

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def s3_endpoint(self) -> str:
        return f"http://127.0.0.1:{self._s3_port}"

    @property
    def services(self) -> list[Service]:
        return [each for each in (self.postgres, self.s3, self.server, self.cpu, *self.agents) if each]

    def new_agent(self, name: str) -> Service:
        """An agent of one renderer on this machine's CPU."""
        return self._service(
            name, "flows", "agent", "--cards", "1", "--models", self._models, "--name", name, SHANGXIN_DEVICE="cpu"
        )

    def start(self) -> None:
        """Start everything and wait until each part answers; ConfigurationError where one does not."""
        if self.postgres:
            self.postgres.start()
            self._say("PostgreSQL")
            self._await(self.postgres, self._postgres_answers)
            self._make_databases()
        self.s3.start()
        self.server.start()
        self._say("S3 (moto)")
        self._await(self.s3, lambda: _answers(self.s3_endpoint))
        httpx.put(f"{self.s3_endpoint}/{BUCKET}", trust_env=False).raise_for_status()
        self._say("Prefect")
        self.await_server()
        self._say("deployments")
        self.register()
        for service in (self.cpu, *self.agents):
            service.start()
            self._say(service.name)

    def stop(self) -> None:
        for service in (self.review, *reversed(self.services)):
            with contextlib.suppress(OSError):
                service.stop()

    def __enter__(self) -> "Stack":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def revive(self) -> list[str]:
        """Start again what ended by itself, as `restart: unless-stopped` does in a container; the names."""
        fallen = [service for service in self.services if service.wanted and not service.alive]
        for service in fallen:
            service.start()
        return [service.name for service in fallen]

    def serve_review(self) -> None:
        """The approval page, as soon as there is a run to look at."""
        ledger = open_ledger(self.environment.get("SHANGXIN_DATABASE", f"sqlite:///{self.folder}/out/ledger.db"))
        try:
            if ledger.last_run():
                self.review.start()
        finally:
            ledger.close()

    def await_server(self) -> None:
        self._await(self.server, lambda: _answers(f"{self.api}/health"))

    def await_postgres(self) -> None:
        if self.postgres:
            self._await(self.postgres, self._postgres_answers)

    def register(self) -> None:
        """`shangxin deploy` on the stack's own server."""
        command, environment = [PYTHON, "-m", "flows", "deploy"], whole_environment(self.environment)
        done = subprocess.run(  # noqa: S603
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigurationError(f"shangxin deploy failed on the stack's server:\n{done.stdout}{done.stderr}")

    def _service(self, name: str, module: str, *arguments: str, **extra: str) -> Service:
        environment = {**self.environment, **extra}
        return Service(name, [PYTHON, "-m", module, *arguments], folder=self.folder, environment=environment)

    def _environment(self) -> dict[str, str]:
        out = self.folder / "out"
        found = {
            "PYTHONPATH": str(PROJECT),
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_UI_API_URL": self.api,
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P2D",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "15",
            "DO_NOT_TRACK": "1",
            "SHANGXIN_OUT": str(out),
            "SHANGXIN_STORE": f"s3://{BUCKET}/pictures",
            "SHANGXIN_S3_ENDPOINT": self.s3_endpoint,
            "SHANGXIN_S3_ACCESS_KEY": "stack",
            "SHANGXIN_S3_SECRET_KEY": "stack-of-this-machine",
            "SHANGXIN_DISPATCH": "agents",
            "SHANGXIN_REVIEW_URL": f"http://127.0.0.1:{self._review_port}",
        }
        if self.binaries:
            address = f"{USER}@127.0.0.1:{self._postgres_port}"
            found["SHANGXIN_DATABASE"] = f"postgresql+psycopg://{address}/ledger"
            found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = f"postgresql+asyncpg://{address}/prefect"
        return found

    def _postgres(self) -> Service | None:
        return postgres_service(self.binaries, self.folder / "postgres", self._postgres_port) if self.binaries else None

    def _serve_prefect(self) -> Iterator[str]:
        yield from ("server", "start", "--host", "127.0.0.1", "--port", str(self._port), "--analytics-off")

    def _work_on_cpu(self) -> Iterator[str]:
        yield from ("worker", "start", "--pool", "cpu", "--type", "process", "--name", "cpu-1")

    def _postgres_answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(host="127.0.0.1", port=self._postgres_port, user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_databases(self) -> None:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self._postgres_port, user=USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute("DROP DATABASE IF EXISTS ledger")  # the S3 stand-in forgets its objects too
            connection.execute("CREATE DATABASE ledger")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'prefect'").fetchone():
                connection.execute("CREATE DATABASE prefect")

    def _await(self, service: Service, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            service.check()
            with contextlib.suppress(httpx.HTTPError, LedgerError):
                if answers():
                    return
            time.sleep(0.2)
        raise ConfigurationError(f"{service.name} did not answer within {READY_SECONDS} s; its log: {service.log}")


def _answers(url: str) -> bool:
    return httpx.get(url, trust_env=False, timeout=5).status_code < 500
