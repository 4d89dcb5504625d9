"""What Prefect does by itself when things die: tell the dead, take up what they left, say what failed.

Events may be lost and come late, so none of these is relied on: the redispatch deployment has a clock of its own.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

from flows.deployments import TOLD
from flows.notifying import NOTIFY_BLOCK

HEARTBEAT_SECONDS = 30  # as flows/environment.py sets it; Prefect allows no shorter one
REDISPATCH = "mend-runs/redispatch"
RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
EACH = {"prefect.resource.id"}


@dataclass(frozen=True)
class Patience:
    """After how much silence a run counts as dead (three heartbeats missed and one on its way), after how long in
    Pending as stuck."""

    zombie: timedelta = timedelta(seconds=4 * HEARTBEAT_SECONDS)
    stuck: timedelta = timedelta(minutes=15)


def register_automations(client: SyncPrefectClient, patience: Patience = Patience()) -> list[str]:
    """Create or replace them by name; the names."""
    wanted = _automations(client, patience)
    known = {each.name: each.id for each in _known(client)}
    for automation in wanted:
        if automation.name in known:
            client.update_automation(known[automation.name], automation)
        else:
            client.create_automation(automation)
    return [automation.name for automation in wanted]


def _known(client: SyncPrefectClient) -> list[Any]:
    return [*client.read_automations()]


def _automations(client: SyncPrefectClient, patience: Patience) -> list[AutomationCore]:
    redispatch = client.read_deployment_by_name(REDISPATCH)
    again = RunDeployment(source="selected", deployment_id=redispatch.id, parameters={})
    stuck_for = {"stuck_seconds": int(patience.stuck.total_seconds())}
    free = RunDeployment(source="selected", deployment_id=redispatch.id, parameters=stuck_for)
    return [
        AutomationCore(
            name="shangxin: zombie",
            description="没有心跳即视为崩溃 A run without heartbeats is Crashed. It may be alive: commits are fenced.",
            trigger=_silent_after({"prefect.flow-run.Running", "prefect.flow-run.heartbeat"}, patience.zombie),
            actions=[ChangeFlowRunState(state=StateType.CRASHED, name=None, message="no heartbeat")],
        ),
        AutomationCore(
            name="shangxin: crashed",
            description="崩溃后接续 A crash starts redispatch, which counts how often.",
            trigger=_reactive("prefect.flow-run.Crashed", "shangxin-leads"),  # shards are their leader's business
            actions=[again],
        ),
        AutomationCore(
            name="shangxin: stuck pending",
            description="领取后没有开始 A run that was claimed and never began.",
            trigger=_silent_after({"prefect.flow-run.Pending"}, patience.stuck),
            actions=[free],
        ),
        *_notifications(client),
    ]


def _silent_after(events: set[str], within: timedelta) -> EventTrigger:
    """Nothing more is heard of a run for so long after one of the events.

    Beginning counts: a run that is killed before its first heartbeat would never be missed otherwise.
    """
    return EventTrigger(
        match=RUNS,
        after=events,
        expect={"prefect.flow-run.*"},
        for_each=EACH,
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def _reactive(event: str, tag: str) -> EventTrigger:
    return EventTrigger(
        match=RUNS,
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"},
        expect={event},
        for_each=EACH,
        posture=Posture.Reactive,
        threshold=1,
    )


def _notifications(client: SyncPrefectClient) -> list[AutomationCore]:
    """Where there is the block; without one a failure is seen in the UI alone."""
    documents = client.request(
        "POST", "/block_documents/filter", json={"block_documents": {"name": {"any_": [NOTIFY_BLOCK]}}}
    ).json()
    if not documents:
        return []
    subject = "{{ flow_run.name }} {{ flow_run.state.name }}"
    body = "{{ flow.name }} / {{ flow_run.name }}: {{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
    return [
        AutomationCore(
            name="shangxin: failed",
            description="失败通知 A failed run tells people.",
            trigger=_reactive("prefect.flow-run.Failed", TOLD),
            actions=[SendNotification(block_document_id=documents[0]["id"], subject=subject, body=body)],
        )
    ]
