"""Opening ledgers: fresh, again, at once, and what is not one."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tasks.delivery.ledger import open_ledger
from tasks.errors import ConfigurationError, LedgerError, LedgerUnavailable
from tests.delivery.small_jobs import plan
from tests.postgres import free_port


def test_a_ledger_keeps_what_it_was_told_when_it_is_opened_again(url: str) -> None:
    first = open_ledger(url)
    first.begin_run("r", "{}")
    first.close()
    second = open_ledger(url)
    assert second.run("r").run_id == "r"
    second.close()


def test_many_may_open_a_fresh_ledger_at_once(url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        ledgers = list(pool.map(open_ledger, [url] * 6))
    ledgers[0].begin_run("r", "{}")
    assert all(ledger.run("r").run_id == "r" for ledger in ledgers)
    for ledger in ledgers:
        ledger.close()


def test_threads_share_one_ledger(url: str) -> None:
    ledger = open_ledger(url)
    ledger.begin_run("r", "{}")
    jobs = plan(400)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda first: ledger.add_jobs("r", jobs[first : first + 50], first=first), range(0, 400, 50)))
    assert [record.job_id for record in ledger.results("r")] == [job.job_id for job in jobs]
    ledger.close()


@pytest.mark.parametrize(("version", "way_out"), [(99, "Update this program"), (0, "Move the old ledger away")])
def test_a_ledger_of_another_version_is_refused(url: str, version: int, way_out: str) -> None:
    open_ledger(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_schema SET version = :version"), {"version": version})
    engine.dispose()
    with pytest.raises(LedgerError, match=way_out):
        open_ledger(url)


def test_somebody_elses_database_is_left_alone(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE flow_run (id INTEGER)"))
    with pytest.raises(LedgerError, match="flow_run"):
        open_ledger(url)
    with engine.begin() as connection, pytest.raises(Exception, match="job"):
        connection.execute(text("SELECT * FROM job"))
    engine.dispose()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"these are holiday pictures" * 100)
    with pytest.raises(LedgerError, match="move it away"):
        open_ledger(f"sqlite:///{file}")
    assert file.read_bytes().startswith(b"these are holiday pictures")


def test_a_damaged_ledger_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{file}")
    ledger.begin_run("r", "{}")
    ledger.add_jobs("r", plan(500))
    ledger.close()
    data = bytearray(file.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    file.write_bytes(data)
    with pytest.raises(LedgerError, match="damaged"):
        open_ledger(f"sqlite:///{file}").find_done([job.job_id for job in plan(500)])


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/x", "no address"])
def test_an_address_that_cannot_hold_a_ledger_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_ledger(url)


def test_an_absent_server_is_unavailable_and_its_password_stays_secret() -> None:
    url = f"postgresql+psycopg://ledger:hunter2@127.0.0.1:{free_port()}/shop"
    with pytest.raises(LedgerUnavailable, match=r"127\.0\.0\.1") as caught:
        open_ledger(url)
    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__)


def test_a_ledger_goes_on_after_the_server_dropped_its_connections(postgres_url: str) -> None:
    ledger = open_ledger(postgres_url)
    ledger.begin_run("r", "{}")
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        assert connection.execute(text(f"{others} AND usename = 'ledger'")).all()
    engine.dispose()
    assert ledger.run("r").run_id == "r"
    ledger.close()


def test_a_locked_ledger_is_unavailable_not_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.delivery.ledger.database.BUSY_SECONDS", 0.05)
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.begin_run("r", "{}")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"):
        ledger.cancel("r")
    assert ledger.run("r").cancelled is False  # readers go on
    other.execute("ROLLBACK")
    other.close()
    ledger.cancel("r")
    ledger.close()


def test_the_folder_of_a_ledger_is_made(tmp_path: Path) -> None:
    open_ledger(f"sqlite:///{tmp_path / 'deep/er/ledger.db'}").close()
    assert (tmp_path / "deep/er/ledger.db").exists()


def test_the_ledger_needs_neither_torch_nor_prefect() -> None:
    code = "import sys, tasks.delivery.ledger, tasks.delivery.manifest; print({'torch', 'prefect'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "set()"
