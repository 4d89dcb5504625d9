import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tasks.delivery.acceptance import TakeEntry
from tasks.delivery.report import (
    BadRowEntry,
    RenditionEntry,
    ReportData,
    ReportRow,
    RowStatus,
    format_both,
    format_seconds,
    format_value,
    render_report,
)
from tasks.delivery.thumbnails import data_address, make_thumbnail
from tasks.findings import Finding
from tasks.shapes import Size
from tests.delivery.sample_report import STARTED, sample_report, sample_rows
from tests.quality import pictures

THUMB = make_thumbnail(pictures.to_png(pictures.master("wood", "mug", side=96).pixels), side=48)
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7 * 7 }}",
    "</style><script>alert(1)</script>",
    "' onmouseover='alert(1)",
)


class Page(HTMLParser):
    """Tags with attributes, and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def cards(self) -> list[dict[str, str | None]]:
        return [card for card in self.all("article") if "card" in str(card["class"])]


def row(number: int = 0, status: RowStatus = "approved", scene: str = "wood", **changes: object) -> ReportRow:
    base = ReportRow(
        sku=f"SKU-{number}", title="茶", scene=scene, scene_title="原木", status=status, thumb=THUMB, size=Size(96, 96)
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def report(*rows: ReportRow, **changes: object) -> ReportData:
    base = ReportData("run-1", "tea.csv", STARTED, STARTED + timedelta(minutes=1), rows)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_figures_count_every_row_by_status() -> None:
    spent = [row(0, cost=0.3), row(1, cost=0.2), row(2, "review", cost=0.1, fresh=False)]
    rows = [*spent, row(3, "rejected"), row(4, "failed", reason="没有内存")]
    page = Page(render_report(report(*rows, currency="CNY")))

    assert re.search(r"2 通过 Approved 1 待审 To review 1 未通过 Rejected 1 失败 Failed", page.text)
    assert "0.50 CNY" in page.text
    assert "0.2500 CNY" in page.text  # per approved picture
    assert "没有内存" in page.text


def test_without_an_approved_picture_there_is_no_cost_of_one() -> None:
    page = Page(render_report(report(row(0, "rejected", cost=0.5))))

    assert "每张通过 Per approved —" in page.text


def test_causes_are_counted_once_a_picture_and_notes_not_at_all() -> None:
    seam = Finding(check="seam", value=9, limit=3, passed=False, cause="seam")
    light = Finding(check="exposure_dark", value=9, limit=30, passed=False, cause="exposure")
    blown = Finding(check="clipped_white", value=1, limit=0.3, passed=False, cause="exposure")
    unmeasured = Finding(
        check="growth",
        value=None,
        limit=0.03,
        passed=False,
        cause="not_measured",
        severity="note",
        detail="not measured",
    )
    rows = [
        row(0, "review", findings=(light, blown, unmeasured)),
        row(1, "review", findings=(light, seam)),
        row(2, findings=(unmeasured,)),
    ]
    titles = {"exposure": "曝光不当 Badly exposed", "seam": "接缝 Seam", "not_measured": "未能检测"}
    page = Page(render_report(report(*rows, cause_titles=titles, check_titles={"growth": "外扩"})))

    assert "原因 Causes 曝光不当 Badly exposed 2 接缝 Seam 1 场景通过率" in page.text
    assert "未能检测" not in page.text
    assert "外扩 — 0.03" in page.text  # a value that was not measured shows as such beside its limit


def growth(severity: str = "review") -> Finding:
    return Finding.model_validate(
        {"check": "growth", "value": 0.2, "limit": 0.03, "passed": False, "cause": "growth", "severity": severity}
    )


def test_where_nothing_passed_the_likeliest_common_cause_comes_first() -> None:
    rows = [row(n, "review", findings=(growth(),)) for n in range(3)] + [row(3, "failed", reason="没有内存")]
    page = Page(render_report(report(*rows, cause_titles={"growth": "商品被画大 Grown"})))
    assert page.text.index("最可能的共同原因： 商品被画大 Grown （3/4）") < page.text.index("通过 Approved")

    rows = [row(n, "failed", reason=f"images/{n}.png: the picture is cut short") for n in range(4)]
    assert "最可能的共同原因： the picture is cut short （4/4）" in Page(render_report(report(*rows))).text
    assert "最可能的共同原因" not in Page(render_report(report(row(0), *rows))).text
    assert "最可能的共同原因" not in Page(render_report(report())).text


def test_takes_repairs_and_acceptance_by_category_are_counted() -> None:
    first = TakeEntry(0, "review", ("growth",), {}, "masters/a/a-0.png")
    mended = TakeEntry(1, "approved", (), {"by": "repair", "causes": ["growth"], "keep_ring": 12}, "masters/a/a-1.png")
    rows = [
        row(0, take=1, takes=(first, mended), category="茶叶"),
        row(1, "review", takes=(first,), findings=(growth(),), category="茶叶"),
        row(2, takes=(TakeEntry(0, "approved"),), category="箱包"),
    ]
    page = Page(render_report(report(*rows, cause_titles={"growth": "商品被画大 Grown"})))
    assert "商品被画大 Grown 2 · 修好 1" in page.text
    assert "茶叶 1 /2 箱包 1 /1" in page.text
    assert "渲染次数 Takes 4 · 3 张 pictures" in page.text
    assert "自动修好 Repaired 1" in page.text
    assert "2 次尝试 Takes" in page.text
    assert "keep_ring 12" in page.text


def test_bad_rows_are_shown_with_line_column_value_and_reason() -> None:
    page = Page(render_report(report(row(), bad_rows=(BadRowEntry(7, "price", "约99元", "不是数字"),))))

    assert "目录问题行 Bad rows 1" in page.text
    assert "7 price 约99元 不是数字" in page.text


def test_links_lead_to_the_store_and_quote_the_percent_signs_of_keys() -> None:
    rendition = RenditionEntry("taobao", "renditions/taobao/a%2Fb/1-0.jpg", Size(800, 800), 204_800)
    page = Page(render_report(report(row(master_key="masters/a%2Fb/1-0.png", renditions=(rendition,)))))

    assert [link["href"] for link in page.all("a")] == [
        "../../masters/a%252Fb/1-0.png",
        "../../renditions/taobao/a%252Fb/1-0.jpg",
    ]
    assert "taobao 800×800 200 KB" in page.text


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_the_catalogue_says_is_text_and_nothing_else(nasty: str) -> None:
    finding = Finding(check=nasty, value=1, limit=0, passed=False, cause=nasty, detail=nasty)
    rendition = RenditionEntry(nasty, nasty, Size(1, 1), 1)
    strange = ReportRow(
        nasty, nasty, nasty, nasty, "review", findings=(finding,), prompt=nasty, negative_prompt=nasty, reason=nasty,
        thumb=THUMB, master_key=nasty, renditions=(rendition,), job_id=nasty, seconds={nasty: 1.0},
    )  # fmt: skip
    texts = {"run_id": nasty, "catalog": nasty, "model": nasty, "model_note": nasty, "currency": nasty}
    bad = (BadRowEntry(1, nasty, nasty, nasty),)
    hidden = replace(strange, scene="other")
    data = report(strange, hidden, hidden, bad_rows=bad, shown_per_scene=1, **texts)
    page = Page(render_report(data))

    assert len(page.all("script")) == 1
    assert len(page.all("style")) == 1
    assert all(str(image["src"]).startswith("data:image/webp;base64,") for image in page.all("img"))
    assert all(str(link["href"]).startswith("../../") for link in page.all("a"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert nasty in page.text


def test_the_page_refers_to_nothing_outside_itself() -> None:
    text = render_report(sample_report([row()]))
    page = Page(text)

    assert not re.search(r"""(https?:|["'(])//""", text)
    assert "@import" not in text
    assert page.all("link") == []
    policy = next(str(meta["content"]) for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; img-src data:")


def test_no_more_pictures_than_allowed_are_shown_and_the_page_says_so() -> None:
    asked = []

    def thumb() -> bytes:
        asked.append(1)
        return THUMB

    rows = [row(number, scene=f"s{number % 2}", thumb=thumb) for number in range(50)]
    page = Page(render_report(report(*rows, shown_per_scene=3, listed=10)))

    assert len(page.cards()) == 6
    assert len(asked) == 6
    assert "50 通过" in page.text
    assert "未展示图片 Not pictured 44" in page.text
    assert "每个场景只展示前 3 张" in page.text
    assert "此表只列前 10 行" in page.text
    assert len(page.all("tr")) == 11


def test_what_needs_a_person_is_pictured_before_the_rest() -> None:
    rows = [*[row(number) for number in range(20)], row(90, "review"), row(91, "rejected")]
    page = Page(render_report(report(*rows, shown_per_scene=3)))

    assert sorted(str(card["data-status"]) for card in page.cards()) == ["approved", "rejected", "review"]


def test_a_run_of_many_jobs_stays_a_small_file() -> None:
    rows = [row(number, scene=f"s{number % 6}") for number in range(12_000)]

    assert len(render_report(report(*rows))) < 1_200_000


def test_a_run_with_nothing_to_do_says_so() -> None:
    page = Page(render_report(report(already_done=36)))

    assert "本次没有要出的图片" in page.text
    assert "另有 36 张此前已完成" in page.text


def test_a_thumbnail_that_is_no_picture_is_left_out() -> None:
    page = Page(render_report(report(row(thumb=b"<svg onload=alert(1)>"), row(1, thumb=lambda: None))))

    assert page.all("img") == []
    assert "没有图片 No picture" in page.text
    assert data_address(b"") is None


def test_products_stay_together_in_the_order_of_the_catalogue() -> None:
    rows = [row(2, scene="a"), row(1, scene="a"), row(2, scene="b")]
    text = render_report(report(*rows))

    assert text.count('<section class="product">') == 2
    assert text.index("SKU-2") < text.index("SKU-1")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 s"), (0.423, "0.42 s"), (12.4, "12 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "—"), (0.0, "0"), (0.00001, "< 0.001"), (0.03149, "0.0315"), (1234.5, "1234")]
)
def test_values_read_without_powers_of_ten(value: float | None, text: str) -> None:
    assert format_value(value) == text


