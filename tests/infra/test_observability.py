"""Alerts and dashboard speak of metrics that there are, in PromQL that parses."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tasks.telemetry import REGISTRY
from tests.infra.manifests import INFRA

ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((INFRA / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((INFRA / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
ON_SCRAPE = {"shangxin_jobs", "shangxin_waiting_for_people", "shangxin_agents", "shangxin_gpu_memory_bytes"}
OTHERS = {"up"}


def metrics() -> set[str]:
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    counted = {family.name + end for family in REGISTRY.collect() for end in ends[family.type]}
    return counted | ON_SCRAPE | OTHERS


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_parses_and_names_metrics_that_there_are(expression: str) -> None:
    promql_parser.parse(expression)
    named = set(re.findall(r"\b(shangxin_\w+|up)(?=[{\[)]|\s|$)", expression))
    assert named
    assert named <= metrics()


def test_the_check_sees_a_metric_that_there_is_not() -> None:
    assert "shangxin_images_total" not in metrics()
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(shangxin_pictures_total[5m])")


def test_every_alert_says_what_is_wrong_and_where_to_look() -> None:
    runbook = (INFRA / "README.md").read_text(encoding="utf-8")
    for rule in ALERTS:
        assert set(rule["annotations"]) == {"summary", "runbook"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["alert"] in runbook, rule["alert"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not on this machine")
def test_each_alert_fires_in_its_situation_and_is_quiet_beside_it(tmp_path: Path) -> None:
    shutil.copy(INFRA / "prometheus" / "alerts.yaml", tmp_path)
    shutil.copy(Path(__file__).with_name("alerts.test.yaml"), tmp_path)
    done = subprocess.run(
        ["promtool", "test", "rules", "alerts.test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    config = INFRA / "prometheus" / "prometheus.yml"
    checked = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_has_a_situation() -> None:
    situations = yaml.safe_load(Path(__file__).with_name("alerts.test.yaml").read_text(encoding="utf-8"))["tests"]
    played = [case for situation in situations for case in situation["alert_rule_test"]]
    alerts = {rule["alert"] for rule in ALERTS}
    assert {case["alertname"] for case in played if case.get("exp_alerts")} == alerts
    assert {case["alertname"] for case in played if not case.get("exp_alerts")} == alerts


def test_every_metric_there_is_is_looked_at(ours: set[str]) -> None:
    shown = " ".join(EXPRESSIONS)
    assert {name for name in ours if not re.search(rf"\b{name}\b", shown)} == set()


@pytest.fixture
def ours() -> set[str]:
    """Every metric that is emitted; a histogram by its buckets."""
    ends = {"counter": "_total", "histogram": "_bucket", "gauge": ""}
    return {family.name + ends[family.type] for family in REGISTRY.collect()} | ON_SCRAPE


def test_panels_lie_beside_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    assert {"id", "title", "targets"} <= set(DASHBOARD["panels"][0])


def test_prometheus_loads_the_rules_that_there_are() -> None:
    configured = yaml.safe_load((INFRA / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert configured["rule_files"] == ["alerts.yaml"]
