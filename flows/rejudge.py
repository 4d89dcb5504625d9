"""Judge a run again, after people have decided or limits have moved, and publish it anew."""

from typing import Any

from prefect import flow

from flows.recompose import last_run
from tasks.compose import compose_missing
from tasks.publish import publish_run
from tasks.review import review_run
from tasks.workplace import open_workplace


@flow(name="review", persist_result=False)
def review_again(run_id: str = "") -> dict[str, Any]:
    """重新质检 Look for doubles, make what approved pictures still lack, write report and manifest again.

    Args:
        run_id: 批次 Which run; 留空为最近一次 empty: the latest.
    """
    run_id = run_id or last_run(open_workplace())
    review_run(run_id, repair=False)
    compose_missing(run_id)
    return publish_run(run_id)
