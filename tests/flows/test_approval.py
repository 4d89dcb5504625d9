"""The approval page over HTTP: what it shows, what it does, whom it keeps out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from flows.approval.app import make_app
from flows.approval.desk import Desk
from flows.approval.guard import COOKIE
from flows.approval.server import chosen_token, is_loopback
from flows.approval.views import Views
from flows.approval.wording import WORDS, one_of_both, say
from tasks.delivery.keys import manifest_key, report_key
from tasks.delivery.ledger import Filter, JobResult, Ledger, Master, Rejudged, Wish
from tasks.delivery.manifest import read_manifest
from tasks.errors import ConfigurationError
from tasks.findings import Finding, judge
from tasks.settings import Settings
from tasks.shapes import Box
from tasks.workplace import Workplace, open_workplace
from tests.flows.approval_run import RUN, wait_for_a_person
from tests.flows.conftest import draw_catalogue

TOKEN = "correct horse battery staple"
HOME = "http://127.0.0.1:8420"


@pytest.fixture
def waiting(here: Path, catalogue: Path) -> list[str]:
    return wait_for_a_person(open_workplace(), catalogue)


@pytest.fixture
def client(waiting: list[str]) -> Iterator[TestClient]:
    with open_client(open_workplace()) as client:
        yield client


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One run for all tests that must not change it."""
    folder = tmp_path_factory.mktemp("untouched")
    workplace = Workplace(Settings(out=folder / "out"))
    wait_for_a_person(workplace, draw_catalogue(folder))
    with open_client(workplace) as client:
        yield client
    assert workplace.ledger.newest_decision() == 0


def open_client(workplace: Workplace, **options: Any) -> TestClient:
    app = make_app(workplace, who="小林", **options)
    return TestClient(app, base_url=HOME, headers={"x-shangxin": "1"})


def ledger_of(client: TestClient) -> Ledger:
    desk: Desk = client.app.state.desk  # type: ignore[attr-defined]
    return desk.ledger


def first_job(client: TestClient) -> str:
    return ledger_of(client).listed(RUN, Filter(), limit=1)[0].place.job_id


def form(client: TestClient, job: str, decision: str = "approve", **changes: Any) -> dict[str, Any]:
    version = ledger_of(client).version(job)
    request = f"{decision}-{version}-x".replace("_", "-")
    fields = {"run": RUN, "job_id": job, "decision": decision, "version": version, "request": request}
    return {**fields, **changes}


def status(client: TestClient, job_id: str) -> str:
    record = ledger_of(client).record(RUN, job_id)
    assert record is not None
    return record.verdict.status if record.verdict else record.state


def find_again(client: TestClient, job_id: str, finding: Finding) -> None:
    """A later look finds this and nothing else."""
    record = ledger_of(client).record(RUN, job_id)
    assert record is not None
    assert record.verdict is not None
    assert ledger_of(client).rejudge([Rejudged(job_id, 0, record.verdict, judge([finding]))]) == {job_id}


def settle(client: TestClient) -> None:
    client.app.state.desk.publisher.wait()  # type: ignore[attr-defined]


def test_the_page_shows_product_beside_master_with_findings_and_boxes(untouched: TestClient) -> None:
    waiting = [each.place.job_id for each in ledger_of(untouched).listed(RUN, Filter(), limit=10)]
    page = untouched.get("/").text

    assert len(re.findall('class="entry"', page)) == 6
    assert f'src="/master/{waiting[0]}/0"' in page
    assert f'src="/product/{RUN}/{waiting[0]}"' in page
    assert '<rect x="600" y="300" width="160" height="220"' in page
    assert ">0.0874</td><td>0.03</td>" in page
    assert "商品外扩" in page
    assert "Product grown" not in page
    assert "白瓷杯" in page


def test_the_page_speaks_english_when_asked_and_remembers(untouched: TestClient) -> None:
    assert "Product grown" in untouched.get("/?lang=en").text
    assert "Product grown" in untouched.get("/").text
    assert "商品外扩" in untouched.get("/?lang=zh").text


