"""The manifests under infra/, read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tasks.settings import PROJECT

INFRA = PROJECT / "infra"
COMPOSE = INFRA / "docker" / "compose.yaml"
KUBERNETES = sorted((INFRA / "kubernetes").glob("*.yaml"))
WORKLOADS = ("Deployment", "Job", "StatefulSet", "DaemonSet", "CronJob")


class Command(NamedTuple):
    """One process as a manifest starts it."""

    where: str
    words: tuple[str, ...]
    environment: dict[str, str]


def compose(path: Path = COMPOSE) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def objects() -> list[dict[str, Any]]:
    """Every Kubernetes object, in the order of the files."""
    return [each for path in KUBERNETES for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def workloads() -> list[dict[str, Any]]:
    return [each for each in objects() if each["kind"] in WORKLOADS]


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def commands() -> Iterator[Command]:
    """Every process of ours that a manifest starts."""
    for name, service in compose()["services"].items():
        if service["image"].startswith("shangxin"):
            yield Command(f"compose {name}", tuple(service["command"]), service["environment"])
    maps = {each["metadata"]["name"]: each["data"] for each in objects() if each["kind"] == "ConfigMap"}
    secrets = {each["metadata"]["name"]: each["stringData"] for each in objects() if each["kind"] == "Secret"}
    for workload in workloads():
        for container in pod(workload)["containers"]:
            environment: dict[str, str] = {}
            for source in container.get("envFrom", ()):
                environment |= maps[source["configMapRef"]["name"]] if "configMapRef" in source else {}
                environment |= secrets[source["secretRef"]["name"]] if "secretRef" in source else {}
            environment |= {each["name"]: each["value"] for each in container.get("env", ())}
            where = f"kubernetes {workload['metadata']['name']}"
            yield Command(where, tuple(container["command"]), environment)