def test_the_english_half_of_a_title_is_set_apart_and_escaped() -> None:
    assert format_both("接缝 Seam") == '接缝 <span class="en" lang="en">Seam</span>'
    assert format_both("色差95分位 Colour <b>") == '色差95分位 <span class="en" lang="en">Colour &lt;b&gt;</span>'
    assert format_both("Seam <b>") == "Seam &lt;b&gt;"
    assert format_both("Kolors 模型") == "Kolors 模型"


CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(
        render_report(sample_report(sample_rows(side=192, scenes=("wood", "snow", "night")))), encoding="utf-8"
    )
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield running
        running.close()


def test_in_a_browser_nothing_scrolls_sideways_and_nothing_complains(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    for width in (360, 390, 768, 1280, 1920):
        page = browser.new_page(viewport={"width": width, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message, heard=complaints: heard.append(message.text))
        page.on("pageerror", lambda error, heard=complaints: heard.append(str(error)))
        page.goto(address)

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert complaints == []
        page.close()


def test_in_a_browser_the_longest_words_fit_a_phone(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "report.html"
    long, wide = "W" * 300, "🧴" * 120
    rendition = RenditionEntry(long, long, Size(800, 800), 1)
    failed = row(0, "failed", sku=long, title=wide, prompt=long, renditions=(rendition,), reason=long, thumb=None)
    bad = (BadRowEntry(1_000_000, long, long, long),)
    data = report(failed, bad_rows=bad, model=long, model_note=long, catalog=long)
    path.write_text(render_report(data), encoding="utf-8")
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_in_a_browser_the_filters_combine_and_an_empty_result_says_so(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    cards, review = page.locator(".card:visible"), page.locator('.card[data-status="review"]')
    every, waiting = cards.count(), review.count()

    page.locator('[data-filter="status"][data-value="review"]').click()
    assert (cards.count(), waiting > 0, waiting < every) == (waiting, True, True)
    assert page.locator(".product:visible").count() == page.locator('.product:has(.card[data-status="review"])').count()

    page.locator('[data-filter="scene"][data-value="wood"]').click()
    assert cards.count() == page.locator('.card[data-status="review"][data-scene="wood"]').count()

    page.locator('[data-filter="status"][data-value="failed"]').click()
    page.locator('[data-filter="scene"][data-value="snow"]').click()
    assert cards.count() == 0
    assert page.locator("main .nothing").is_visible()

    page.locator('[data-filter="status"][data-value=""]').click()
    page.locator('[data-filter="scene"][data-value=""]').click()
    assert cards.count() == every
    page.close()


def test_in_a_browser_a_tap_opens_the_values_and_the_prompt(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(address)
    card = page.locator('.card[data-status="review"]').first

    assert not card.locator(".values").is_visible()
    card.locator(".badge").tap()
    card.locator(".values").wait_for(state="visible")
    assert card.locator(".values tbody tr").first.get_attribute("class") == "review"
    page.locator("h1").tap()
    card.locator(".values").wait_for(state="hidden")

    assert not card.locator(".prompt").first.is_visible()
    card.locator("summary", has_text="提示词").tap()
    assert card.locator(".prompt").first.is_visible()
    page.close()


def test_in_a_browser_a_script_in_the_catalogue_never_runs(browser, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "report.html"
    rows = [row(number, sku=text, title=text, prompt=text, reason=text) for number, text in enumerate(NASTY)]
    path.write_text(render_report(report(*rows)), encoding="utf-8")
    page = browser.new_page()
    opened: list[str] = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))

    page.goto(path.as_uri())
    page.wait_for_load_state("load")

    assert opened == []
    assert page.locator(".card").count() == len(NASTY)
    page.close()


def test_what_the_renderer_noted_and_what_samplers_may_change_is_told_once_each() -> None:
    note = "显存不足，已拆批 drawn 1 at a time: the card had no room for 4"
    effect = ("dpm-25-cached", "内层每两步才算一次 inner blocks run in every second step only")
    rows = [row(0, notes=(note,)), row(1, notes=(note,), sampler=effect[0]), row(2)]
    page = Page(render_report(report(*rows, samplers=dict([effect, ("unused", "unused")]))))

    assert "渲染说明 Renderer's notes 显存不足，已拆批 drawn 1 at a time: the card had no room for 4 2" in page.text
    assert "dpm-25-cached 内层每两步才算一次 inner blocks run in every second step only" in page.text
    assert "渲染说明" not in Page(render_report(report(row(0)))).text