def test_every_word_is_there_in_both_languages() -> None:
    for key, (zh, en) in WORDS.items():
        assert zh, key
        assert en, key
        assert re.findall(r"\{\w+\}", zh) == re.findall(r"\{\w+\}", en), key
    assert say("take", "en", n=2) == "Take 2"
    assert one_of_both("色差95分位 Colour difference at 95 %", "en") == "Colour difference at 95 %"
    assert one_of_both("只有中文", "en") == "只有中文"


def test_pictures_come_as_pictures(untouched: TestClient) -> None:
    waiting = [each.place.job_id for each in ledger_of(untouched).listed(RUN, Filter(), limit=10)]
    for address, kind in [
        (f"/thumb/{waiting[0]}/0", "image/webp"),
        (f"/master/{waiting[0]}/0", "image/jpeg"),
        (f"/file/{waiting[0]}/0", "image/png"),
        (f"/product/{RUN}/{waiting[0]}", "image/webp"),
    ]:
        answer = untouched.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_master_that_is_missing_or_broken_and_a_changed_original_show_nothing(
    client: TestClient, waiting: list[str], catalogue: Path
) -> None:
    store, ledger = open_workplace().store, open_workplace().ledger
    for job_id, data in zip(waiting, (None, b"\x89PNG\r\n\x1a\nbroken"), strict=False):
        master = ledger.master(job_id, 0)
        assert master is not None
        store.delete(master.key)
        if data:
            store.put(master.key, data, content_type="image/png")
        assert client.get(f"/master/{job_id}/0").status_code == 404
        assert client.get(f"/thumb/{job_id}/0").status_code == 404
        assert client.get(f"/picture/{job_id}?run={RUN}").status_code == 200
    cv2.imwrite(str(catalogue.with_name("p0.png")), np.zeros((200, 200, 3), np.uint8))
    assert client.get(f"/product/{RUN}/{waiting[0]}").status_code == 404


def test_an_approved_picture_is_composed_and_the_run_published_when_the_queue_is_empty(
    client: TestClient, waiting: list[str]
) -> None:
    workplace = open_workplace()
    for job_id in waiting[:-1]:
        assert client.post("/decide", json=form(client, job_id)).json()["status"] == "approved"
    settle(client)
    assert not workplace.store.exists(manifest_key(RUN))

    assert (
        client.post("/decide", json=form(client, waiting[-1], "reject", cause="growth")).json()["status"] == "rejected"
    )
    settle(client)
    lines = list(read_manifest(workplace.store.get(manifest_key(RUN))))
    assert [line.status for line in lines] == ["approved"] * 5 + ["rejected"]
    assert [len(line.renditions) for line in lines] == [1] * 5 + [0]
    rendition = client.get(f"/rendition/{waiting[0]}/0/taobao-main")
    assert rendition.headers["content-type"] == "image/jpeg"
    assert workplace.store.exists(report_key(RUN))
    standing = client.get(f"/standing?run={RUN}").json()
    assert (standing["message"], standing["can_publish"]) == ("已发布", False)


def test_every_cause_that_is_offered_can_be_given_and_filtered_by(client: TestClient, waiting: list[str]) -> None:
    offered = [cause for cause, _ in Views(open_workplace(), "zh").causes_to_choose()]
    assert {"second-product", "stuck-on", "cut_off", "other"} <= set(offered)
    for cause in offered:
        answer = client.post("/decide", json=form(client, waiting[0], "reject", cause=cause))
        assert (answer.status_code, ledger_of(client).decisions(waiting[0])[-1].cause) == (200, cause)
        assert client.get("/list", params={"status": "rejected", "cause": cause}).text.count("data-job=") == 1
        client.post("/decide", json=form(client, waiting[0], "undo"))


def test_undo_brings_the_picture_back_and_publishing_says_so(client: TestClient, waiting: list[str]) -> None:
    client.post("/decide", json=form(client, waiting[0]))
    assert client.post("/decide", json=form(client, waiting[0], "undo")).json()["status"] == "review"
    settle(client)
    assert client.get(f"/standing?run={RUN}").json()["can_publish"] is True

    client.post("/publish", json={"run": RUN})
    settle(client)
    lines = list(read_manifest(open_workplace().store.get(manifest_key(RUN))))
    assert {line.status for line in lines} == {"review"}


