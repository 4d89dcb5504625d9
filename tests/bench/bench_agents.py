"""Agents on a real installation: dispatch latency, a marketer's run beside a nightly one, and what dispatching adds.

`python -m tests.bench.bench_agents [jobs] [milliseconds a job] [agents]` (default: 2,000 of 20 ms, four agents; the
aim is stated for 50,000). The renderer only sleeps. What is done for a picture beside its rendering (judging, encoding,
storing) needs processor time of its own, which is told apart: orchestration is what an agent waits between two turns,
and what it does between two shards of one turn (looking for work, leases).
"""

import contextvars
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from flows.environment import keep_prefect_at

HOME = Path(tempfile.mkdtemp(prefix="shangxin-bench-"))
HOME.chmod(0o755)  # PostgreSQL is another user
keep_prefect_at(HOME / "client")  # before anything imports Prefect

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
from prefect import flow  # noqa: E402
from prefect.client.orchestration import get_client  # noqa: E402
from prefect.client.schemas.filters import FlowRunFilter  # noqa: E402
from prefect.client.schemas.objects import FlowRun  # noqa: E402

from flows.campaign import produce  # noqa: E402
from flows.dispatch import SHARDS, run_tag  # noqa: E402
from flows.embedded import connected  # noqa: E402
from flows.queues import Priority  # noqa: E402
from flows.stack.stack import Stack  # noqa: E402
from tasks.catalog.brief import CampaignBrief  # noqa: E402
from tasks.settings import Settings, get_settings, use_settings  # noqa: E402
from tasks.workplace import open_workplace  # noqa: E402
from tests.chaos.small import small_templates  # noqa: E402

JOBS, SLEEP_MS, AGENTS = 2000, 20, 4
URGENT = 20
TRIES = 15
PAGE = 200
ORCHESTRATING = ("Prefect's server", "agents", "leading flows")


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:] if text.isdigit()]
    jobs, sleep_ms, agents = (numbers + [JOBS, SLEEP_MS, AGENTS][len(numbers) :])[:3]
    model, templates = f"sleep-{sleep_ms}ms", small_templates(HOME)
    stack = Stack(HOME / "stack", agents=agents, models=model, settings={"SHANGXIN_TEMPLATES": str(templates)})
    with stack, connected(stack.api):
        _use(stack, templates)
        _await_agents(agents)
        latencies = [_latency(stack) for _ in range(TRIES)]
        print(f"dispatch to a warm agent: median {statistics.median(latencies):.2f} s of {TRIES} (aim 2)")
        server = psutil.Process(stack.server.pid)
        before, spent = server.memory_info().rss, _processor_seconds(stack)
        _night(jobs, sleep_ms, agents, model)
        grown = (server.memory_info().rss - before) / 2**20
        print(f"server memory: {before / 2**20:.0f} MB, {grown:+.0f} MB over the run")
        spent = {role: seconds - spent[role] for role, seconds in _processor_seconds(stack).items()}
        orchestrating = sum(spent[role] for role in ORCHESTRATING) / sum(spent.values())
        print("processor seconds: " + ", ".join(f"{role} {seconds:.0f}" for role, seconds in spent.items()))
        print(f"  of it orchestration ({', '.join(ORCHESTRATING)}): {100 * orchestrating:.1f} %")


def _night(jobs: int, sleep_ms: int, agents: int, model: str) -> None:
    """A nightly run, and twenty urgent pictures as soon as it is under way."""
    ended: dict[str, float] = {}
    started = time.perf_counter()
    night = _start("night", jobs, model, "normal", ended)
    while open_workplace().ledger.counts("night").by_state.get("done", 0) < 1:
        time.sleep(0.2)
    asked, asked_at = time.perf_counter(), time.time()
    _start("urgent", URGENT, model, "high", ended).join()
    night.join()
    left = "before" if ended["urgent"] < ended["night"] else "AFTER"
    print(f"{URGENT} urgent pictures: {ended['urgent'] - asked:.1f} s from catalogue to report, {left} the night's end")
    begun = min(run.start_time for run in _tickets("urgent") if run.start_time).timestamp()
    turn = get_settings().turn_seconds
    print(f"  an agent left the night for them after {begun - asked_at:.1f} s; its turns take up to {turn:.0f} s")
    wall, ideal = ended["night"] - started, jobs * sleep_ms / 1000 / agents
    shards = _tickets("night")
    print(f"{jobs} jobs of {sleep_ms} ms on {agents} agents: wall {wall:.1f} s, sleep {ideal:.1f} s each")
    rendered = max(run.end_time for run in shards if run.end_time).timestamp() - time.time() + time.perf_counter()
    print(f"  of it {ended['night'] - rendered:.1f} s after the last shard: comparing, manifest, report")
    print(f"waiting between two turns: {100 * _waiting_share(shards):.1f} % of the agents' time (aim 5)")
    states = Counter(run.state_name for run in shards)
    print(f"Prefect flow runs: {len(shards)} ({dict(states)}), task runs: {_task_runs()}")
    print(f"  one per {jobs / max(len(shards) + _task_runs(), 1):.0f} jobs (aim: at least 50)")


