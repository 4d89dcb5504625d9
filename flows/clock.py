"""Prefect's own clock: every time in its answers is by that one, and this host's may be wrong."""

import datetime as dt
from email.utils import parsedate_to_datetime

from prefect.client.orchestration import SyncPrefectClient


def server_now(client: SyncPrefectClient) -> dt.datetime:
    """To the second, from the answer's own header; this host's clock where a proxy has taken that out."""
    told = client.request("GET", "/health").headers.get("date")
    return parsedate_to_datetime(told) if told else dt.datetime.now(dt.UTC)