def test_a_new_take_goes_to_the_next_run_with_its_words(client: TestClient, waiting: list[str]) -> None:
    answer = client.post("/decide", json=form(client, waiting[0], "new_take", words="更亮的 晨光，不要文字"))
    assert answer.json()["status"] == "ready"
    (leased,) = open_workplace().ledger.lease_from(RUN, 5, owner="b", seconds=60)
    assert leased.take == 1
    assert leased.job.prompt.endswith("，更亮的 晨光")
    assert leased.job.negative_prompt.endswith("，文字")


def test_the_page_shows_all_takes_and_what_the_newest_was_steered_by(client: TestClient, waiting: list[str]) -> None:
    client.post("/decide", json=form(client, waiting[0], "new_take", words="更亮的晨光"))
    ledger = ledger_of(client)
    (leased,) = ledger.lease_from(RUN, 5, owner="b", seconds=60)
    first = ledger.takes(leased.job_id)[0]
    made = JobResult(
        take=1,
        verdict=first.verdict,
        master=Master(first.key, first.sha256, 256, 256),
        product_box=Box(1, 1, 9, 9),
        steering=leased.steering,
    )
    ledger.commit(leased.job_id, owner="b", attempt=leased.attempt, result=made)

    page = client.get(f"/picture/{waiting[0]}", params={"run": RUN}).text
    assert "<q>更亮的晨光</q>" in page
    assert f"/thumb/{waiting[0]}/0" in page
    assert f"/thumb/{waiting[0]}/1" in page
    assert client.get(f"/thumb/{waiting[0]}/0").status_code == 200


def test_a_duplicate_is_shown_beside_the_picture_that_it_is_like(client: TestClient, waiting: list[str]) -> None:
    twin = Finding(check="duplicate", value=0.0, limit=0.04, passed=False, cause="duplicate", severity="review")
    twin = twin.model_copy(update={"detail": f"like job {waiting[1]} of B-2"})
    find_again(client, waiting[0], twin)

    page = client.get(f"/picture/{waiting[0]}", params={"run": RUN}).text
    assert f'class="twin" href="/file/{waiting[1]}/0"' in page
    assert "与 B-2 的这张相同" in page
    assert f"like job {waiting[1]}" not in page


def test_what_could_not_be_measured_is_folded_unless_the_run_demands_it(client: TestClient, waiting: list[str]) -> None:
    noted = Finding(
        check="prompt", value=None, limit=0.2, passed=False, cause="not_measured", severity="note", detail="no weights"
    )
    for finding, folded in ((noted, True), (noted.model_copy(update={"severity": "review"}), False)):
        find_again(client, waiting[0], finding)
        page = client.get(f"/picture/{waiting[0]}", params={"run": RUN}).text
        assert ("1 项未能检测" in page) is folded
        assert "no weights" in page


def test_two_people_do_not_overwrite_each_other(client: TestClient, waiting: list[str]) -> None:
    mine, theirs = form(client, waiting[0]), form(client, waiting[0], "reject", cause="seam", who="小周")
    assert client.post("/decide", json=theirs).status_code == 200

    answer = client.post("/decide", json=mine)
    assert answer.status_code == 409
    assert "小周" in answer.json()["message"]
    assert "不通过" in answer.json()["message"]
    assert status(client, waiting[0]) == "rejected"


def test_the_same_post_again_is_harmless(client: TestClient, waiting: list[str]) -> None:
    once = form(client, waiting[0])
    first, second = (client.post("/decide", json=once).json() for _ in range(2))
    assert first["id"] == second["id"]
    assert len(open_workplace().ledger.decisions(waiting[0])) == 1


def test_all_of_a_filter_are_approved_at_once_if_they_are_what_was_seen(client: TestClient, waiting: list[str]) -> None:
    chosen = {"run": RUN, "status": "review", "scene": "wood-morning", "request": "bulk-1234"}
    assert client.get(f"/count?run={RUN}&scene=wood-morning").json() == {"count": 3}
    assert client.post("/approve-all", json={**chosen, "count": 2}).status_code == 409
    assert client.post("/approve-all", json={**chosen, "count": 3}).json() == {"message": "已通过 3 张"}
    assert client.post("/approve-all", json={**chosen, "count": 3}).status_code == 200
    assert open_workplace().ledger.counts(RUN).approved == 3
    wrong = {**chosen, "count": 3, "status": "rejected", "request": "bulk-5678"}
    assert client.post("/approve-all", json=wrong).status_code == 422


