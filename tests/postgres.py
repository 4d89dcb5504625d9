"""A real PostgreSQL for the tests, where its server is installed."""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

NUMBERS = itertools.count()
ORDINARY_USER = {"user": "nobody", "group": "nogroup", "extra_groups": []}


def find_postgres() -> Path | None:
    """The folder with `initdb` and `postgres`: on PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL that lives as long as the test session, on a loopback port."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("no PostgreSQL server on this machine (initdb neither on PATH nor in /usr/lib/postgresql)")
    as_user = ORDINARY_USER if os.geteuid() == 0 else {}  # the server refuses to run as root
    with tempfile.TemporaryDirectory(prefix="shangxin-pg-") as name:
        folder, port = Path(name), free_port()
        if as_user:
            shutil.chown(folder, "nobody", "nogroup")
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "ledger", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **as_user)
        options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", folder]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *options], stdout=log, stderr=log, cwd="/", **as_user
            )
            try:
                yield _wait_for(port, server, folder / "log")
            finally:
                server.terminate()
                server.wait(timeout=20)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(200):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="ledger", dbname="postgres").close()
        except psycopg.OperationalError:
            subprocess.run(["sleep", "0.1"], check=True)
        else:
            return f"postgresql+psycopg://ledger@127.0.0.1:{port}"
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """A fresh schema: cheaper than a fresh database, and as empty."""
    name = f"t{next(NUMBERS)}"
    with psycopg.connect(f"{postgres.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres}/postgres?options=-csearch_path%3D{name}"
