"""The approval page with 10,000 pictures waiting: seconds for what a person waits for.

Run: python -m tests.bench approval.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from flows.approval.app import make_app
from tasks.delivery.ledger import Filter
from tasks.settings import Settings
from tasks.workplace import Workplace
from tests.flows.approval_crowd import crowd
from tests.flows.approval_run import RUN

WAITING = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workplace = Workplace(Settings(out=Path(folder)))
        crowd(workplace.ledger, "goods.csv", WAITING)
        client = TestClient(
            make_app(workplace, who="bench"), base_url="http://127.0.0.1:8420", headers={"x-shangxin": "1"}
        )
        first = workplace.ledger.listed(RUN, Filter(), limit=1)[0].place.job_id
        wish: dict[str, Any] = {"run": RUN, "job_id": first, "decision": "approve", "request": "bench-0001"}
        wish["version"] = workplace.ledger.version(first)
        bulk = {"run": RUN, "status": "review", "cause": "text", "count": 3333, "request": "bench-0002"}
        print(f"{WAITING:,} pictures waiting, one process, SQLite\n| | seconds |\n|---|---|")
        _timed("the first page", lambda: client.get("/"))
        _timed("the first page again", lambda: client.get("/"))
        _timed("the next forty", lambda: client.get("/list"))
        _timed("the filters' numbers", lambda: client.get(f"/tally?run={RUN}&status=review"))
        _timed("one decision", lambda: client.post("/decide", json=wish))
        _timed("a third of all approved at once", lambda: client.post("/approve-all", json=bulk))


def _timed(what: str, ask: Callable[[], Any]) -> None:
    start = time.perf_counter()
    answer = ask()
    seconds = time.perf_counter() - start
    if answer.status_code != 200:
        raise AssertionError(f"{what}: {answer.status_code} {answer.text:.200}")
    print(f"| {what} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
