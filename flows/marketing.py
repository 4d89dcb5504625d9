"""The marketing team's run: the form of flows/forms.py, ahead of the nightly run in every queue."""

from typing import Any

from prefect import flow

from flows.campaign import cancel_in_ledger, produce, this_run
from flows.forms import Order
from tasks.confinement import confined, roots_of
from tasks.settings import get_settings


@flow(name="marketing", persist_result=False, on_cancellation=[cancel_in_ledger])
def order_pictures(order: Order = Order()) -> dict[str, Any]:  # noqa: B008
    """出图 Make pictures to order: choose, run, look at the contact sheet on this page, then approve.

    Args:
        order: 出图单 What to make.
    """
    brief = confined(order.brief(), roots_of(get_settings(), deployed=True))
    return produce(brief, this_run(), "high")
