"""The marketing team's run: the form of flows/forms.py, ahead of the nightly run in every queue."""

from typing import Any

from prefect import flow

from flows.campaign import cancel_in_ledger, produce, this_run
from flows.confinement import confined
from flows.forms import Order


@flow(name="marketing", persist_result=False, on_cancellation=[cancel_in_ledger])
def order_pictures(order: Order = Order()) -> dict[str, Any]:  # noqa: B008
    """出图 Make pictures to order: choose, run, look at the contact sheet on this page, then approve.

    Args:
        order: 出图单 What to make.
    """
    return produce(confined(order.brief()), this_run(), "high")
