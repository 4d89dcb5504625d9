"""Compose and Kubernetes files, without Docker or a cluster: schemas, commands, the rules of a hardened container."""

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import typer

from flows.cli import app
from tasks.settings import Settings
from tests.infra.manifests import COMPOSE, INFRA, Command, commands, compose, objects, pod, workloads

KUBERNETES_VERSION = "1.31"
FOREIGN = {"keda.sh", "monitoring.coreos.com", "kustomize.config.k8s.io"}  # their schemas are not Kubernetes' own
DOCKERFILE = (INFRA / "docker" / "Dockerfile").read_text(encoding="utf-8")
ALL = list(commands())


@pytest.mark.parametrize("name", ["compose.yaml", "compose.redis.yaml"])
def test_compose_files_keep_to_the_compose_specification(name: str) -> None:
    """compose_spec.json is the specification's own schema (Apache-2.0), of 2021: `name` came later."""
    schema = json.loads((Path(__file__).parent / "compose_spec.json").read_text(encoding="utf-8"))
    found = compose(COMPOSE.parent / name)
    found.pop("name", None)
    problems = [
        f"{list(e.absolute_path)}: {e.message}" for e in jsonschema.Draft201909Validator(schema).iter_errors(found)
    ]
    assert problems == []


def test_every_volume_and_every_dependency_exists() -> None:
    found = compose()
    for name, service in found["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (COMPOSE.parent / source).exists(), (name, source)
            else:
                assert source in found["volumes"], (name, source)
        assert set(service.get("depends_on", ())) <= set(found["services"]), name


def test_kubernetes_objects_keep_to_kubernetes_own_schemas() -> None:
    checked = 0
    for each in objects():
        if each["apiVersion"].partition("/")[0] not in FOREIGN:
            kubernetes_validate.validate(each, KUBERNETES_VERSION, strict=True)
            checked += 1
    assert checked >= 15


def test_what_objects_refer_to_is_there() -> None:
    named = {(each["kind"], each["metadata"].get("name", "")) for each in objects() if "metadata" in each}
    for workload in workloads():
        spec = pod(workload)
        assert ("ServiceAccount", spec["serviceAccountName"]) in named
        for volume in spec["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in named
        for container in spec["containers"]:
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in spec["volumes"]}
    (scaled,) = [each for each in objects() if each["kind"] == "ScaledObject"]
    assert ("Deployment", scaled["spec"]["scaleTargetRef"]["name"]) in named
    (kustomization,) = [each for each in objects() if each["kind"] == "Kustomization"]
    there = {path.name for path in (INFRA / "kubernetes").glob("*.yaml")}
    assert set(kustomization["resources"]) == there - {"kustomization.yaml", "secret.example.yaml"}


def test_autoscaling_asks_what_the_ledger_can_answer(tmp_path: Path) -> None:
    from sqlalchemy import text

    from tasks.delivery.ledger import open_ledger
    from tests.delivery.small_jobs import plan

    (scaled,) = [each for each in objects() if each["kind"] == "ScaledObject"]
    (trigger,) = scaled["spec"]["triggers"]
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.begin_run("r", "{}")
    ledger.add_jobs("r", plan(3))
    with ledger.read() as connection:
        assert connection.execute(text(trigger["metadata"]["query"])).scalar_one() == 3
    ledger.close()


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.where)
def test_every_command_is_one_that_the_command_line_takes(command: Command) -> None:
    program, *words = command.words
    if program == "prefect":
        assert words[0] in {"server", "worker"}  # run for real in test_processes.py
        return
    assert program == "shangxin"
    group: Any = typer.main.get_command(app)
    parsed = group.commands[words[0]].make_context(words[0], list(words[1:]))
    assert not parsed.args


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.where)
def test_every_setting_is_one_that_there_is(command: Command) -> None:
    known = {f"SHANGXIN_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in command.environment if name.startswith("SHANGXIN_")} <= known


def test_prefect_wants_the_auth_string_and_csrf_in_every_profile() -> None:
    servers = [command for command in ALL if command.words[:3] == ("prefect", "server", "start")]
    assert {command.where.split()[0] for command in servers} == {"compose", "kubernetes"}
    for server in servers:
        assert "PREFECT_SERVER_API_AUTH_STRING" in server.environment
        assert server.environment["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"
        assert server.environment["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] != "*"
        assert "filesystem" in server.environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"]
    for client in (command for command in ALL if command not in servers):
        assert client.environment["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "json"
        assert "PREFECT_API_AUTH_STRING" in client.environment


def test_secrets_are_asked_for_and_never_written_down() -> None:
    secret = re.compile(r"AUTH_STRING|PASSWORD|SECRET|TOKEN|ACCESS_KEY")
    for command in ALL:
        for name, value in command.environment.items():
            if secret.search(name):
                assert value == "" or "${" in value, (command.where, name)
    for line in (INFRA / "docker" / "env.example").read_text(encoding="utf-8").splitlines():
        if secret.search(line) and not line.startswith("#"):
            assert line.endswith("="), line


def test_containers_have_no_root_no_capabilities_and_no_writable_system() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].split(":")[0]) > 0, name
        assert not service.get("privileged"), name
        ports = service.get("ports", ())
        assert all(port.startswith("127.0.0.1:") for port in ports), name
    for workload in workloads():
        spec = pod(workload)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_images_are_pinned() -> None:
    images = [service["image"] for service in compose()["services"].values()]
    images += [container["image"] for workload in workloads() for container in pod(workload)["containers"]]
    for image in images:
        tag = image.partition(":")[2]
        assert tag, image
        assert not tag.startswith("latest"), image


def test_gpu_agents_ask_for_a_card_and_read_their_models() -> None:
    (agent,) = [each for each in workloads() if each["metadata"]["name"] == "agent-gpu"]
    (container,) = pod(agent)["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {"name": "models", "mountPath": "/models", "readOnly": True} in container["volumeMounts"]
    assert pod(agent)["terminationGracePeriodSeconds"] >= 300
    devices = compose()["services"]["agent-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0].upper(), line.partition(" ")[2].strip()) for line in lines]


def test_the_dockerfile_has_none_of_the_usual_faults() -> None:
    """Beside hadolint's own: DL3002 DL3006 DL3007 DL3020 DL3025 DL3042 DL4000, DL3008 by having no apt at all."""
    found = instructions()
    kinds = [kind for kind, _ in found]
    users = [rest for kind, rest in found if kind == "USER"]
    assert users[-1] == "10001:10001"
    assert kinds.index("HEALTHCHECK") > kinds.index("USER")
    assert "ADD" not in kinds
    assert "MAINTAINER" not in kinds
    for kind, rest in found:
        if kind == "FROM":
            assert "${PYTHON}" in rest
        if kind in {"CMD", "ENTRYPOINT"}:
            assert rest.startswith("[")
        if kind == "RUN":
            assert "sudo" not in rest
            assert "apt-get" not in rest
            assert "curl" not in rest
            assert " -c constraints.txt" in rest or "pip install" not in rest
        if kind == "WORKDIR":
            assert rest.startswith("/")
    (python,) = [rest for kind, rest in found if kind == "ARG" and rest.startswith("PYTHON=")]
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-\w+", python)
    assert "PIP_NO_CACHE_DIR=1" in DOCKERFILE


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([hadolint, INFRA / "docker" / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = subprocess.run([hadolint, "-"], input="FROM debian\nRUN cd /", capture_output=True, text=True, check=False)
    assert {"DL3006", "DL3003"} <= set(re.findall(r"DL\d+", wrong.stdout)), "hadolint itself looks"


def test_what_the_dockerfile_copies_is_there_and_reaches_the_build() -> None:
    allowed = (INFRA / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    root = INFRA.parent
    for kind, rest in instructions():
        if kind == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert f"!{source.rstrip('*')}" in allowed, source
                if "*" not in source:
                    assert (root / source).exists(), source
