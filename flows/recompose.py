"""New placements and new labels from stored masters: nothing is rendered, no GPU is needed."""

from typing import Annotated, Any

from prefect import flow, get_run_logger
from pydantic import Field

from tasks.compose import adopt_masters, compose_missing, find_masters
from tasks.errors import ConfigurationError
from tasks.publish import publish_run
from tasks.runs import new_run_id
from tasks.workplace import Workplace

Name = Annotated[str, Field(pattern=r"^[\w.-]{0,128}$")]


@flow(name="recompose", persist_result=False)
def recompose_run(
    placements: list[Name] | None = None,
    source: Name = "",
    limit: Annotated[int, Field(ge=1)] | None = None,
    visible_mark: bool | None = None,
    run_id: Name = "",
) -> dict[str, Any]:
    """Make placements of a run's approved masters as a run of its own, with manifest and report; returns its counts.

    Args:
        placements: 版位 placements or sets of them; empty: the default ones, all: every one.
        source: 来源运行 the run whose pictures are used; empty: the latest.
        limit: 只取前 N 张 only the first N masters.
        visible_mark: 可见标识 says on generated pictures that they are; empty: as the run had it.
        run_id: 运行编号 leave empty.
    """
    found = find_masters(source, tuple(placements or ()), visible_mark=visible_mark)
    run_id = run_id or new_run_id()
    adopted = adopt_masters(run_id, found.run_id, found.brief, limit)
    made = compose_missing(run_id, found.rendered)
    get_run_logger().info("%d renditions of %d masters of %s", made, adopted, found.run_id)
    return {**publish_run(run_id), "renditions": made, "run_id": run_id, "source": found.run_id}


def last_run(workplace: Workplace) -> str:
    """The latest run's id; ConfigurationError where there is none."""
    run = workplace.ledger.last_run()
    if run is None:
        raise ConfigurationError(f"{workplace.ledger.name} knows no run yet. Render first: shangxin run CATALOGUE.")
    return run.run_id
