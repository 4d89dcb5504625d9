"""The approval page in a real browser: keys, dialogs, a cut line, a phone."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from flows.approval.app import make_app
from tasks.delivery.ledger import Ledger
from tasks.workplace import open_workplace
from tests.flows.approval_run import RUN, wait_for_a_person

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium")


@pytest.fixture
def waiting(here: Path, catalogue: Path) -> list[str]:
    return wait_for_a_person(open_workplace(), catalogue)


@pytest.fixture
def address(waiting: list[str]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(open_workplace(), who="小林"), log_level="error", access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(timeout=40)
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield running
        running.close()


def status(ledger: Ledger, job_id: str) -> str:
    record = ledger.record(RUN, job_id)
    assert record is not None
    return record.verdict.status if record.verdict else record.state


def until(true: Callable[[], bool], page: Any) -> None:
    """Wait, for at most ten seconds, until something is so."""
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert true()


def test_a_person_goes_through_the_queue_by_keys_alone(browser: Any, address: str, waiting: list[str]) -> None:
    ledger = open_workplace().ledger
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    shown = page.locator(".picture")

    def shows(job_id: str) -> None:
        until(lambda: shown.get_attribute("data-job") == job_id, page)

    shows(waiting[0])
    page.keyboard.press("a")
    shows(waiting[1])
    assert status(ledger, waiting[0]) == "approved"

    page.keyboard.press("r")
    page.locator("#reject .causes button").first.wait_for()
    page.keyboard.press("1")
    shows(waiting[2])
    assert ledger.decisions(waiting[1])[0].cause == "growth"

    page.keyboard.press("t")
    page.locator("#words-input").fill("更亮的晨光，不要文字")
    page.keyboard.press("Enter")
    shows(waiting[3])
    assert ledger.decisions(waiting[2])[0].words == "更亮的晨光，不要文字"

    page.keyboard.press("s")
    shows(waiting[4])
    page.keyboard.press("ArrowLeft")
    shows(waiting[3])

    page.keyboard.press("u")
    shows(waiting[2])
    until(lambda: status(ledger, waiting[2]) == "review", page)
    until(lambda: page.locator('[data-count="review"]').inner_text() == "4", page)
    assert [len(ledger.decisions(job_id)) for job_id in waiting] == [1, 1, 2, 0, 0, 0]
    assert {each.who for each in ledger.decisions(waiting[2])} == {"小林"}
    assert complaints == []
    page.close()


def test_a_line_cut_in_the_middle_of_a_decision_leaves_one_decision(
    browser: Any, address: str, waiting: list[str]
) -> None:
    ledger = open_workplace().ledger
    page = browser.new_page()
    page.goto(address)
    cut: list[str] = []

    def carry_out_but_lose_the_answer(route: Any) -> None:
        if cut:
            route.continue_()
            return
        cut.append(route.fetch().text())  # the server has heard it
        route.abort()

    page.route("**/decide", carry_out_but_lose_the_answer)
    page.locator('[data-do="approve"]').click()
    until(lambda: page.locator(".picture").get_attribute("data-job") == waiting[1], page)
    assert cut
    assert [each.decision for each in ledger.decisions(waiting[0])] == ["approve"]
    page.close()


def test_all_that_a_filter_shows_are_approved_after_a_second_look(
    browser: Any, address: str, waiting: list[str]
) -> None:
    ledger = open_workplace().ledger
    page = browser.new_page()
    page.goto(address + "?scene=festive-red")
    page.locator('[data-do="bulk"]').click()
    page.locator("#bulk h2", has_text="3").wait_for()
    assert {status(ledger, job_id) for job_id in waiting} == {"review"}
    page.locator("#bulk .primary").click()
    until(lambda: ledger.counts(RUN).approved == 3, page)
    page.locator(".toast").wait_for()
    assert "3" in page.locator(".toast").inner_text()
    assert ledger.counts(RUN).review == len(waiting) - 3
    page.close()


def test_who_comes_second_is_told_and_sees_what_was_decided(browser: Any, address: str, waiting: list[str]) -> None:
    first, second = browser.new_page(), browser.new_page()
    first.goto(address)
    second.goto(address)
    first.keyboard.press("a")
    until(lambda: first.locator(".picture").get_attribute("data-job") == waiting[1], first)

    second.keyboard.press("r")
    second.keyboard.press("1")
    second.locator(".toast.bad").wait_for()
    assert "通过" in second.locator(".toast").inner_text()
    until(lambda: second.locator(".picture").get_attribute("data-status") == "approved", second)
    assert len(open_workplace().ledger.decisions(waiting[0])) == 1
    first.close()
    second.close()


def test_on_a_phone_nothing_scrolls_sideways_and_buttons_fit_a_thumb(
    browser: Any, address: str, waiting: list[str]
) -> None:
    for width in (360, 390, 768, 1280):
        page = browser.new_page(viewport={"width": width, "height": 780}, has_touch=width < 800)
        page.goto(address + "?lang=en")
        page.locator(".master img").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.locator(".actions button").all():
            assert button.bounding_box()["height"] >= 44
        image, box = page.locator(".master img").bounding_box(), page.locator(".boxes .under").bounding_box()
        assert box["x"] - image["x"] == pytest.approx(600 / 1024 * image["width"], abs=4)
        assert box["y"] - image["y"] == pytest.approx(300 / 1024 * image["height"], abs=4)
        assert box["width"] == pytest.approx(160 / 1024 * image["width"], abs=6)
        page.close()
