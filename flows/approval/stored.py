"""What a run has put into the store, read-only and behind the same door: report, lists, masters, renditions.

Under `/store/` paths are keys, so that a report's own links lead on. A shop's bucket is private: this is how people
without keys to it come to see what is in it.
"""

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tasks.delivery.report import report_policy
from tasks.errors import StorageError

SHOWN = re.compile(r"(masters|renditions)/.+|runs/[^/]+/(report\.html|manifest\.jsonl|bad_rows\.csv)")
TYPES = {
    "html": "text/html; charset=utf-8",
    "jsonl": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
}
BARE = "default-src 'none'; frame-ancestors 'none'; sandbox"

routes = APIRouter()


@routes.get("/store/{key:path}")
def stored(key: str, request: Request) -> Response:
    """One object by its key; 404 for whatever is not a run's output."""
    suffix = key.rpartition(".")[2]
    if not SHOWN.fullmatch(key) or suffix not in TYPES:
        return Response("there is no such file", 404)
    desk: Any = request.app.state.desk
    try:
        found = desk.workplace.store.head(key)
        data = desk.workplace.store.get(key) if found else None
    except StorageError:
        return Response("the store does not have it now", 503)
    if data is None:
        return Response("there is no such file", 404)
    policy = f"{report_policy()}; base-uri 'none'; form-action 'none'" if suffix == "html" else BARE
    headers = {"content-security-policy": policy, "cache-control": "private, no-cache"}
    return Response(data, media_type=TYPES[suffix], headers=headers)