def test_lists_are_filtered_and_paged(untouched: TestClient) -> None:
    waiting = [each.place.job_id for each in ledger_of(untouched).listed(RUN, Filter(), limit=10)]
    assert len(re.findall("data-job=", untouched.get("/list?text=B-2").text)) == 2
    assert len(re.findall("data-job=", untouched.get("/list?cause=growth&scene=festive-red").text)) == 3
    assert "data-job=" not in untouched.get("/list?status=approved").text
    tail = untouched.get(f"/list?after=3.{waiting[3]}").text
    assert re.findall('data-job="([0-9a-f]+)"', tail) == waiting[4:]
    tally = untouched.get(f"/tally?run={RUN}&status=review").json()
    assert tally["cause"] == [["growth", "商品被画大", 6]]
    assert [entry[0::2] for entry in tally["scene"]] == [["festive-red", 3], ["wood-morning", 3]]


def test_what_catalogues_and_people_write_is_text_not_markup(here: Path, catalogue: Path) -> None:
    evil = "<script>alert(1)</script>"
    text = catalogue.read_text(encoding="utf-8").replace("B-2,绿茶罐", f'"{evil}B","""><img src=x onerror=alert(1)>"')
    catalogue.write_text(text, encoding="utf-8")
    ids = wait_for_a_person(open_workplace(), catalogue)
    ledger = open_workplace().ledger
    ledger.decide(Wish(ids[2], "new_take", ledger.version(ids[2]), evil, "12345678", words=evil))
    with open_client(open_workplace()) as client:
        for page in (
            client.get("/").text,
            client.get(f"/picture/{ids[2]}?run={RUN}").text,
            client.get(f"/picture/{ids[3]}?run={RUN}").text,
            client.get("/", params={"text": f'">{evil}'}).text,
        ):
            assert "alert(1)" in page
            assert "<script>alert" not in page
            assert "<img src=x" not in page


def test_no_inline_script_or_style_so_that_the_policy_can_forbid_them(untouched: TestClient) -> None:
    answer = untouched.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?! src=\"/app.js\"| type=\"application/json\")", answer.text) == []
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", answer.text)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "address",
    [
        "/master/..%2f..%2fetc%2fpasswd/0",
        "/master/../../etc/passwd",
        "/file/%2e%2e/0",
        "/thumb/ZZZZZZZZZZZZZZZZZZZZ/0",
        "/thumb/0123456789abcdef0123/-1",
        "/thumb/0123456789abcdef0123/0",
        "/thumb/0123456789abcdef0123/9e9",
        "/product/run-1/..%2f..%2fgoods.csv",
        "/product/..%2f..%2fout/0123456789abcdef0123",
        "/product/run-1/0123456789abcdef0123",
        "/product/no-such-run/0123456789abcdef0123",
        "/rendition/0123456789abcdef0123/0/..%2f..%2fledger.db",
        "/rendition/0123456789abcdef0123/0/taobao-main",
        "/picture/0123456789abcdef0123?run=run-1",
        "/picture/x?run=run-1",
        "/picture/0123456789abcdef0123?run=../../x",
        "/list?after=1.zz",
        "/list?after=%27%20or%201=1",
        "/list?status=anything",
        "/list?scene=a/b",
        "/?run=../..",
        "/?run=nobody",
        "/page.html",
        "/app.py",
        "/docs",
        "/openapi.json",
    ],
)
def test_an_id_that_is_none_finds_nothing(untouched: TestClient, address: str) -> None:
    assert untouched.get(address).status_code in {404, 422}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"job_id": "../../etc/passwd"}, 422),
        ({"job_id": "0123456789abcdef0123"}, 404),
        ({"run": "nobody"}, 404),
        ({"decision": "drop"}, 422),
        ({"version": "0"}, 422),
        ({"version": "7-7"}, 409),
        ({"request": "short"}, 422),
        ({"decision": "reject"}, 422),
        ({"decision": "reject", "cause": "nonsense"}, 422),
        ({"decision": "undo"}, 409),
        ({"words": "长" * 201}, 422),
        ({"who": "a\nb"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_a_form_that_cannot_be_meant_changes_nothing(untouched: TestClient, change: dict[str, Any], code: int) -> None:
    whole = form(untouched, first_job(untouched))
    assert untouched.post("/decide", json={**whole, **change}).status_code == code
    assert ledger_of(untouched).newest_decision() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"x-shangxin": ""},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"host": "rebound.example:8420"},
    ],
)
def test_posts_from_elsewhere_are_refused(untouched: TestClient, headers: dict[str, str]) -> None:
    whole = form(untouched, first_job(untouched))
    assert untouched.post("/decide", json=whole, headers=headers).status_code == 403
    assert ledger_of(untouched).newest_decision() == 0


