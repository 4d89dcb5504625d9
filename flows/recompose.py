"""New placements from masters already in the store: CPU only, nothing is rendered."""

from typing import Any

from prefect import flow

from tasks.catalog.brief import CampaignBrief
from tasks.compose import compose_stored
from tasks.errors import ConfigurationError
from tasks.publish import publish_run
from tasks.workplace import Workplace, open_workplace


@flow(name="recompose", persist_result=False)
def recompose_run(placements: list[str], run_id: str = "") -> dict[str, Any]:
    """新增版位 Make the named placements of a run's approved masters, and publish it again; `run_id` empty: the last.

    Args:
        placements: 版位 Ids or sets, as in templates/placements.
        run_id: 批次 Which run; 留空为最近一次 empty: the latest.
    """
    workplace = open_workplace()
    run_id = run_id or last_run(workplace)
    known = CampaignBrief.model_validate_json(workplace.ledger.run(run_id).brief)
    brief = known.model_copy(update={"placements": tuple(dict.fromkeys((*_named(workplace, known), *placements)))})
    workplace.placements(brief.placements)  # a name that does not exist is told before anything is made
    made = sum(compose_stored(workplace, run_id, brief))
    workplace.ledger.begin_run(run_id, brief.model_dump_json())
    return {"made": made, **publish_run(run_id)}


def last_run(workplace: Workplace) -> str:
    run = workplace.ledger.last_run()
    if run is None:
        raise ConfigurationError(f"{workplace.ledger.name} knows no run yet.")
    return run.run_id


def _named(workplace: Workplace, brief: CampaignBrief) -> tuple[str, ...]:
    """The brief's placements by name, also where it left them to the default."""
    return brief.placements or tuple(each.id for each in workplace.placements(()))
