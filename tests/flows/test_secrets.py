"""Planted secrets are found nowhere but where they were planted; nothing is unpickled; parameters lead nowhere else."""

import importlib
import os
import pkgutil
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE

import flows
import tasks
from flows.campaign import produce_campaign
from flows.environment import QUIET
from flows.inbox import watch_inbox
from flows.recompose import recompose_run
from tasks.catalog.brief import CampaignBrief
from tasks.errors import ConfigurationError
from tasks.settings import PROJECT, Settings, get_settings, use_settings
from tasks.workplace import open_workplace

PLANTED = {
    "SHANGXIN_S3_ACCESS_KEY": "planted-access-7c1e",
    "SHANGXIN_S3_SECRET_KEY": "planted-secret-91fa",
    "SHANGXIN_REVIEW_TOKEN": "planted-review-token-5b",
    "SHANGXIN_S3_BUCKETS": '{"other": {"access_key": "planted-other-id", "secret_key": "planted-other-key"}}',
    "SHANGXIN_NOTIFY_URL": "https://oapi.dingtalk.com/robot/send?access_token=planted-robot-44",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-chain-33",
}
PASSWORD = "planted-db-password-e4"


def flow_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "flows", *words]


@pytest.mark.slow
def test_secrets_reach_no_log_no_report_no_manifest_and_no_table(  # noqa: PLR0917 fixtures
    catalogue: Path,
    tmp_path: Path,
    warm_home: Path,
    small_templates: Path,
    s3_endpoint: str,
    bucket: str,
    postgres_url: str,
) -> None:
    """A run with every secret set, logs at their loudest, on S3 and PostgreSQL; then a store that refuses."""
    out = tmp_path / "out"
    shutil.copytree(warm_home, out / ".prefect")
    environment = {
        **os.environ,
        **PLANTED,
        "SHANGXIN_OUT": str(out),
        "SHANGXIN_TEMPLATES": str(small_templates),
        "SHANGXIN_STORE": f"s3://{bucket}/pictures",
        "SHANGXIN_S3_ENDPOINT": s3_endpoint.replace("://", "://planted-user:planted-word@"),
        "SHANGXIN_DATABASE": postgres_url.replace("ledger@", f"ledger:{PASSWORD}@"),
        "SHANGXIN_LOG_FORMAT": "json",
        "SHANGXIN_LOG_LEVEL": "DEBUG",
        "PYTHONPATH": str(PROJECT),
    }
    run = flow_command("run", str(catalogue), "--scenes", "white-studio", "--placements", "taobao-main")
    command = [*run, "--model", "sleep-1ms"]
    good = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert good.returncode == 0, good.stderr[-2000:]
    refused = subprocess.run(
        flow_command("doctor", "--store", "s3://there-is-no-such-bucket/x"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2, refused.stderr[-2000:]
    doctor = subprocess.run(flow_command("doctor"), env=environment, capture_output=True, text=True, check=False)

    said = "".join(done.stdout + done.stderr for done in (good, refused, doctor))
    assert [line for line in said.splitlines() if "planted" in line] == []
    assert len(good.stderr.splitlines()) > 20, "the logs were to be loud"
    for path in out.rglob("*"):
        if path.is_file():
            assert b"planted" not in path.read_bytes(), path
    with closing(sqlite3.connect(out / ".prefect" / "prefect.db")) as database:
        assert database.execute("SELECT count(*) FROM flow_run").fetchone()[0] >= 1, "its parameters were looked at too"
    client = boto3.client("s3", endpoint_url=s3_endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    for entry in client.list_objects_v2(Bucket=bucket)["Contents"]:
        body = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        assert b"planted" not in body, entry["Key"]
    client.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHANGXIN_DATABASE", f"postgresql+psycopg://someone:{PASSWORD}@127.0.0.1:1/ledger"),
        ("SHANGXIN_DATABASE", f"mysql://someone:{PASSWORD}@127.0.0.1/ledger"),
        ("SHANGXIN_S3_BUCKETS", '{"other": {"secret_key": ["planted-list"]}}'),
    ],
)
def test_what_cannot_be_used_is_told_without_its_secrets(
    name: str, value: str, catalogue: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, name: value, "SHANGXIN_OUT": str(tmp_path / "out"), "PYTHONPATH": str(PROJECT)}
    command = flow_command("plan", str(catalogue), "--model", "sleep-1ms")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode in {1, 2}
    assert done.stderr
    assert "planted" not in done.stdout + done.stderr


def ours(kind: type) -> list[object]:
    """Every flow or task of this project."""
    found: dict[int, object] = {}
    for package in (flows, tasks):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.split(".")[1] in {"rendering", "quality", "banners", "catalog", "prompts", "__main__"}:
                continue
            if module.name.endswith("__main__"):
                continue
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, kind):
                    found[id(value)] = value
    return list(found.values())