def test_posts_from_the_page_itself_are_heard(client: TestClient, waiting: list[str]) -> None:
    headers = {"origin": HOME, "sec-fetch-site": "same-origin"}
    assert client.post("/decide", json=form(client, waiting[0]), headers=headers).status_code == 200


def test_a_post_too_long_to_be_a_decision_is_refused(untouched: TestClient) -> None:
    assert untouched.post("/decide", content=b"x" * 70_000).status_code == 413


def test_with_a_token_nothing_opens_without_it(waiting: list[str]) -> None:
    with open_client(open_workplace(), token=TOKEN) as client:
        client.follow_redirects = False
        assert client.get("/").headers["location"] == "/enter"
        for address in (f"/master/{waiting[0]}/0", f"/list?run={RUN}", f"/picture/{waiting[0]}?run={RUN}", "/app.js"):
            assert client.get(address).status_code == 401
        assert client.post("/decide", json=form(client, waiting[0])).status_code == 401
        assert status(client, waiting[0]) == "review"

        for wrong in ("", "wrong", TOKEN + "x", TOKEN[:-1], "令牌"):
            answer = client.post("/enter", data={"token": wrong})
            assert answer.status_code == 403
            assert COOKIE not in answer.cookies
        assert client.get("/", headers={"cookie": f"{COOKIE}={TOKEN}"}).status_code == 303


def test_the_token_opens_by_form_or_link_and_is_not_in_the_cookie(waiting: list[str]) -> None:
    for enter in (
        lambda client: client.post("/enter", data={"token": TOKEN}, headers={"origin": HOME}),
        lambda client: client.get("/enter", params={"token": TOKEN}),
    ):
        with open_client(open_workplace(), token=TOKEN) as client:
            cookie = enter(client).headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert TOKEN not in cookie
            assert client.get("/").status_code == 200
            assert client.get("/", headers={"host": "studio.example:8420"}).status_code == 200


def test_other_hosts_than_this_machine_need_a_token_of_some_length(tmp_path: Path) -> None:
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "studio.example")))  # noqa: S104
    assert len(chosen_token(Workplace(Settings(out=tmp_path)))) >= 32
    assert chosen_token(Workplace(Settings(out=tmp_path, review_token=TOKEN))) == TOKEN
    with pytest.raises(ConfigurationError, match="16"):
        chosen_token(Workplace(Settings(out=tmp_path, review_token="short")))


def test_a_runs_files_are_shown_behind_the_same_door_and_nothing_else(waiting: list[str]) -> None:
    workplace = open_workplace()
    workplace.store.put(report_key(RUN), b"<h1>report</h1>", content_type="text/html")
    with open_client(workplace) as client:
        report = client.get(f"/store/{report_key(RUN)}")
        assert (report.status_code, report.text) == (200, "<h1>report</h1>")
        assert "script-src 'sha256-" in report.headers["content-security-policy"]
        master = next(key for key in workplace.store.keys("masters/") if "%" not in key)
        assert client.get(f"/store/{master}").headers["content-type"] == "image/png"
        for key in (
            "ledger.db",
            "runs/x/ledger.jsonl.gz",
            "masters/../ledger.db",
            "masters/%2e%2e/ledger.db",
            "golden/a",
        ):
            assert client.get(f"/store/{key}").status_code in {404, 503}, key
    with open_client(workplace, token=TOKEN) as stranger:
        assert stranger.get(f"/store/{report_key(RUN)}", follow_redirects=False).status_code == 303
        assert stranger.get(f"/store/{master}").status_code == 401
