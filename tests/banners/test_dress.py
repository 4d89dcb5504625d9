"""Copy on renditions: off the product, readable, whole, by priority; refused with a reason where it cannot be."""

import io
import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from tasks.banners.compose import Refused, Rendition, compose_renditions
from tasks.banners.dress import Dresser, Subject, busyness
from tasks.banners.inks import Look, choose_inks, contrast, luminance, one_plate
from tasks.banners.layouts import load_layouts
from tasks.banners.pieces import Setter
from tasks.banners.placement import load_placements
from tasks.banners.typography.fonts import FontBook
from tasks.banners.wording import Copy, Problem, read_copy
from tasks.errors import TemplateError
from tasks.settings import PROJECT
from tasks.shapes import Size
from tests.banners.drawn import Master, draw_master

TEMPLATES = PROJECT / "templates"
BOOK = FontBook(TEMPLATES / "fonts")
LAYOUTS = load_layouts(TEMPLATES / "layouts")
PLACEMENTS = load_placements(TEMPLATES / "placements")
COPY = Copy(
    headline="换季的脸，交给青屿",
    subline="积雪草舒缓精华液 30ml",
    points=("积雪草提取物", "换季舒缓", "无香精配方"),
    price="168",
    was="198",
    cta="看看成分",
    badge="滴管取用",
)
SHAPES = (
    "taobao-main", "taobao-3x4", "meta-landscape", "meta-story", "google-728x90", "google-970x250", "google-320x50",
    "google-160x600", "google-300x600", "google-300x250", "google-320x100", "google-200x200",
)  # fmt: skip


def dresser(copy: Copy = COPY, *, look: Look | None = None, scene: str = "plain", **options: Any) -> Dresser:
    setter = Setter(BOOK, wordmark="青屿")
    return Dresser(LAYOUTS, setter, copy, look or Look(), scene=scene, **options)


def compose(names: tuple[str, ...], who: Dresser, master: Master | None = None) -> dict[str, Rendition | Refused]:
    master = master or draw_master("table", width=512, height=512)
    wanted = [PLACEMENTS[name] for name in names]
    made = compose_renditions(
        master.pixels, master.product_box, wanted, background="generated", alpha=master.alpha, dresser=who
    )
    return {each.placement.id: each for each in made}


def values(made: Rendition | Refused, check: str) -> list[float | None]:
    assert isinstance(made, Rendition), made
    return [finding.value for finding in made.findings if finding.check == check]


@pytest.mark.parametrize("scene", ["table", "marble", "lights"])
def test_every_shape_gets_readable_copy_off_the_product(scene: Any) -> None:
    made = compose(SHAPES, dresser(), draw_master(scene, width=512, height=512))
    for name, each in made.items():
        assert isinstance(each, Rendition), (name, each)
        assert values(each, "copy-clear") == [0]
        failed = [finding for finding in each.findings if not finding.passed and finding.check == "copy-contrast"]
        assert not failed, name


def test_every_placement_that_takes_copy_has_a_layout() -> None:
    for placement in PLACEMENTS.values():
        layouts = [layout for layout in LAYOUTS if layout.fits(placement.size, "plain")]
        assert layouts or min(placement.size) < 40, (placement.id, placement.size)


@pytest.mark.parametrize("copy", [COPY, Copy(headline="慢一点，早安")], ids=["all", "headline"])
def test_a_thumbnail_shows_the_whole_product_large_and_no_cut_copy(copy: Copy) -> None:
    master, cover = draw_master("table", width=512, height=512), PLACEMENTS["wechat-cover"]
    subject = Subject(Size(512, 512), master.product_box, "scene", busyness(master.pixels))
    dressing, shown = dresser(copy).arrange(subject, cover, least=0.0), cover.thumbnail_box
    assert dressing is not None
    assert shown is not None
    assert dressing.framing.product.common(shown) == dressing.framing.product
    assert max(dressing.framing.product.size) > 0.7 * cover.size.height
    assert dressing.arranged.sets
    assert all(each.box.common(shown).is_empty for each in dressing.arranged.sets)


