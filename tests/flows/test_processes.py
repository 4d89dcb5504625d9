"""The commands of compose.yaml as plain processes: server, worker, inbox, page; and who gets in."""

import base64
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from flows.embedded import free_port
from tasks.settings import PROJECT
from tests.infra.manifests import compose

pytestmark = pytest.mark.slow

AUTH = "admin:planted-auth-string-77"
PATIENCE_SECONDS = 200.0


def words_of(service: str, **replaced: str) -> list[str]:
    """A service's command; `prefect` and `shangxin` as this environment has them, ports replaced."""
    program, *words = compose()["services"][service]["command"]
    modules = {"prefect": ["-m", "prefect"], "shangxin": ["-m", "flows"]}
    return [sys.executable, *modules[program], *(replaced.get(f"p{word}", word) for word in words)]


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, env=environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            return httpx.get(url, trust_env=False, timeout=5)
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """compose.yaml's environment, with this machine's addresses and SQLite in the place of the services beside it."""
    home = tmp_path_factory.mktemp("box")
    services = compose()["services"]
    given = {**services["prefect"]["environment"], **services["inbox"]["environment"]}
    plain = {name: value for name, value in given.items() if "${" not in value and "@" not in value}
    port = free_port()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "SHANGXIN_"))},
        **plain,
        "PYTHONPATH": str(PROJECT),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home}/prefect.db",
        "PREFECT_SERVER_API_AUTH_STRING": AUTH,
        "PREFECT_API_AUTH_STRING": AUTH,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "SHANGXIN_OUT": str(home / "out"),
        "SHANGXIN_STORE": str(home / "store"),
        "SHANGXIN_INBOX": str(home / "drops"),
        "SHANGXIN_CATALOG_ROOTS": f'["{home}"]',
        "SHANGXIN_INBOX_SETTLE_SECONDS": "0",
        "SHANGXIN_METRICS_PORT": str(free_port()),
        "SHANGXIN_METRICS_HOST": "127.0.0.1",
        "SHANGXIN_DISPATCH": "here",
    }


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[str]:
    port = environment["PREFECT_API_URL"].rpartition(":")[2].removesuffix("/api")
    log = Path(environment["SHANGXIN_OUT"]).parent / "server.log"
    command = words_of("prefect", p4200=port)
    command[command.index("0.0.0.0")] = "127.0.0.1"  # noqa: S104 in a container all addresses, here only ours
    with running(command, environment, log) as process:
        wait_for(f"{environment['PREFECT_API_URL']}/health", process, log)
        yield environment["PREFECT_API_URL"]


def test_the_server_lets_in_whoever_knows_the_auth_string_and_nobody_else(server: str) -> None:
    wanted = {"Authorization": f"Basic {base64.b64encode(AUTH.encode()).decode()}"}
    wrong = {"Authorization": f"Basic {base64.b64encode(b'admin:guess').decode()}"}
    with httpx.Client(trust_env=False, timeout=30) as client:
        assert client.get(f"{server}/csrf-token", params={"client": "test"}).status_code == 401
        assert client.get(f"{server}/admin/version", headers=wrong).status_code == 401
        # with the right word, but without a CSRF token, as a foreign page would send it
        assert client.post(f"{server}/flows/filter", json={}, headers=wanted).status_code == 403
        token = client.get(f"{server}/csrf-token", params={"client": "test"}, headers=wanted).json()["token"]
        guarded = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"}
        assert client.post(f"{server}/flows/filter", json={}, headers={**guarded, **wrong}).status_code == 401
        assert client.post(f"{server}/flows/filter", json={}, headers={**guarded, **wanted}).status_code == 200
        foreign = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = client.options(f"{server}/flows/filter", headers=foreign)
        assert "access-control-allow-origin" not in answer.headers


def test_the_inbox_makes_a_drop_on_that_server_and_the_page_shows_it_to_whoever_has_the_token(
    server: str, environment: dict[str, str], catalogue: Path, small_templates: Path, tmp_path: Path
) -> None:
    drops = Path(environment["SHANGXIN_INBOX"]) / "inbox"
    drops.mkdir(parents=True)
    for picture in catalogue.parent.glob("p*.png"):
        shutil.copy(picture, drops)
    (drops / "goods.brief.yaml").write_text("scenes: [white-studio]\nmodel: sleep-1ms\n", encoding="utf-8")
    shutil.copy(catalogue, drops / "goods.csv")
    log = tmp_path / "inbox.log"
    environment = {**environment, "SHANGXIN_TEMPLATES": str(small_templates)}
    with running(words_of("inbox"), environment, log) as process:
        wait_for(f"http://127.0.0.1:{environment['SHANGXIN_METRICS_PORT']}/metrics", process, log)
        status = drops / "goods.status.json"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while '"done"' not in (status.read_text(encoding="utf-8") if status.exists() else ""):
            assert process.poll() is None, log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.5)
        metrics = wait_for(f"http://127.0.0.1:{environment['SHANGXIN_METRICS_PORT']}/metrics", process, log).text
    assert 'shangxin_pictures_total{verdict="approved"} 3.0' in metrics
    assert AUTH.partition(":")[2] not in log.read_text(errors="replace")

    port, log = str(free_port()), tmp_path / "review.log"
    environment |= {"SHANGXIN_REVIEW_TOKEN": "planted-review-token-5b", "SHANGXIN_METRICS_PORT": "0"}
    with running(words_of("review", p8420=port), environment, log) as process:
        answer = wait_for(f"http://127.0.0.1:{port}/", process, log)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/enter")
    assert "planted-review-token-5b" not in answer.text
