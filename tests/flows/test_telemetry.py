"""What an operator sees: metrics over HTTP, one JSON object a log line, spans at a collector."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.campaign import produce_campaign
from flows.embedded import free_port
from tasks import telemetry
from tasks.catalog.brief import CampaignBrief
from tasks.settings import PROJECT, get_settings, use_settings
from tasks.workplace import open_workplace
from tests.storage.faulty import FaultyStore


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """Value by metric and labels."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    text = opener.open(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.usefixtures("prefect_server", "here")
def test_metrics_say_what_a_run_has_made_and_what_waits(catalogue: Path) -> None:
    use_settings(get_settings().model_copy(update={"metrics_port": 1}))
    port = telemetry.serve_metrics("127.0.0.1", free_port())
    figures = telemetry._LedgerFigures(lambda: open_workplace().ledger)
    telemetry.REGISTRY.register(figures)
    before = scrape(port)
    scenes = ("white-studio", "wood-morning")
    brief = CampaignBrief(catalog=str(catalogue), scenes=scenes, placements=("taobao-main",), model="sleep-1ms")
    produce_campaign(brief, "run-1")
    figures._counted = 0.0
    after = scrape(port)
    telemetry.REGISTRY.unregister(figures)

    def grown(*name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert grown("shangxin_pictures_total", "approved") == 3
    takes = sum(len(record.takes) for record in open_workplace().ledger.results("run-1"))
    assert grown("shangxin_pictures_total", "rejected") == takes - 3 >= 3
    assert sum(grown(*name) for name in after if name[0] == "shangxin_takes_total") >= 3
    assert grown("shangxin_stage_seconds_total", "denoise") > 0
    assert grown("shangxin_picture_seconds_count") == takes
    assert grown("shangxin_cost_total") == pytest.approx(open_workplace().ledger.spent("run-1"), rel=0.01)
    assert after["shangxin_waiting_for_people",] == open_workplace().ledger.counts("run-1").review
    assert after["shangxin_agents",] == 0
    stored = sum(path.stat().st_size for path in (get_settings().out / "masters").rglob("*.png"))
    assert grown("shangxin_stored_bytes_total", "masters") == stored
    assert after["shangxin_jobs", "done"] == 6
    assert after["shangxin_jobs", "ready"] == 0
    assert before["shangxin_jobs", "ready"] == 0


@pytest.mark.usefixtures("prefect_server", "here")
def test_a_job_that_is_set_aside_is_counted(catalogue: Path) -> None:
    """A product's picture is another one when its turn comes."""
    before = telemetry.REGISTRY.get_sample_value("shangxin_failures_total") or 0.0
    workplace = open_workplace()
    picture = catalogue.parent / "p2.png"  # of the last product: its jobs are not yet in hand at the first master
    workplace.store = FaultyStore(workplace.store, lambda key: rewrite(picture) if key.startswith("masters/") else None)
    scenes = ("white-studio", "wood-morning", "festive-red")
    brief = CampaignBrief(catalog=str(catalogue), scenes=scenes, placements=("taobao-main",), model="sleep-100ms")
    produce_campaign(brief, "run-2")
    failed = open_workplace().ledger.counts("run-2").failed
    assert failed > 0
    assert (telemetry.REGISTRY.get_sample_value("shangxin_failures_total") or 0.0) - before == failed


def rewrite(picture: Path) -> None:
    picture.write_bytes((picture.parent / "p1.png").read_bytes())


def test_the_next_port_is_taken_where_one_is_in_use() -> None:
    first = telemetry.serve_metrics("127.0.0.1", free_port())
    assert telemetry.serve_metrics("127.0.0.1", first) in range(first + 1, first + telemetry.PORTS)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Something that listens where an OTLP collector would."""
    received: list[bytes] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path == "/v1/traces":
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_logs_are_json_with_run_shard_and_job_and_spans_reach_the_collector(
    catalogue: Path, tmp_path: Path, warm_home: Path, small_templates: Path, collector: tuple[str, list[bytes]]
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    shutil.copytree(warm_home, tmp_path / "out" / ".prefect")
    catalogue.write_text(catalogue.read_text(encoding="utf-8").replace("p0.png", "p9.png"), encoding="utf-8")
    shutil.copy(tmp_path / "p0.png", tmp_path / "p9.png")
    environment = {
        "SHANGXIN_OUT": str(tmp_path / "out"),
        "SHANGXIN_TEMPLATES": str(small_templates),
        "SHANGXIN_LOG_FORMAT": "json",
        "SHANGXIN_TRACES": collector[0],
        "PYTHONPATH": str(PROJECT),
    }
    command = [sys.executable, "-m", "flows", "run", str(catalogue), "--scenes", "white-studio", "--model", "sleep-1ms"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    shards = [line for line in lines if line["message"].startswith("shard 1: ")]
    assert [(bool(line["run"]), line["shard"], line["level"]) for line in shards] == [(True, "1", "info")]
    spans = [
        span
        for body in collector[1]
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert sorted(span.name for span in spans).count("finish") == 3
    (shard,) = [span for span in spans if span.name == "render-shard"]
    assert {each.key: each.value.string_value for each in shard.attributes}["shangxin.run"] == shards[0]["run"]
    assert {"shangxin.job", "shangxin.run"} <= {
        each.key for span in spans if span.name == "finish" for each in span.attributes
    }