def test_placements_that_forbid_text_stay_bare() -> None:
    master = draw_master("white", width=512, height=512)
    placement = PLACEMENTS["taobao-white"]
    bare, dressed = (
        next(
            compose_renditions(
                master.pixels, master.product_box, [placement], background="white", alpha=master.alpha, dresser=who
            )
        )
        for who in (None, dresser())
    )
    assert isinstance(bare, Rendition)
    assert isinstance(dressed, Rendition)
    assert bare.sha256 == dressed.sha256


def test_what_matters_least_goes_first_when_space_is_short() -> None:
    wordy = COPY._replace(
        headline="换季泛红的脸，这一季就放心交给青屿",
        subline="积雪草舒缓精华液 30ml 滴管装，换季也安心，一瓶用到春天",
        cta="点这里看看全部成分说明",
    )
    made = compose(("google-320x50",), dresser(wordy))["google-320x50"]
    assert isinstance(made, Rendition)
    told = [finding.detail for finding in made.findings if finding.check == "copy-left-out"]
    assert told
    assert "headline" not in told[0]


def test_copy_that_cannot_fit_is_refused_and_never_cut() -> None:
    long = Copy(headline="这是一句长得没有道理的文案" * 16)
    assert len(long.headline) > 200
    made = compose(("google-320x50", "google-160x600"), dresser(long))
    for name, each in made.items():
        assert isinstance(each, Refused), name
        assert "208 characters" in each.reason
        assert "Shorten it" in each.reason


@pytest.mark.parametrize(
    ("headline", "told"),
    [("好喝🔥", "emoji"), ("שלום", "right to left"), ("ꦠ吉", r"U\+A9A0")],
)
def test_a_headline_that_no_font_can_set_is_refused(headline: str, told: str) -> None:
    made = compose(("taobao-main",), dresser(COPY._replace(headline=headline)))["taobao-main"]
    assert isinstance(made, Refused)
    assert re.search(told, made.reason)


def test_a_lesser_element_that_cannot_be_set_is_left_out_with_a_finding() -> None:
    made = compose(("taobao-main",), dresser(COPY._replace(badge="🔥爆款"), notes=(Problem("logo", "x.png is gone"),)))
    each = made["taobao-main"]
    assert isinstance(each, Rendition)
    told = [(finding.detail, finding.passed) for finding in each.findings if finding.check == "copy-element"]
    assert ("logo x.png is gone", False) in told
    assert any("badge" in detail and "emoji" in detail for detail, _ in told)


def test_a_rare_character_comes_from_the_system_or_is_refused() -> None:
    made = compose(("taobao-main",), dresser(COPY._replace(headline="𠮷日好物")))["taobao-main"]
    rare = BOOK.problem("𠮷") is None
    assert isinstance(made, Rendition if rare else Refused)


def test_a_brand_colour_without_contrast_is_told_and_still_readable() -> None:
    look = Look(ink=(120, 120, 120), paper=(170, 170, 170), primary=(150, 150, 150), accent=(160, 160, 160))
    made = compose(("taobao-main",), dresser(look=look))["taobao-main"]
    assert isinstance(made, Rendition)
    assert "brand-contrast" in {finding.check for finding in made.findings if not finding.passed}


def test_a_product_wider_than_its_placement_leaves_the_copy_its_room() -> None:
    master = draw_master("table", width=512, height=512, share=0.95)
    wide = Master(master.pixels, master.product_box._replace(left=10, right=502), master.alpha)
    for name, each in compose(("google-160x600", "google-120x600", "google-728x90"), dresser(), wide).items():
        assert isinstance(each, Rendition), name
        assert values(each, "copy-clear") == [0]


def test_a_scrim_comes_only_where_no_ink_is_readable() -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 255, (200, 200, 3), np.uint8)
    calm = np.full((200, 200, 3), (238, 230, 220), np.uint8)
    assert choose_inks(calm, (), Look()).opacity == 0
    veiled = choose_inks(noise, (), Look())
    assert veiled.opacity > 0
    assert veiled.contrast >= veiled.wanted