def test_no_result_is_kept_and_none_is_read_back() -> None:
    """A result that is never stored cannot be unpickled; JSON is the serializer for whoever would store one."""
    assert QUIET["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "json"
    known_flows, known_tasks = ours(Flow), ours(Task)
    assert len(known_flows) >= 4
    assert len(known_tasks) >= 5
    for each in known_flows:
        assert isinstance(each, Flow)
        assert each.persist_result is False, each.name
        assert each.result_serializer in (None, "json"), each.name
    for task in known_tasks:
        assert isinstance(task, Task)
        assert task.persist_result is False, task.name
        assert task.cache_policy is NO_CACHE or task.cache_policy == NO_CACHE, task.name


def test_a_cloudpickled_result_is_refused(tmp_path: Path) -> None:
    """Our serializer neither writes what only pickle can say nor reads what cloudpickle wrote."""
    from prefect.serializers import JSONSerializer, PickleSerializer

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    blob = PickleSerializer().dumps(Trap())
    with pytest.raises(ValueError, match=r"JSON|json|column"):
        JSONSerializer().loads(blob)
    assert not (tmp_path / "sprung").exists()
    PickleSerializer().loads(blob)
    assert (tmp_path / "sprung").exists(), "the trap itself works"


def test_a_whole_run_unpickles_nothing(catalogue: Path, tmp_path: Path, warm_home: Path, small_templates: Path) -> None:
    """Python itself reports every class that a pickle names; from the first flow on there is none."""
    shutil.copytree(warm_home, tmp_path / "out" / ".prefect")
    code = (
        "import sys\n"
        "from flows.cli import main\n"
        "from flows.environment import keep_prefect_at\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: seen.append(args) if event == 'pickle.find_class' else None)\n"
        "code = main(sys.argv[1:])\n"
        "print('UNPICKLED', seen)\n"
        "sys.exit(code)\n"
    )
    words = ["run", str(catalogue), "--scenes", "white-studio", "--model", "sleep-1ms"]
    environment = {
        **os.environ,
        "SHANGXIN_OUT": str(tmp_path / "out"),
        "SHANGXIN_TEMPLATES": str(small_templates),
        "PYTHONPATH": str(PROJECT),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "UNPICKLED []" in done.stdout


# ---- parameters that name places


@pytest.mark.usefixtures("prefect_server", "here")
def test_a_runs_parameters_lead_nowhere_else(catalogue: Path, tmp_path: Path) -> None:
    inside = tmp_path / "catalogues"
    inside.mkdir()
    use_settings(Settings(**{**get_settings().model_dump(), "catalog_roots": (str(inside),), "inbox": str(inside)}))
    brief = CampaignBrief(catalog=str(catalogue), scenes=("white-studio",), model="sleep-1ms")
    with pytest.raises(ConfigurationError, match="outside"):
        produce_campaign(brief, "run-1")
    with pytest.raises(ConfigurationError, match="outside"):
        watch_inbox(str(tmp_path))
    for name in ("../../etc", "a/b", "", ".."):
        with pytest.raises((ConfigurationError, ValueError), match="run"):
            produce_campaign(brief, name or "/")
    store = open_workplace().store
    assert not [key for prefix in ("masters/", "renditions/", "runs/") for key in store.keys(prefix)]


@pytest.mark.usefixtures("prefect_server", "here")
def test_names_in_a_recompositions_parameters_are_names() -> None:
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError):
        recompose_run(["taobao-main"], source="../run-1")
    with pytest.raises(ParameterTypeError):
        recompose_run(["../../etc"])
