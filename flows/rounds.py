"""Rendering, reviewing and people, in turn, until nobody wants another take."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from prefect import runtime
from prefect.artifacts import create_link_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.states import Paused, Running

from tasks.catalog.brief import CampaignBrief
from tasks.review import review_run
from tasks.workplace import Workplace, open_workplace

LOOK_AGAIN_SECONDS = 2.0
PATIENCE = dt.timedelta(days=7)  # how long Prefect shows the run as paused before it gives up


def render_and_review(run_id: str, brief: CampaignBrief, render: Callable[[], object]) -> None:
    """Call `render` until no check and, where the brief waits for them, no person asks for another take.

    `render` makes whatever the ledger calls ready, and returns at once where nothing is or nothing may be.
    """
    workplace = open_workplace()
    while True:
        render()
        if review_run(run_id):
            continue
        waiting = workplace.ledger.counts(run_id).review
        if waiting:
            link_to_page(workplace, run_id, waiting)
        if not (waiting and brief.approval == "wait" and wait_for_people(workplace, run_id)):
            return


def page_of(workplace: Workplace, run_id: str) -> str:
    """The address of a run's queue on the approval page."""
    return f"{workplace.settings.review_url.rstrip('/')}/?run={quote(run_id)}"


def link_to_page(workplace: Workplace, run_id: str, waiting: int) -> None:
    """A link on the flow run's page in Prefect."""
    create_link_artifact(
        page_of(workplace, run_id),
        link_text=f"审片 Review {run_id}: {waiting}",
        key="approval",
        description=f"{waiting} 张待人工 pictures wait for a person. `shangxin review` serves the page.",
    )


def wait_for_people(workplace: Workplace, run_id: str) -> bool:
    """Paused in Prefect until nothing waits for a person any more, or somebody presses Resume there.

    True where takes were ordered meanwhile: there is something to render.
    """
    ledger = workplace.ledger
    ledger.note(run_id, stage="waiting")
    with _paused(page_of(workplace, run_id)) as is_paused:
        while is_paused():
            counts = ledger.counts(run_id)
            if counts.unfinished or not counts.review or ledger.is_cancelled(run_id):
                return bool(counts.unfinished) and not ledger.is_cancelled(run_id)
            time.sleep(LOOK_AGAIN_SECONDS)
    return bool(ledger.counts(run_id).unfinished)


class _paused:  # noqa: N801 reads as a phrase
    """Shows the present flow run as paused; gives a function that says whether it still is."""

    def __init__(self, where: str) -> None:
        self._where, self._flow_run = where, runtime.flow_run.id

    def __enter__(self) -> Callable[[], bool]:
        if self._flow_run:
            message = f"待人工审片 Waiting for people: {self._where}"
            state: State[Any] = Paused(pause_expiration_time=dt.datetime.now(dt.UTC) + PATIENCE, message=message)
            self._set(state)
        return self._is_paused

    def __exit__(self, *error: object) -> None:
        if self._flow_run and self._is_paused():
            self._set(Running())

    def _is_paused(self) -> bool:
        if not self._flow_run:
            return True
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(str(self._flow_run))).state
        return state is not None and state.type == StateType.PAUSED

    def _set(self, state: State[Any]) -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(str(self._flow_run)), state, force=True)