def _waiting_share(shards: list[FlowRun]) -> float:
    """Of the time from an agent's first shard to its last one's end, how much it had none."""
    spans = defaultdict(list)
    for shard in shards:
        if shard.start_time and shard.end_time:
            spans[shard.infrastructure_pid].append((shard.start_time.timestamp(), shard.end_time.timestamp()))
    busy = sum(end - begin for each in spans.values() for begin, end in each)
    whole = sum(max(end for _, end in each) - min(begin for begin, _ in each) for each in spans.values())
    return 1 - busy / whole if whole else 0.0


def _processor_seconds(stack: Stack) -> dict[str, float]:
    """By role, of everything that runs; an agent's own process apart from the renderers below it."""
    agents = [psutil.Process(agent.pid) for agent in stack.agents]
    found = {
        "Prefect's server": _spent(psutil.Process(stack.server.pid)),
        "agents": sum(map(_spent, agents)),
        "leading flows": _spent(psutil.Process()),
        "renderers": sum(_spent(child) for agent in agents for child in agent.children(recursive=True)),
        "store": _spent(psutil.Process(stack.s3.pid)),
    }
    if stack.postgres:
        found["database"] = sum(map(_spent, psutil.Process(stack.postgres.pid).children(recursive=True)))
    return found


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _latency(stack: Stack) -> float:
    """From the making of a ticket to its flow run's first statement, with nothing else in the queue."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(SHARDS)
        made = client.create_flow_run_from_deployment(
            deployment.id, parameters={"run_id": "warm-up"}, work_queue_name="high"
        )
        while True:
            run = client.read_flow_run(made.id)
            if run.state is not None and run.state.is_final():
                break
            time.sleep(0.1)
    if run.start_time is None or run.created is None:
        raise RuntimeError(f"{run.name} never started; its agent's log: {stack.folder}")
    return (run.start_time - run.created).total_seconds()


def _start(name: str, jobs: int, model: str, priority: Priority, ended: dict[str, float]) -> threading.Thread:
    brief = CampaignBrief(
        catalog=str(_catalogue(name, jobs)), scenes=("white-studio",), placements=("google-300x250",), model=model
    )

    def work() -> None:
        flow(name=name, persist_result=False)(lambda: produce(brief, name, priority))()
        ended[name] = time.perf_counter()

    open_workplace().ledger.begin_run(name, brief.model_dump_json())
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    return thread


def _tickets(run_id: str) -> list[FlowRun]:
    """All of a run's, withdrawn ones too."""
    tagged, found = FlowRunFilter.model_validate({"tags": {"all_": [run_tag(run_id)]}}), list[FlowRun]()
    with get_client(sync_client=True) as client:
        while page := client.read_flow_runs(flow_run_filter=tagged, limit=PAGE, offset=len(found)):
            found += page
    return found


def _task_runs() -> int:
    with get_client(sync_client=True) as client:
        return int(client.request("POST", "/task_runs/count", json={}).json())


def _use(stack: Stack, templates: Path) -> None:
    os.environ.update({name: value for name, value in stack.environment.items() if name.startswith("SHANGXIN_")})
    use_settings(Settings(templates=templates))
    brief = CampaignBrief(catalog="none.csv", model="sleep-0ms").model_dump_json()
    open_workplace().ledger.begin_run("warm-up", brief)


def _await_agents(number: int) -> None:
    while len(open_workplace().ledger.agents()) < number:
        time.sleep(0.5)


def _catalogue(name: str, rows: int) -> Path:
    picture = np.full((256, 256, 3), 255, np.uint8)
    cv2.ellipse(picture, (128, 128), (70, 90), 0, 0, 360, (60, 90, 200), -1, cv2.LINE_AA)
    cv2.imwrite(str(HOME / "product.png"), picture)
    path = HOME / f"{name}.csv"
    lines = [f"{name}-{row},商品 {row},product.png" for row in range(rows)]
    path.write_text("sku,title,image\n" + "\n".join(lines), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
