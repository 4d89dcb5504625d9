"""The approval page with 10,000 pictures waiting: it shows a page of them, counts all, and decides on all at once."""

import re

import pytest
from starlette.testclient import TestClient

from flows.approval.app import make_app
from tasks.delivery.ledger import Ledger
from tasks.settings import Settings
from tasks.workplace import Workplace
from tests.flows.approval_crowd import crowd
from tests.flows.approval_run import RUN

MANY = 10_000


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(Settings(out=tmp_path_factory.mktemp("crowd")))
    crowd(workplace.ledger, "goods.csv", MANY)
    return workplace


@pytest.fixture(scope="module")
def ledger(workplace: Workplace) -> Ledger:
    return workplace.ledger


@pytest.fixture(scope="module")
def client(workplace: Workplace) -> TestClient:
    """Without its lifespan: nothing is composed, since there are no masters."""
    app = make_app(workplace, who="小林")
    return TestClient(app, base_url="http://127.0.0.1:8420", headers={"x-shangxin": "1"})


def test_the_first_page_is_one_page_and_says_how_many_there_are(client: TestClient) -> None:
    page = client.get("/").text
    assert len(re.findall('class="entry"', page)) == 40
    assert "10000" in page.replace(",", "")
    assert len(page) < 100_000
    assert client.get("/count").json() == {"count": MANY}
    tally = client.get(f"/tally?run={RUN}&status=review").json()
    assert {cause: count for cause, _, count in tally["cause"]} == {
        "growth": 3334,
        "text": 3333,
        "second-product": 3333,
    }


def test_the_list_goes_on_to_its_end_with_every_picture_once(client: TestClient) -> None:
    asked, seen = "/list?cause=second-product", []
    after = ""
    while True:
        part = client.get(f"{asked}&after={after}").text
        seen += re.findall('data-job="([0-9a-f]+)"', part)
        found = re.search(r'data-after="([0-9a-f.]+)"', part)
        if found is None:
            break
        after = found[1]
    assert len(seen) == len(set(seen)) == 3333


def test_all_of_a_cause_are_approved_together(client: TestClient, ledger: Ledger) -> None:
    wish = {"run": RUN, "status": "review", "cause": "text", "count": 3333, "request": "bulk-12345"}
    assert client.post("/approve-all", json=wish).json() == {"message": "已通过 3333 张"}
    assert (ledger.counts(RUN).approved, ledger.counts(RUN).review) == (3333, MANY - 3333)
