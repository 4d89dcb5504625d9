"""Deployments: one table, one file, one server, the same each time."""

import datetime as dt
from zoneinfo import ZoneInfo

from prefect.client.orchestration import get_client

from flows.deployments import DEPLOYMENTS, YAML, as_yaml, present
from flows.nightly import is_overtaken, night_of
from flows.queues import all_queues, queue_of, queues_for
from flows.registering import register
from tasks.catalog.brief import CampaignBrief

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_the_file_in_infra_is_the_table() -> None:
    assert YAML.read_text(encoding="utf-8") == as_yaml(), "run: shangxin deploy --write-yaml"


def test_every_deployment_present_loads_its_flow() -> None:
    assert {"nightly", "marketing", "recompose", "review", "housekeeping", "redispatch"} <= {e.name for e in present()}
    for entry in present():
        assert entry.load().fn.__module__ == entry.module
    assert len({entry.name for entry in DEPLOYMENTS}) == len(DEPLOYMENTS)


def test_deploying_twice_changes_nothing(prefect_server: str) -> None:
    first = register()
    before = _standing()
    assert register() == first
    assert _standing() == before


def _standing() -> dict[str, list[str]]:
    with get_client(sync_client=True) as client:
        deployments = client.read_deployments(limit=200)
        pools = client.read_work_pools()
        queues = client.request("POST", "/work_queues/filter", json={}).json()
        return {
            "deployments": sorted(f"{each.id} {each.name} {each.work_queue_name}" for each in deployments),
            "schedules": sorted(str(schedule.schedule) for each in deployments for schedule in each.schedules),
            "pools": sorted(f"{pool.id} {pool.name} {pool.type} {pool.concurrency_limit}" for pool in pools),
            "queues": sorted(f"{queue['name']} {queue['priority']}" for queue in queues),
            "automations": sorted(f"{each.id} {each.name}" for each in client.read_automations()),
        }


def test_the_night_is_shanghais_and_never_overlaps(prefect_server: str) -> None:
    register()
    with get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name("nightly/nightly")
        automations = {each.name for each in client.read_automations()}
    (schedule,) = nightly.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("30 2 * * *", "Asia/Shanghai")
    assert nightly.global_concurrency_limit is not None
    assert nightly.global_concurrency_limit.limit == 1
    assert {"shangxin: zombie", "shangxin: crashed", "shangxin: stuck pending"} <= automations


def test_a_night_asked_for_twice_is_one_run_and_a_late_one_gives_way() -> None:
    brief = CampaignBrief(catalog="sample/products.csv")
    evening = dt.datetime(2026, 11, 24, 2, 30, tzinfo=SHANGHAI)
    assert night_of(evening, brief) == night_of(evening + dt.timedelta(hours=9), brief)
    assert night_of(evening, brief) != night_of(evening + dt.timedelta(days=1), brief)
    assert night_of(evening.astimezone(dt.UTC), brief).startswith("nightly-20261124-")
    assert is_overtaken(evening, evening + dt.timedelta(hours=21))
    assert not is_overtaken(evening, evening + dt.timedelta(hours=3))


def test_urgent_work_goes_first_and_large_models_have_queues_of_their_own() -> None:
    queues = all_queues()
    assert queues["high"] < queues["normal"]
    assert queue_of("normal", "kolors") == "normal-kolors"
    assert queue_of("normal", "kolors:compiled+fused-qkv") == "normal-kolors"
    assert queue_of("high", "kolors-nano") == "high"
    assert set(queues_for(["kolors-nano", "kolors"])) == {"high", "normal", "high-kolors", "normal-kolors"}
    assert set(queues_for(["kolors-nano"])) == {"high", "normal"}