def test_contrast_is_wcags() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
    assert float(luminance(np.array((255, 0, 0), np.uint8))) == pytest.approx(0.2126, abs=1e-4)


def test_couplets_stand_upright_beside_the_product() -> None:
    words = COPY._replace(couplet=("春风入盏千山绿", "好茶迎门万户香", "茶香迎春"))
    festive = compose(("taobao-main",), dresser(words, scene="festive-red"))["taobao-main"]
    assert isinstance(festive, Rendition)
    assert any("layout festive" in finding.detail for finding in festive.findings)
    assert values(festive, "copy-clear") == [0]


def test_layers_keep_text_as_text_and_the_picture_without_it() -> None:
    made = compose(("google-970x250",), dresser(layers=True))["google-970x250"]
    assert isinstance(made, Rendition)
    root = ET.fromstring(made.layers)  # noqa: S314  our own
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"换季的脸，交给青屿", "¥198", "看看成分"} <= set(texts)
    assert (root.get("width"), root.get("height")) == ("970", "250")
    assert b"data:image/jpeg;base64," in made.layers


def test_equal_copy_equal_bytes_and_other_copy_other_bytes() -> None:
    first, again, other = (
        compose(("google-300x250",), dresser(copy))["google-300x250"]
        for copy in (COPY, COPY, COPY._replace(headline="交给青屿"))
    )
    assert isinstance(first, Rendition)
    assert isinstance(again, Rendition)
    assert isinstance(other, Rendition)
    assert first.sha256 == again.sha256 != other.sha256
    assert Image.open(io.BytesIO(first.data)).size == (300, 250)


def test_every_sample_of_english_and_traditional_copy_is_set() -> None:
    for facts in (
        {"copy_text": "Slow down. Good morning.", "locale": "en", "price": "69"},
        {"copy_text": "換季的臉，交給青嶼", "locale": "zh-TW", "price": "168"},
    ):
        for name, each in compose(SHAPES, dresser(read_copy(facts))).items():
            assert isinstance(each, Rendition), (name, each)


def test_a_layout_that_names_no_element_is_refused(tmp_path: Any) -> None:
    (tmp_path / "elements.yaml").write_text("headline: {size: 0.1}\n", encoding="utf-8")
    (tmp_path / "odd.yaml").write_text(
        "id: odd\ntitle: {zh: 怪, en: Odd}\nratio: [1, 2]\n"
        "variants: [{places: [{side: top, columns: [[[headlin]]]}]}]\n",
        encoding="utf-8",
    )
    with pytest.raises(TemplateError, match=r"odd.yaml: .*'headlin' is no element"):
        load_layouts(tmp_path)


def test_copy_never_reaches_the_master_even_where_nothing_is_scaled() -> None:
    placement = PLACEMENTS["shopee-main"]
    master = draw_master("table", width=placement.size.width, height=placement.size.height, share=0.3)
    before = master.pixels.copy()
    compose(("shopee-main", "shopify-product"), dresser(Copy(headline="好茶")), master)
    assert np.array_equal(master.pixels, before)


def test_placements_that_differ_in_bytes_alone_share_a_picture_and_others_do_not() -> None:
    names = ("taobao-main", "google-shopping-main", "douyin-main", "shopee-main")
    together = compose(names, dresser())
    for name in names:
        (alone,) = compose((name,), dresser()).values()
        made = together[name]
        assert isinstance(made, Rendition)
        assert isinstance(alone, Rendition)
        assert made.data == alone.data
        assert made.findings == alone.findings
    assert values(together["google-shopping-main"], "copy-contrast") == []  # its rules forbid text


def test_plates_in_one_picture_share_the_colour_of_most() -> None:
    look = Look()
    light, own = (choose_inks(np.full((40, 40, 3), colour, np.uint8), (), look) for colour in (250, look.primary))
    assert light.plate != own.plate
    assert {(each.plate, each.on) for each in one_plate([own, light, light])} == {(light.plate, light.on)}
