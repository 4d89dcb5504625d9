"""The nightly run: what changed in the catalogue, once a business day, however often the clock or a person asks."""

import datetime as dt
import hashlib
import logging
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow, runtime

from flows.campaign import cancel_in_ledger, produce
from tasks.catalog.brief import CampaignBrief
from tasks.confinement import confined, roots_of
from tasks.settings import get_settings
from tasks.standing import find_finished_twin
from tasks.workplace import open_workplace

LATE = dt.timedelta(hours=20)  # a run so late has been overtaken by the next night's

logger = logging.getLogger(__name__)


@flow(name="nightly", persist_result=False, on_cancellation=[cancel_in_ledger])
def render_nightly(brief: CampaignBrief) -> dict[str, Any]:
    """每夜上新 Render what the ledger does not call done. A run that comes too late, or twice, does nothing."""
    scheduled = runtime.flow_run.scheduled_start_time
    if is_overtaken(scheduled, dt.datetime.now(dt.UTC)):
        logger.warning("scheduled for %s: overtaken by a later night", scheduled)
        return {"overtaken": True}
    brief = confined(brief, roots_of(get_settings(), deployed=True))
    twin = find_finished_twin(open_workplace(), brief)
    if twin:
        logger.info("nothing to render: run %s delivered exactly this", twin.run_id)
        return {"total": twin.total, "already": twin.run_id}
    return produce(brief, night_of(scheduled, brief), "normal")


def is_overtaken(scheduled: dt.datetime, now: dt.datetime) -> bool:
    return now - scheduled > LATE


def night_of(scheduled: dt.datetime, brief: CampaignBrief) -> str:
    """The run of a business day and a catalogue: asked for twice, it is the same run."""
    day = scheduled.astimezone(ZoneInfo(get_settings().timezone)).date()
    return f"nightly-{day:%Y%m%d}-{hashlib.sha256(brief.catalog.encode()).hexdigest()[:6]}"
